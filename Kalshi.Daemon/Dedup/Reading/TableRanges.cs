using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Dedup.Reading;

/// <summary>
/// One stream table of production by its time, range after range. How much time a range spans follows from how full the last one was.
/// <b>In</b>: the database. <b>Out</b>: rows in order. <b>Thread</b>: one. <b>Bound</b>: <see cref="ReadTable.RowsMax"/> rows, more only where they are of one instant.
/// </summary>
internal sealed class TableRanges(StoreReader reader, ReadTable table)
{
    private const long FirstSpan = Micros.PerMinute;
    private const long SpanMin = 100 * Micros.PerMillisecond;
    private const long SpanMax = Micros.PerDay;

    private readonly CopyRows _rows = new();
    private long _span = FirstSpan;

    /// <summary>Calls `read` with each row with `after` &lt; time ≤ `until`; the buffer stands on it, its time is read.</summary>
    public void Read(long after, long until, Action<CopyRows> read)
    {
        while (after < until)
        {
            var to = until - after > _span ? after + _span : until;
            reader.Copy(table.Select(after, to, table.RowsMax), _rows);
            var isFull = _rows.Count >= table.RowsMax;
            to = isFull ? Cut(after) : to;
            _rows.Begin(to);
            for (_rows.MoveNext(); _rows.Key != long.MaxValue; _rows.MoveNext())
            {
                read(_rows);
            }

            _span = isFull ? Math.Max(SpanMin, (to - after) * 3 / 4) : _rows.Count < table.RowsMax / 2 ? Math.Min(SpanMax, _span * 2) : _span;
            after = to;
        }
    }

    /// <summary>As <see cref="Read(long, long, Action{CopyRows})"/>, over all there is.</summary>
    public void ReadAll(Action<CopyRows> read)
    {
        var bounds = reader.Copy($"select min(begin_at), max(end_at) from kalshid.partitions() where stream = {StoreReader.Spell(table.Name)}");
        if (bounds.TryRow() && bounds.Time(long.MaxValue) is var begin && begin != long.MaxValue)
        {
            Read(begin - 1, bounds.Time(), read);
        }
    }

    /// <summary>Of the last instant there may be more rows than were read: it is left for the next range, or read alone.</summary>
    private long Cut(long after)
    {
        if (_rows.FirstKey < _rows.LastKey)
        {
            return _rows.LastKey - 1;
        }

        var to = _rows.LastKey;
        reader.Copy(table.Select(after, to, limit: null), _rows);
        return to;
    }
}
