using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Verify;

/// <summary>A snapshot within a run, before the delta of that index.</summary>
internal readonly record struct RunSnapshot(int Index, ulong Hash, long ReceivedAt);

/// <summary>
/// What was captured of one market within one epoch: dense, so that nothing lies between two of its deltas. It begins with a
/// snapshot, or, when the epoch began with a gap, with whatever came first.
/// </summary>
internal sealed class Run(EpochAudit epoch, long firstAt)
{
    public EpochAudit Epoch => epoch;

    /// <summary>received_at of the first row; of a stretch of production, the exchange's time from which on nothing is missing.</summary>
    public long FirstAt => firstAt;

    /// <summary>Of a stretch of production: up to which nothing is missing.</summary>
    public long EndAt = long.MaxValue;

    /// <summary>Of the latest row.</summary>
    public long LastSeq;

    /// <summary>Kept only when there is a truth to compare with.</summary>
    public Growing<Change> Changes;
    public Growing<RunSnapshot> Snapshots;

    /// <summary>The rebuilt book; null before the first snapshot.</summary>
    public Book? Book;

    /// <summary>False after a rejected frame, until the next snapshot.</summary>
    public bool IsBookTrusted;

    /// <summary>`Epoch.RejectedAnywhere` at the latest snapshot.</summary>
    public long RejectedAnywhereAtSnapshot;

    /// <summary>The market was dropped, and taken up again within the same epoch as another run.</summary>
    public bool IsSplitOff;

    public bool HasReadableChange
    {
        get
        {
            foreach (var change in Changes.Span)
            {
                if (!change.IsWildcard)
                {
                    return true;
                }
            }

            return false;
        }
    }

    public bool StartsWithSnapshot => Snapshots.Count > 0 && Snapshots[0].Index == 0;
}

internal enum GapCause : byte
{
    Other,

    /// <summary>A frame was rejected: the run goes on, and what it lacks is in the journal.</summary>
    Rejected,

    /// <summary>We dropped the market: the run ends within its epoch.</summary>
    Deleted,
}

/// <summary>Everything captured of one market.</summary>
internal sealed class MarketAudit
{
    /// <summary>Runs in order of their first row. Without a truth only those of open epochs are kept.</summary>
    public readonly List<Run> Runs = [];

    /// <summary>Gaps of the market's book coverage; ToAt `long.MaxValue` = still open.</summary>
    public Growing<(long FromAt, long ToAt, GapCause Cause)> Gaps;

    /// <summary>Whole intervals, kept only when there is a truth.</summary>
    public Growing<(long EpochId, long ToAt)> Covers;

    /// <summary>Of production: intervals of the exchange's time, without their ends, in which everything is claimed to be held; kept only when there is a truth.</summary>
    public Growing<(long FromAt, long ToAt)> Claims;
    public bool HasSnapshot;

    /// <summary>Whether production claims to hold what the exchange did then.</summary>
    public bool IsClaimed(long exchangeAt)
    {
        foreach (var (fromAt, toAt) in Claims.Span)
        {
            if (fromAt < exchangeAt && exchangeAt < toAt)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether an interval without coverage touches what lies between the two ends.</summary>
    public bool HasGapBetween(long endAt, long beginAt)
    {
        var (low, high) = (Math.Min(endAt, beginAt), Math.Max(endAt, beginAt));
        foreach (var (fromAt, toAt, _) in Gaps.Span)
        {
            if (fromAt <= high && toAt >= low)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a gap ends with the row received then, or is under way.</summary>
    public bool IsInGap(long receivedAt)
    {
        foreach (var (fromAt, toAt, _) in Gaps.Span)
        {
            if (fromAt < receivedAt && receivedAt <= toAt)
            {
                return true;
            }
        }

        return false;
    }

    public bool HasGap(GapCause cause, long toAt)
    {
        foreach (var gap in Gaps.Span)
        {
            if (gap.Cause == cause && gap.ToAt == toAt)
            {
                return true;
            }
        }

        return false;
    }

    public bool HasRejectedGap()
    {
        foreach (var gap in Gaps.Span)
        {
            if (gap.Cause == GapCause.Rejected)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the run's coverage lasted as long as its epoch: then nothing of the sid's past can still be missing.</summary>
    public bool IsCoveredToEnd(Run run)
    {
        if (run.IsSplitOff)
        {
            return false;
        }

        var end = run.Epoch.Certificate?.ToAt ?? long.MaxValue;
        foreach (var (epochId, toAt) in Covers.Span)
        {
            if (epochId == run.Epoch.EpochId && toAt >= end)
            {
                return true;
            }
        }

        return false;
    }
}
