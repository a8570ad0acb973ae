using Kalshi.Daemon.Dedup.Reading;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>
/// orderbook_deltas of production: every change that a gatherer saw, once, at its place in the market's stream (exchange_at, ordinal). `sources`: the names of those
/// who saw it, sorted, joined by commas.
/// </summary>
internal sealed class MergedDeltas : Table
{
    private readonly IntegerColumn _exchangeAt, _ordinal, _price, _delta, _receivedAt;
    private readonly SymbolColumn _ticker, _side, _sources;

    public MergedDeltas(Symbols symbols)
        : base("orderbook_deltas", symbols)
    {
        _exchangeAt = Stamp("exchange_at");
        _ordinal = Int("ordinal");
        _ticker = Key("ticker");
        _side = Symbol("side");
        _price = Price("price");
        _delta = Quantity("delta");
        _receivedAt = Stamp("received_at");
        _sources = Symbol("sources");
    }

    protected override int CheckMask => 0x3FF;

    /// <summary>In order of exchange_at and, within a market, ordinal. `ticker` and `sources` are codes of the symbols.</summary>
    public void Append(in MergedChange change, int ticker, int sources)
    {
        _exchangeAt.Append(change.Key.At);
        _ordinal.Append(change.Key.Ordinal);
        _ticker.Append(ticker);
        _side.Append(Words.Side(change.Side));
        _price.Append(change.Price);
        _delta.Append(change.Delta);
        _receivedAt.Append(change.ReceivedAt);
        _sources.Append(sources);
    }
}
