using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Store;

/// <summary>Rows of the three history tables → versions of markets, events and series. Each method reads the row the buffer stands on. One thread.</summary>
internal sealed class StoreObjects(IReplaySink sink, StoreTickers tickers)
{
    private readonly RegistryObject _item = new();

    public void TellMarket(CopyRows rows)
    {
        _item.Clear();
        _item.Ticker.Set(tickers.Bytes(rows.Int32()));
        _item.EventTicker.Set(rows.Bytes());
        _item.Kind.Set(rows.Bytes());
        _item.Title.Set(rows.Bytes());
        _item.Status.Set(rows.Bytes());
        _item.Result.Set(rows.Bytes());
        _item.OpenAt = rows.Time(Message.Absent);
        _item.CloseAt = rows.Time(Message.Absent);
        Tell(ObjectKind.Market, rows, rows.Bytes());
    }

    public void TellEvent(CopyRows rows)
    {
        _item.Clear();
        _item.Ticker.Set(rows.Bytes());
        _item.SeriesTicker.Set(rows.Bytes());
        _item.Category.Set(rows.Bytes());
        _item.Title.Set(rows.Bytes());
        Tell(ObjectKind.Event, rows, rows.Bytes());
    }

    public void TellSeries(CopyRows rows)
    {
        _item.Clear();
        _item.Ticker.Set(rows.Bytes());
        _item.Category.Set(rows.Bytes());
        _item.Kind.Set(rows.Bytes());
        _item.Title.Set(rows.Bytes());
        Tell(ObjectKind.Series, rows, "rest"u8);
    }

    private void Tell(ObjectKind kind, CopyRows rows, ReadOnlySpan<byte> origin) => sink.OnObject(kind, rows.Key, _item, rows.Bytes(), origin);
}
