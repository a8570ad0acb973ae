namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>A gatherer's dense piece of a market within an epoch, as it was told: the changes [Begin, End) of the truth.</summary>
internal sealed class TruthRun
{
    public required int Gatherer { get; init; }
    public required int Market { get; init; }
    public required long EpochId { get; init; }
    public required long OpenedAt { get; init; }
    public required int Begin { get; init; }
    public int End { get; set; }

    /// <summary>Whether a snapshot was among it: without one its gatherer never covered it.</summary>
    public bool HasBook { get; set; }

    /// <summary>Whether it began with a change: its book is known from a later snapshot only, and a change it told wrongly does not show in that.</summary>
    public required bool IsHeadless { get; init; }

    public bool IsClosed { get; set; }

    /// <summary>Whether it was told that the exchange cleared the book.</summary>
    public bool SawClear { get; set; }

    /// <summary>received_at of its last row, and of its last snapshot but for that of a cleared book.</summary>
    public long LastAt { get; set; }
    public long LastSnapshotAt { get; set; }

    public bool Covers(int change) => Begin <= change && change < End;

    public override string ToString() =>
        $"gatherer {Gatherer} market {Market} epoch {EpochId}: changes [{Begin}, {End}){(HasBook ? "" : " without a book")}{(IsClosed ? "" : " open")}";
}
