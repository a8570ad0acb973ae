namespace Kalshi.Daemon.Tests.Dedup;

internal enum FeedKind : byte
{
    /// <summary>Numbered, but told to nobody: it shows losses and moves the end of coverage.</summary>
    Acknowledgement,
    Snapshot,
    Change,
    CoverageEnded,
    Broken,
    Replaced,
}

/// <summary>One row of a gatherer's store, as the merge is told of it. `Position`: of a change its index in the truth; of a snapshot the position of its book.</summary>
/// <param name="Market">0: none or all.</param>
/// <param name="AlteredDelta">Added to the change's delta: a gatherer that tells something else than the exchange said.</param>
/// <param name="AlteredAt">Added to its stamp.</param>
internal readonly record struct FeedItem(
    FeedKind Kind, int Market, long EpochId, long ReceivedAt, int Position, long CoveredTo, string Reason, long AlteredDelta = 0, long AlteredAt = 0);
