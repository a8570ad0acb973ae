namespace Kalshi.Daemon.Store;

/// <summary>
/// What one transaction writes: the rows of the records after <see cref="After"/> up to and including <see cref="Through"/>. Filled by the
/// loader's thread, then sent by a writer, then reused.
/// </summary>
internal sealed class StoreBatch
{
    private readonly CopyBuffer[] _tables = [.. Enumerable.Range(0, StoreTables.Count).Select(_ => new CopyBuffer())];

    /// <summary>Range of positions, µs: exclusive, inclusive. Through = After: nothing yet.</summary>
    public long After;
    public long Through;

    /// <summary>Stamp of the first record.</summary>
    public long FirstAt;

    /// <summary>Stamp of the gatherer's last clean stop among the records; 0 = none.</summary>
    public long StoppedAt;

    /// <summary>Hours (their beginnings, µs) of the records: what partitions it needs.</summary>
    public readonly List<long> Hours = [];

    /// <summary>Smallest and largest stamp of the trades that the batch replaces; 0 and 0 = none.</summary>
    public (long First, long Last) Replaced;

    /// <summary>Records fed, whether they made rows or not.</summary>
    public long Records;

    /// <summary>The loader's memory as of <see cref="Through"/>, to be stored with the batch; null for most batches.</summary>
    public PackedState? State;

    public CopyBuffer this[StoreTable table] => _tables[(int)table];

    public bool IsEmpty => Through == After;

    public long Rows => _tables.Sum(static table => (long)table.Rows);

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

    /// <summary>Notes the stamp of a trade that the batch replaces.</summary>
    public void NoteReplaced(long receivedAt) =>
        Replaced = (Replaced.First == 0 ? receivedAt : Math.Min(Replaced.First, receivedAt), Math.Max(Replaced.Last, receivedAt));

    /// <summary>Empties it, to begin after the position.</summary>
    public void Begin(long after)
    {
        After = Through = after;
        FirstAt = 0;
        Records = 0;
        StoppedAt = 0;
        Hours.Clear();
        Replaced = default;
        State = null;
        foreach (var table in _tables)
        {
            table.Clear();
        }
    }
}
