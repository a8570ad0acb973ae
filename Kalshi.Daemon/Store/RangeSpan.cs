using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Store;

/// <summary>
/// How much time the next <see cref="StoreRange"/> shall span, µs: it follows from how full the last one was. A burst inside it only makes it end
/// earlier. One thread.
/// </summary>
internal sealed class RangeSpan
{
    private const long First = 10 * Micros.PerSecond;

    /// <summary>All markets' snapshots may come within a second.</summary>
    private const long Min = Micros.PerMillisecond;

    /// <summary>What a burst after a silence may cost the server: it sorts one such span to give us the begin of it.</summary>
    private const long Max = 15 * Micros.PerMinute;

    private long _span = First;

    /// <summary>Where a range that begins behind `from` ends.</summary>
    public long End(long from, long until) => until - from > _span ? from + _span : until;

    public void Adapt(StoreRange range) => _span = range.Fill switch
    {
        >= 1 => Math.Max(Min, (range.Until - range.After) * 3 / 4),
        > 0.8 => Math.Max(Min, _span * 3 / 4),
        < 0.4 => Math.Min(Max, _span * 2),
        _ => _span,
    };
}
