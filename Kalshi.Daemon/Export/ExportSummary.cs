using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Export;

/// <summary>The certificate for people: what the run published, whether each epoch is dense, what is known to be missing.</summary>
internal static class ExportSummary
{
    /// <summary>Lines about gaps before "and N more".</summary>
    private const int GapLinesMax = 10;

    public static void Print(TextWriter output, ExportReport report, string target)
    {
        foreach (var certificate in report.Published)
        {
            Print(output, certificate);
        }

        var unchanged = report.Unchanged > 0 ? $", {report.Unchanged} unchanged" : "";
        output.WriteLine($"exported {report.Published.Count} hours{unchanged} to {target}");
        if (report.Left is { } left)
        {
            output.WriteLine($"hour {left} is not over; --until now exports it as it is");
        }
    }

    private static void Print(TextWriter output, Certificate certificate)
    {
        var dense = certificate.Epochs.Count(IsDense);
        var of = certificate.Sources is null ? $"gatherer {certificate.Gatherer}" : $"{certificate.Gatherer} of {string.Join(", ", certificate.Sources.Select(source => source.Name))}";
        output.WriteLine($"hour {certificate.Hour[..13]}  {of}{(certificate.Closed ? "" : "  (not over)")}");
        output.WriteLine($"  rows      {string.Join("  ", certificate.Rows.Where(table => table.Value > 0).Select(table => $"{table.Key} {table.Value:N0}"))}");
        output.WriteLine($"  markets   {certificate.MarketsWhole:N0} whole, {certificate.MarketsWithGaps:N0} with gaps");
        if (certificate.Sources is null)
        {
            output.WriteLine($"  epochs    {dense} of {certificate.Epochs.Length} dense, {certificate.Epochs.Sum(epoch => epoch.LastSeq - epoch.FirstSeq + 1):N0} numbered frames accounted for");
        }

        output.WriteLine($"  trades    {certificate.BackfilledTrades:N0} backfilled{(certificate.Sources is null ? $", {certificate.BackfilledDuplicates:N0} known already" : "")}");
        if (certificate.RejectedFrames + certificate.UnknownFrames + certificate.Damages > 0)
        {
            output.WriteLine($"  set aside {certificate.RejectedFrames:N0} rejected, {certificate.UnknownFrames:N0} unknown frames, {certificate.Damages} damages of the journal");
        }

        foreach (var gap in certificate.Gaps.Take(GapLinesMax))
        {
            output.WriteLine($"  {gap.State,-9} {(gap.Ticker.Length > 0 ? gap.Ticker : gap.Channel)} {Micros.Format(gap.FromAt)} to {Micros.Format(gap.ToAt)}  {gap.Reason}");
        }

        var more = certificate.GapCount + certificate.RepairedCount - Math.Min(GapLinesMax, certificate.Gaps.Length);
        if (more > 0)
        {
            output.WriteLine($"  …         and {more:N0} more gaps, see the coverage table");
        }
    }

    private static bool IsDense(CertificateEpoch epoch) =>
        epoch.Deltas + epoch.Snapshots + epoch.Trades + epoch.Lifecycle + epoch.Acks + epoch.Unknown + epoch.Rejected == epoch.LastSeq - epoch.FirstSeq + 1;
}
