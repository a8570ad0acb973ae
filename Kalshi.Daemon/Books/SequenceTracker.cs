namespace Kalshi.Daemon.Books;

internal enum SequenceVerdict : byte
{
    /// <summary>The frame carries no seq, so density says nothing about it.</summary>
    Unsequenced,
    Dense,

    /// <summary>First frame of the sid, with seq 1: an epoch begins.</summary>
    First,

    /// <summary>The seq is not the expected one (later or earlier): the epoch has ended and another begins with this frame.</summary>
    Gap,
}

/// <summary>
/// Density of `seq` on the sids of one session. Every frame with a sid and a seq counts, acks included; a new sid begins at
/// 1. One instance per session, one thread. Allocates only when a sid is first seen.
/// </summary>
internal sealed class SequenceTracker
{
    /// <summary>More sids than any session opens (one per channel, one more per resubscribe); a sid beyond is not tracked.</summary>
    public const int SidMax = 65_535;

    private long[] _next = new long[16];

    /// <summary>Takes note of a frame. `expected` is the seq that density asked for (1 for a new sid).</summary>
    public SequenceVerdict Observe(int sid, long seq, out long expected)
    {
        expected = 0;
        if (seq <= 0 || (uint)(sid - 1) >= SidMax)
        {
            return SequenceVerdict.Unsequenced;
        }

        if (sid >= _next.Length)
        {
            Array.Resize(ref _next, Math.Max(sid + 1, _next.Length * 2));
        }

        var next = _next[sid];
        _next[sid] = seq + 1;
        expected = next == 0 ? 1 : next;
        return seq != expected ? SequenceVerdict.Gap : next == 0 ? SequenceVerdict.First : SequenceVerdict.Dense;
    }

    /// <summary>Puts back what <see cref="Last"/> said; 0 = a sid not yet seen.</summary>
    public void Restore(int sid, long last)
    {
        if (last > 0)
        {
            Observe(sid, last, out _);
        }
    }

    /// <summary>Last seq seen on the sid; 0 when none.</summary>
    public long Last(int sid) => (uint)sid < _next.Length && _next[sid] > 0 ? _next[sid] - 1 : 0;
}
