using Kalshi.Daemon.Books;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Store;

/// <summary>A new version of a market, event or series; `item` is reused.</summary>
internal delegate void ObjectTold(ObjectKind kind, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin);

/// <summary>Rows of the three history tables → versions of markets, events and series. Each method reads the row the buffer stands on. One thread.</summary>
internal sealed class StoreObjects(ObjectTold tell, StoreTickers tickers)
{
    private readonly RegistryObject _item = new();

    public void TellMarket(CopyRows rows)
    {
        var market = RowObjects.ReadMarket(rows, _item);
        _item.Ticker.Set(tickers.Bytes(market));
        Tell(ObjectKind.Market, rows, rows.Bytes());
    }

    public void TellEvent(CopyRows rows)
    {
        RowObjects.ReadEvent(rows, _item);
        Tell(ObjectKind.Event, rows, rows.Bytes());
    }

    public void TellSeries(CopyRows rows)
    {
        RowObjects.ReadSeries(rows, _item);
        Tell(ObjectKind.Series, rows, "rest"u8);
    }

    private void Tell(ObjectKind kind, CopyRows rows, ReadOnlySpan<byte> origin) => tell(kind, rows.Key, _item, rows.Bytes(), origin);
}
