using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon;

/// <summary>
/// What capture counted since the start. Written by the capture thread alone; readers on other threads may see a value that is
/// one turn old.
/// </summary>
internal sealed class CaptureCounters
{
    private readonly long[] _byType = new long[(int)FrameType.Error + 1];

    /// <summary>Frames journalled, and their bytes.</summary>
    public long Frames;
    public long FrameBytes;

    /// <summary>Gaps seen in `seq`, and frames that were no JSON object or of a type kalshid does not know (all journalled).</summary>
    public long Gaps;
    public long NotJson;

    /// <summary>Events not handed on because the control loop's queue was full; a registry sweep makes up for them.</summary>
    public long EventsDropped;

    /// <summary>Turns that drained something, and flushes the disk refused.</summary>
    public long Turns;
    public long FlushesRefused;

    /// <summary>Milliseconds (TickCount64) of the newest delta, snapshot, trade, ticker or lifecycle frame; 0 before the first.</summary>
    public long DataTicks;

    /// <summary>µs from the socket read to the journal write for the oldest entry of a turn: the largest since the last reading.</summary>
    public long WriteDelayMax;

    public long Of(FrameType type) => Volatile.Read(ref _byType[(int)type]);

    public void Count(FrameType type, int bytes)
    {
        Frames++;
        FrameBytes += bytes;
        _byType[(int)type]++;
    }
}
