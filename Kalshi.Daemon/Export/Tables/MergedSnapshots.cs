using Kalshi.Daemon.Dedup.Reading;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>
/// orderbook_snapshots of production, by the hour they were received: the book after the change (exchange_at, ordinal), or, where those are null, before the first one
/// of the coverage row `number`.
/// </summary>
internal sealed class MergedSnapshots : Table
{
    private readonly IntegerColumn _receivedAt, _number, _exchangeAt, _ordinal;
    private readonly SymbolColumn _ticker;
    private readonly IntegerListColumn _yesPrices, _yesSizes, _noPrices, _noSizes;

    public MergedSnapshots(Symbols symbols)
        : base("orderbook_snapshots", symbols)
    {
        _receivedAt = Stamp("received_at");
        _ticker = Key("ticker");
        _number = Int("number");
        _exchangeAt = Stamp("exchange_at", isNullable: true);
        _ordinal = Long("ordinal", isNullable: true);
        _yesPrices = List("yes_prices", ColumnKind.Price);
        _yesSizes = List("yes_sizes", ColumnKind.Quantity);
        _noPrices = List("no_prices", ColumnKind.Price);
        _noSizes = List("no_sizes", ColumnKind.Quantity);
    }

    public void Append(MergedSnapshot snapshot, ReadOnlySpan<byte> ticker)
    {
        _receivedAt.Append(snapshot.ReceivedAt);
        _ticker.Append(ticker);
        _number.Append(snapshot.Number);
        _exchangeAt.Append(snapshot.After.IsNone ? IntegerColumn.Null : snapshot.After.At);
        _ordinal.Append(snapshot.After.IsNone ? IntegerColumn.Null : snapshot.After.Ordinal);
        Append(_yesPrices, _yesSizes, snapshot.Yes);
        Append(_noPrices, _noSizes, snapshot.No);
    }

    private static void Append(IntegerListColumn prices, IntegerListColumn sizes, Level[] levels)
    {
        foreach (var (price, quantity) in levels)
        {
            prices.Append(price);
            sizes.Append(quantity);
        }

        prices.EndRow();
        sizes.EndRow();
    }
}
