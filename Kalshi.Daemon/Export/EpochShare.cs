using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Export;

/// <summary>Frames of an epoch by what they were.</summary>
internal readonly record struct FrameCounts(long Deltas, long Snapshots, long Trades, long Lifecycle, long Acks, long Unknown, long Rejected)
{
    public FrameCounts(Epoch epoch)
        : this(epoch.Deltas, epoch.Snapshots, epoch.Trades, epoch.Lifecycle, epoch.Acks, epoch.Unknown, epoch.Rejected)
    {
    }

    public long Total => Deltas + Snapshots + Trades + Lifecycle + Acks + Unknown + Rejected;

    public static FrameCounts operator -(FrameCounts left, FrameCounts right) => new(
        left.Deltas - right.Deltas, left.Snapshots - right.Snapshots, left.Trades - right.Trades, left.Lifecycle - right.Lifecycle,
        left.Acks - right.Acks, left.Unknown - right.Unknown, left.Rejected - right.Rejected);
}

/// <summary>How far an epoch had come when the hour before ended.</summary>
internal readonly record struct EpochMark(long LastSeq, FrameCounts Counts);

/// <summary>The part of an epoch that lies in one hour: FirstSeq to LastSeq, dense, `Counts` of them.</summary>
/// <param name="FromAt">received_at of the epoch's first frame, or the hour's start when it began earlier.</param>
/// <param name="DuplicateTrades">Trades that have no row because another row has their trade_id.</param>
/// <param name="EndReason">Null when the epoch goes on behind the hour.</param>
internal sealed record EpochShare(
    long EpochId,
    int Session,
    int Sid,
    string Channel,
    long FirstSeq,
    long LastSeq,
    long FromAt,
    long ToAt,
    FrameCounts Counts,
    long DuplicateTrades,
    string? EndReason)
{
    public bool IsDense => Counts.Total == LastSeq - FirstSeq + 1;
}
