using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>trades of production: one row a trade_id. `origin` and received_at are of the gatherer that told it first.</summary>
internal sealed class MergedTrades : Table
{
    private readonly IntegerColumn _exchangeAt, _receivedAt, _yesPrice, _noPrice, _count;
    private readonly SymbolColumn _ticker, _takerSide, _takerBookSide, _origin;
    private readonly TextColumn _tradeId;
    private readonly FlagColumn _isBlockTrade;

    public MergedTrades(Symbols symbols)
        : base("trades", symbols)
    {
        _exchangeAt = Stamp("exchange_at");
        _receivedAt = Stamp("received_at");
        _ticker = Key("ticker");
        _tradeId = Text("trade_id");
        _yesPrice = Price("yes_price");
        _noPrice = Price("no_price");
        _count = Quantity("count");
        _takerSide = Symbol("taker_side", isNullable: true);
        _takerBookSide = Symbol("taker_book_side", isNullable: true);
        _isBlockTrade = Flag("is_block_trade");
        _origin = Symbol("origin");
    }

    /// <summary>In order of exchange_at and trade_id.</summary>
    public void Append(ReadOnlySpan<byte> ticker, long receivedAt, Message trade, bool isBackfilled)
    {
        _exchangeAt.Append(trade.ExchangeAt);
        _receivedAt.Append(receivedAt);
        _ticker.Append(ticker);
        _tradeId.Append(trade.TradeId);
        _yesPrice.Append(trade.YesPrice);
        _noPrice.Append(trade.NoPrice);
        _count.Append(trade.Count);
        _takerSide.Append(Words.Side(trade.TakerSide));
        _takerBookSide.Append(Words.BookSide(trade.TakerBookSide));
        _isBlockTrade.Append(trade.IsBlockTrade);
        _origin.Append(isBackfilled ? "backfill"u8 : "stream"u8);
    }
}
