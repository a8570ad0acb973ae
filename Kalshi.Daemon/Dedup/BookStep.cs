using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// What a turn says of the books up to corrections, and those corrections; at most one of each market. A correction concerns one market
/// alone, so the steps of a turn are as many as it has corrections of one market, and one more. One thread.
/// </summary>
internal sealed class BookStep
{
    public const int TableCount = (int)BookTable.Withdrawals + 1;

    private readonly CopyBuffer[] _tables = [.. Enumerable.Range(0, TableCount).Select(_ => new CopyBuffer())];

    public CopyBuffer this[BookTable table] => _tables[(int)table];

    /// <summary>Markets that the corrections concern.</summary>
    public List<int> Corrected { get; } = [];

    /// <summary>Instants that the renumberings concern, µs, and the changes that are withdrawn: bounds that the planner is to know.</summary>
    public TimeBounds Renumbered { get; } = new();

    public TimeBounds Withdrawn { get; } = new();

    public long Rows
    {
        get
        {
            long rows = 0;
            foreach (var table in _tables)
            {
                rows += table.Rows;
            }

            return rows;
        }
    }

    public long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (var table in _tables)
            {
                bytes += table.Bytes;
            }

            return bytes;
        }
    }

    public void Clear()
    {
        foreach (var table in _tables)
        {
            table.Clear();
        }

        Corrected.Clear();
        Renumbered.Clear();
        Withdrawn.Clear();
    }
}

/// <summary>The earliest and the latest of some times, µs.</summary>
internal sealed class TimeBounds
{
    public long First { get; private set; } = long.MaxValue;

    public long Last { get; private set; } = long.MinValue;

    public void Add(long first, long last)
    {
        First = Math.Min(First, first);
        Last = Math.Max(Last, last);
    }

    public void Clear() => (First, Last) = (long.MaxValue, long.MinValue);
}
