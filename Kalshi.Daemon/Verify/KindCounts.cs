namespace Kalshi.Daemon.Verify;

/// <summary>
/// The account of one kind of row against the truth. Every row of the truth is in exactly one of the first five:
/// `Expected = Present + Altered + Lost + InReportedGaps + Rejected`. The others count captured rows that are wrong besides.
/// </summary>
internal sealed class KindCounts
{
    public long Expected;
    public long Present;

    /// <summary>Captured with another value.</summary>
    public long Altered;
    public long Lost;

    /// <summary>Not captured, and coverage says so; the time before a market's first coverage and after the last included.</summary>
    public long InReportedGaps;

    /// <summary>In the journal, but rejected by name.</summary>
    public long Rejected;

    /// <summary>Captured rows more often than they were produced.</summary>
    public long Duplicated;

    /// <summary>Captured rows that are present, but not at their place.</summary>
    public long Reordered;

    /// <summary>Captured rows that the truth knows nothing of.</summary>
    public long Invented;

    /// <summary>Rows that no one can know to be missing: tickers carry no numbers.</summary>
    public long NotReceived;

    /// <summary>Captured rows in all.</summary>
    public long Captured;

    public bool IsSound => Lost == 0 && Altered == 0 && Duplicated == 0 && Reordered == 0 && Invented == 0;

    public void Add(KindCounts other)
    {
        Expected += other.Expected;
        Present += other.Present;
        Altered += other.Altered;
        Lost += other.Lost;
        InReportedGaps += other.InReportedGaps;
        Rejected += other.Rejected;
        Duplicated += other.Duplicated;
        Reordered += other.Reordered;
        Invented += other.Invented;
        NotReceived += other.NotReceived;
        Captured += other.Captured;
    }
}
