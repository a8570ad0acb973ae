namespace Kalshi.Daemon.Primitives;

/// <summary>Exponential waits with full jitter between half and the whole step, from `first` up to `max`. One owner.</summary>
internal sealed class Backoff(TimeSpan first, TimeSpan max)
{
    private int _failures;

    public int Failures => _failures;

    public void Reset() => _failures = 0;

    /// <summary>Counts a failure and says how long to wait before the next try.</summary>
    public TimeSpan Next()
    {
        var step = Math.Min(max.TotalMilliseconds, first.TotalMilliseconds * Math.Pow(2, Math.Min(_failures, 20)));
        _failures++;
        return TimeSpan.FromMilliseconds(step * (0.5 + (Random.Shared.NextDouble() / 2)));
    }
}
