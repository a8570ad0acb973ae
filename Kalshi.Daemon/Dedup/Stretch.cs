namespace Kalshi.Daemon.Dedup;

/// <summary>
/// A piece of a market's production between whose changes nothing lies: a coverage row `whole`. It began with a run's snapshot and goes on
/// while runs are attached to it.
/// </summary>
internal sealed class Stretch
{
    /// <summary>Of its coverage row.</summary>
    public int Number;

    /// <summary>The gap row before it: number (0 = none), begin, reason, and whether the books on both sides are equal.</summary>
    public int GapNumber;
    public long GapFromAt;
    public string GapReason = "";
    public bool IsGapEven;

    /// <summary>received_at of the snapshot (or of the first change before it) that opened it.</summary>
    public long OpenedAt;

    /// <summary>From here on, in the exchange's time, nothing is missing.</summary>
    public long FromAt;

    /// <summary>Digest before the first change.</summary>
    public ulong Base;

    /// <summary>The first change, and how many there are at its instant.</summary>
    public ChangeKey First = ChangeKey.None;
    public int FirstCount;

    /// <summary>The last change, and the digest behind it.</summary>
    public ChangeKey Last = ChangeKey.None;
    public ulong Digest;
    public long LastReceivedAt;

    /// <summary>The digest before the last change.</summary>
    public ulong DigestBefore;

    /// <summary>The last change before the exchange cleared the book, and the digest behind it until then: digests do not go on across that.</summary>
    public ChangeKey ClearedAt = ChangeKey.None;
    public ulong ClearedDigest;

    /// <summary>How far runs that ended vouched, received_at.</summary>
    public long CoveredTo;

    /// <summary>Why the last of them ended.</summary>
    public string Reason = "";

    /// <summary>Whether its coverage row says that it goes on.</summary>
    public bool IsOpen = true;

    /// <summary>Whether its coverage row has to be told again at the end of the turn.</summary>
    public bool IsChanged;

    /// <summary>Of a closed tip: whether a gap row without end stands behind it, and its number.</summary>
    public int OpenGapNumber;

    /// <summary>Null when no recent change is kept: then its base is the end.</summary>
    public ChangeWindow? Window;

    public bool IsEmpty => First.IsNone;

    /// <summary>The position behind which changes are kept.</summary>
    public (ChangeKey Key, ulong Digest) WindowBase => Window is { } window ? (window.BaseKey, window.BaseDigest) : (Last, Digest);

    public int WindowCount => Window?.Count ?? 0;
}
