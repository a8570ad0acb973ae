using System.Diagnostics;

namespace Kalshi.Daemon.Primitives;

/// <summary>
/// Gives memory back that a time of much garbage left behind: a start that reads a large state, a million markets that were taken up. The garbage collector on
/// its own keeps many times what is in use as long as the machine has room. Each time costs one full collection, some tenths of a second for a
/// million markets. One thread.
/// </summary>
internal sealed class HeapTrim
{
    private const long Slack = 64 << 20;
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan Seldom = TimeSpan.FromSeconds(30);

    /// <summary>After the last collection, bytes.</summary>
    private long _resident;
    private long _allocated;
    private long _lookedTicks = Stopwatch.GetTimestamp();
    private long _trimmedTicks = Stopwatch.GetTimestamp();

    /// <summary>
    /// Collects when the process has grown by a quarter and a little since the last time, and twice a minute when anything worth it was allocated or is held. Call
    /// it as often as you like.
    /// </summary>
    public void TrimWhenDue()
    {
        if (Stopwatch.GetElapsedTime(_lookedTicks) < Often)
        {
            return;
        }

        _lookedTicks = Stopwatch.GetTimestamp();
        var grown = Environment.WorkingSet - _resident;
        var isWorthIt = grown > Slack / 2 || GC.GetTotalAllocatedBytes() - _allocated > Slack;
        if (grown > (_resident / 4) + (Slack / 2) || (isWorthIt && Stopwatch.GetElapsedTime(_trimmedTicks) >= Seldom))
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            (_resident, _allocated, _trimmedTicks) = (Environment.WorkingSet, GC.GetTotalAllocatedBytes(), Stopwatch.GetTimestamp());
        }
    }
}
