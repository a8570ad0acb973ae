using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Export;

/// <summary>What the certificate of an hour says beside the rows.</summary>
internal sealed class HourTally
{
    /// <summary>Gaps written into the certificate one by one; all of them are in the coverage table.</summary>
    public const int GapsMax = 1_000;

    private readonly HashSet<string> _markets = [];
    private readonly HashSet<string> _marketsWithGaps = [];

    public List<EpochShare> Epochs { get; } = [];

    /// <summary>The first <see cref="GapsMax"/> gaps and repairs by begin, cut to the hour; what order they were told in does not matter.</summary>
    public SortedSet<Coverage> Gaps { get; } = new(Comparer<Coverage>.Create(Compare));

    public long GapCount { get; private set; }

    public long RepairedCount { get; private set; }

    /// <summary>Markets whose book was covered at some time of the hour.</summary>
    public int Markets => _markets.Count;

    /// <summary>Those among them with a gap in the hour.</summary>
    public int MarketsWithGaps => _marketsWithGaps.Count;

    public long BackfilledTrades { get; set; }

    /// <summary>Backfilled trades that have no row because another row has their trade_id.</summary>
    public long BackfilledDuplicates { get; set; }

    public long Rejected { get; set; }

    public long Unknown { get; set; }

    public long UnreadablePages { get; set; }

    /// <summary>Of production: how far each gatherer had been merged. Null otherwise.</summary>
    public CertificateSource[]? Sources { get; set; }

    public void Add(in Coverage coverage)
    {
        if (coverage.Ticker.Length > 0)
        {
            _markets.Add(coverage.Ticker);
        }

        if (coverage.State == CoverageState.Whole)
        {
            return;
        }

        if (coverage.State == CoverageState.Gap)
        {
            GapCount++;
            if (coverage.Ticker.Length > 0)
            {
                _marketsWithGaps.Add(coverage.Ticker);
            }
        }
        else
        {
            RepairedCount++;
        }

        if (Gaps.Add(coverage) && Gaps.Count > GapsMax)
        {
            Gaps.Remove(Gaps.Max);
        }
    }

    private static int Compare(Coverage left, Coverage right)
    {
        var order = (left.FromAt, left.ToAt, left.State).CompareTo((right.FromAt, right.ToAt, right.State));
        order = order != 0 ? order : string.CompareOrdinal(left.Ticker, right.Ticker);
        order = order != 0 ? order : string.CompareOrdinal(left.Channel, right.Channel);
        return order != 0 ? order : string.CompareOrdinal(left.Reason, right.Reason);
    }
}
