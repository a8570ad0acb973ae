using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>tickers: the exchange's summary messages, which are not numbered and may be coalesced. What a message did not say is null.</summary>
internal sealed class Tickers : Table
{
    private readonly IntegerColumn _receivedAt, _exchangeAt, _lastPrice, _yesBid, _yesAsk, _yesBidSize, _yesAskSize;
    private readonly IntegerColumn _lastTradeSize, _volume, _openInterest, _dollarVolume, _dollarOpenInterest;
    private readonly SymbolColumn _ticker;

    public Tickers(Symbols symbols)
        : base("tickers", symbols)
    {
        _receivedAt = Stamp("received_at");
        _exchangeAt = Stamp("exchange_at", isNullable: true);
        _ticker = Key("ticker");
        _lastPrice = Price("last_price", isNullable: true);
        _yesBid = Price("yes_bid", isNullable: true);
        _yesAsk = Price("yes_ask", isNullable: true);
        _yesBidSize = Quantity("yes_bid_size", isNullable: true);
        _yesAskSize = Quantity("yes_ask_size", isNullable: true);
        _lastTradeSize = Quantity("last_trade_size", isNullable: true);
        _volume = Quantity("volume", isNullable: true);
        _openInterest = Quantity("open_interest", isNullable: true);
        _dollarVolume = Long("dollar_volume", isNullable: true);
        _dollarOpenInterest = Long("dollar_open_interest", isNullable: true);
    }

    protected override int CheckMask => 0x3FF;

    public void Append(in RowOrigin origin, Message message)
    {
        _receivedAt.Append(origin.ReceivedAt);
        _exchangeAt.Append(message.ExchangeAt);
        _ticker.Append(message.Ticker);
        _lastPrice.Append(Words.Price(message.LastPrice));
        _yesBid.Append(Words.Price(message.YesBid));
        _yesAsk.Append(Words.Price(message.YesAsk));
        _yesBidSize.Append(message.YesBidSize);
        _yesAskSize.Append(message.YesAskSize);
        _lastTradeSize.Append(message.LastTradeSize);
        _volume.Append(message.Volume);
        _openInterest.Append(message.OpenInterest);
        _dollarVolume.Append(message.DollarVolume);
        _dollarOpenInterest.Append(message.DollarOpenInterest);
    }
}
