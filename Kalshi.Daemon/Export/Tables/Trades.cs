using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>trades: one row a trade_id. `origin` says whether it came over the stream or was fetched afterwards; then it has no epoch.</summary>
internal sealed class Trades : Table
{
    private readonly IntegerColumn _receivedAt, _exchangeAt, _yesPrice, _noPrice, _count, _epochId, _seq;
    private readonly SymbolColumn _ticker, _takerSide, _takerBookSide, _origin;
    private readonly TextColumn _tradeId;
    private readonly FlagColumn _isBlockTrade;

    public Trades(Symbols symbols)
        : base("trades", symbols)
    {
        _receivedAt = Stamp("received_at");
        _exchangeAt = Stamp("exchange_at", isNullable: true);
        _ticker = Key("ticker");
        _tradeId = Text("trade_id");
        _yesPrice = Price("yes_price");
        _noPrice = Price("no_price");
        _count = Quantity("count");
        _takerSide = Symbol("taker_side", isNullable: true);
        _takerBookSide = Symbol("taker_book_side", isNullable: true);
        _isBlockTrade = Flag("is_block_trade");
        _origin = Symbol("origin");
        _epochId = Reference("epoch_id", isNullable: true);
        _seq = Long("seq", isNullable: true);
    }

    public void Append(in RowOrigin origin, Message message, bool isBackfill)
    {
        _receivedAt.Append(origin.ReceivedAt);
        _exchangeAt.Append(message.ExchangeAt);
        _ticker.Append(message.Ticker);
        _tradeId.Append(message.TradeId);
        _yesPrice.Append(message.YesPrice);
        _noPrice.Append(message.NoPrice);
        _count.Append(message.Count);
        _takerSide.Append(Words.Side(message.TakerSide));
        _takerBookSide.Append(Words.BookSide(message.TakerBookSide));
        _isBlockTrade.Append(message.IsBlockTrade);
        _origin.Append(isBackfill ? "backfill"u8 : "stream"u8);
        _epochId.Append(isBackfill ? IntegerColumn.Null : origin.EpochId);
        _seq.Append(isBackfill ? IntegerColumn.Null : origin.Seq);
    }

    protected override int[] Order() => SortTies(base.Order(), _ticker, _receivedAt, _tradeId);
}
