namespace Kalshi.Daemon.Store;

/// <summary>Hours (their beginnings, µs) that rows were written into, between the one who writes and the one who keeps house. Thread-safe.</summary>
internal sealed class TouchedHours
{
    private readonly Lock _lock = new();
    private readonly SortedSet<long> _hours = [];

    public void Add(IReadOnlyList<long> hours)
    {
        lock (_lock)
        {
            _hours.UnionWith(hours);
        }
    }

    public bool IsEmpty
    {
        get { lock (_lock) { return _hours.Count == 0; } }
    }

    /// <summary>Those since the last call, in order.</summary>
    public long[] Take()
    {
        lock (_lock)
        {
            long[] hours = [.. _hours];
            _hours.Clear();
            return hours;
        }
    }
}
