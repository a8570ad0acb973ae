namespace Kalshi.Daemon.Store;

/// <summary>What a loader says of itself. Written by its thread, read by anyone; each value is whole, together they may be a moment apart.</summary>
internal sealed class LoaderCounters
{
    private long _committed;
    private long _records;
    private long _rows;
    private long _batches;
    private long _failures;
    private volatile string _state = "starting";
    private volatile Origin? _origin;

    /// <summary>The cursor as last committed, µs; 0 before the first connection.</summary>
    public long Committed => Volatile.Read(ref _committed);

    /// <summary>Since the start of the process.</summary>
    public long Records => Volatile.Read(ref _records);

    public long Rows => Volatile.Read(ref _rows);

    public long Batches => Volatile.Read(ref _batches);

    public long Failures => Volatile.Read(ref _failures);

    /// <summary>Where loading last began anew; null before.</summary>
    public Origin? Begun => _origin;

    /// <summary>"loading", or why not.</summary>
    public string State => _state;

    /// <summary>Loading begins after this position.</summary>
    public void OnRestored(long position) => _origin = new Origin(position, _records);

    public void OnCursor(long position) => Volatile.Write(ref _committed, position);

    public void OnState(string state) => _state = state;

    public void OnFailure(string why)
    {
        // First the reason: who sees the failure counted can read it.
        _state = why;
        Volatile.Write(ref _failures, _failures + 1);
    }

    public void OnCommitted(StoreBatch batch)
    {
        Volatile.Write(ref _records, _records + batch.Records);
        Volatile.Write(ref _rows, _rows + batch.Rows);
        Volatile.Write(ref _batches, _batches + 1);
        Volatile.Write(ref _committed, batch.Through);
    }

    /// <summary>`Records`: how many had been committed before.</summary>
    public sealed record Origin(long Position, long Records);
}
