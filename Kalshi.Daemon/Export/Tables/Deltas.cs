using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>orderbook_deltas: every change of every book, with the epoch and seq that prove none is missing.</summary>
internal sealed class Deltas : Table
{
    private readonly IntegerColumn _receivedAt, _exchangeAt, _price, _delta, _epochId, _seq;
    private readonly SymbolColumn _ticker, _side;

    public Deltas(Symbols symbols)
        : base("orderbook_deltas", symbols)
    {
        _receivedAt = Stamp("received_at");
        _exchangeAt = Stamp("exchange_at", isNullable: true);
        _ticker = Key("ticker");
        _side = Symbol("side");
        _price = Price("price");
        _delta = Quantity("delta");
        _epochId = Reference("epoch_id");
        _seq = Long("seq");
    }

    protected override int CheckMask => 0x3FF;

    /// <summary>Hot: once per delta.</summary>
    public void Append(in RowOrigin origin, Message message)
    {
        _receivedAt.Append(origin.ReceivedAt);
        _exchangeAt.Append(message.ExchangeAt);
        _ticker.Append(message.Ticker);
        _side.Append(Words.Side(message.Side));
        _price.Append(message.Price);
        _delta.Append(message.Delta);
        _epochId.Append(origin.EpochId);
        _seq.Append(origin.Seq);
    }
}
