namespace Kalshi.Daemon.Dedup;

/// <summary>What the merge of the books did since its start. Written by its thread; read by others for display.</summary>
internal sealed class BookMergeCounters
{
    /// <summary>Changes told by gatherers, and those that are production's.</summary>
    public long Changes;
    public long Emitted;

    /// <summary>Case 1: a change that another gatherer told before, the same.</summary>
    public long Confirmed;

    /// <summary>Case 2: a run went on where another gatherer's had ended.</summary>
    public long TakenOver;

    /// <summary>Case 3: contradictions found, and settled.</summary>
    public long Disagreements;
    public long Settled;

    /// <summary>Case 4: steps that nobody vouched for, those that came out even, and those that were filled afterwards.</summary>
    public long Gaps;
    public long GapsEven;
    public long GapsJoined;

    /// <summary>Snapshots that equal the merged book, and those that do not.</summary>
    public long SnapshotsChecked;
    public long SnapshotMismatches;

    /// <summary>How often production was asked for a market's changes.</summary>
    public long Recalls;

    /// <summary>Stamps before the one of the market's change before: taken as equal to that one.</summary>
    public long StampsStepped;
}
