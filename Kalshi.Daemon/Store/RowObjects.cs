using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Store;

/// <summary>
/// Rows of the three history tables → the fields of a <see cref="RegistryObject"/>. Each method reads the row the buffer stands on but for its last columns
/// (origin, where the table has one, and payload). Thread-safe as far as its arguments are.
/// </summary>
internal static class RowObjects
{
    /// <summary>Returns the market; its ticker is left empty.</summary>
    public static int ReadMarket(CopyRows rows, RegistryObject item)
    {
        item.Clear();
        var market = rows.Int32();
        item.EventTicker.Set(rows.Bytes());
        item.Kind.Set(rows.Bytes());
        item.Title.Set(rows.Bytes());
        item.Status.Set(rows.Bytes());
        item.Result.Set(rows.Bytes());
        item.OpenAt = rows.Time(Message.Absent);
        item.CloseAt = rows.Time(Message.Absent);
        return market;
    }

    public static void ReadEvent(CopyRows rows, RegistryObject item)
    {
        item.Clear();
        item.Ticker.Set(rows.Bytes());
        item.SeriesTicker.Set(rows.Bytes());
        item.Category.Set(rows.Bytes());
        item.Title.Set(rows.Bytes());
    }

    public static void ReadSeries(CopyRows rows, RegistryObject item)
    {
        item.Clear();
        item.Ticker.Set(rows.Bytes());
        item.Category.Set(rows.Bytes());
        item.Kind.Set(rows.Bytes());
        item.Title.Set(rows.Bytes());
    }
}
