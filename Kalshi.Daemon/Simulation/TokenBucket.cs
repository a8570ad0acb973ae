using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>A bucket that refills continuously. Not thread-safe: the exchange's thread only.</summary>
internal sealed class TokenBucket(long perSecond, long capacity)
{
    private double _tokens = capacity;
    private long _at;

    public long PerSecond { get; } = perSecond;

    public long Capacity { get; } = capacity;

    /// <param name="now">µs, not stepping back; a step back refills nothing.</param>
    public bool TryTake(long cost, long now)
    {
        if (_at != 0 && now > _at)
        {
            _tokens = Math.Min(Capacity, _tokens + ((now - _at) * PerSecond / (double)Micros.PerSecond));
        }

        _at = now;
        if (_tokens < cost)
        {
            return false;
        }

        _tokens -= cost;
        return true;
    }
}
