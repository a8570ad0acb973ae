using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>orderbook_snapshots: one row a snapshot, each side's levels as two lists of equal length, ascending by price of the side's own leg.</summary>
internal sealed class Snapshots : Table
{
    private readonly IntegerColumn _receivedAt, _epochId, _seq;
    private readonly SymbolColumn _ticker;
    private readonly IntegerListColumn _yesPrices, _yesSizes, _noPrices, _noSizes;

    public Snapshots(Symbols symbols)
        : base("orderbook_snapshots", symbols)
    {
        _receivedAt = Stamp("received_at");
        _ticker = Key("ticker");
        _epochId = Reference("epoch_id");
        _seq = Long("seq");
        _yesPrices = List("yes_prices", ColumnKind.Price);
        _yesSizes = List("yes_sizes", ColumnKind.Quantity);
        _noPrices = List("no_prices", ColumnKind.Price);
        _noSizes = List("no_sizes", ColumnKind.Quantity);
    }

    public void Append(in RowOrigin origin, Message message)
    {
        _receivedAt.Append(origin.ReceivedAt);
        _ticker.Append(message.Ticker);
        _epochId.Append(origin.EpochId);
        _seq.Append(origin.Seq);
        Append(_yesPrices, _yesSizes, message.Yes);
        Append(_noPrices, _noSizes, message.No);
    }

    private static void Append(IntegerListColumn prices, IntegerListColumn sizes, ReadOnlySpan<Level> levels)
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
