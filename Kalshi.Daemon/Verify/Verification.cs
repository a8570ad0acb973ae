using System.Diagnostics;

namespace Kalshi.Daemon.Verify;

/// <summary>One verification: read the store and, beside it, the truth; compare; report.</summary>
internal static class Verification
{
    /// <param name="source">What is verified, for the report.</param>
    /// <param name="read">Feeds the store's rows to the audit; runs on its own thread when there is a truth.</param>
    /// <param name="truthPath">Null = check the store against itself only.</param>
    public static VerifyReport Run(string source, Action<Audit> read, string? truthPath)
    {
        var clock = Stopwatch.StartNew();
        var audit = new Audit(keepChanges: truthPath is not null);
        if (truthPath is null)
        {
            read(audit);
            return Report(source, audit, null, null, null, null, clock);
        }

        var reading = Task.Run(() => read(audit));
        var truth = Truth.Read(truthPath);
        reading.GetAwaiter().GetResult();
        var counts = new KindCounts();
        var deltas = new DeltaComparison(truth, audit, counts);
        deltas.Run();
        var streams = new StreamComparison(truth, audit);
        streams.Run();
        return Report(source, audit, truthPath, (deltas, counts), streams, truth, clock);
    }

    private static VerifyReport Report(
        string source, Audit audit, string? truthPath, (DeltaComparison Comparison, KindCounts Counts)? deltas, StreamComparison? streams, Truth? truth, Stopwatch clock) => new()
        {
            Source = source,
            TruthPath = truthPath,
            Audit = audit,
            Deltas = deltas?.Counts ?? new KindCounts { Captured = audit.Deltas },
            Trades = streams?.Trades ?? new KindCounts { Captured = audit.Trades.Count + audit.DuplicatedTrades, Duplicated = audit.DuplicatedTrades },
            Lifecycle = streams?.Lifecycle ?? new KindCounts { Captured = audit.LifecycleRows },
            Tickers = streams?.Tickers ?? new KindCounts { Captured = audit.TickerRows },
            Snapshots = Snapshots(audit, truth, audit.SnapshotMismatches + (deltas?.Comparison.SnapshotMismatches ?? 0)),
            NeverCovered = deltas?.Comparison.NeverCovered ?? 0,
            TruthContradictions = truth?.Contradictions ?? 0,
            SnapshotMismatches = audit.SnapshotMismatches + (deltas?.Comparison.SnapshotMismatches ?? 0),
            Seconds = clock.Elapsed.TotalSeconds,
        };

    /// <summary>Snapshots are compared as checksums; those that were not received lie in gaps, because epochs are dense.</summary>
    private static KindCounts Snapshots(Audit audit, Truth? truth, long mismatches)
    {
        var present = audit.Snapshots - mismatches;
        var produced = truth?.Snapshots ?? 0;
        return new KindCounts { Captured = audit.Snapshots, Expected = produced, Present = present, InReportedGaps = Math.Max(0, produced - present) };
    }
}
