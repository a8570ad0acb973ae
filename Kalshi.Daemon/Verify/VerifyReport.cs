using System.Text;
using System.Text.Json;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Verify;

/// <summary>The outcome of a verification, for people and for scripts.</summary>
internal sealed class VerifyReport
{
    public required string Source { get; init; }

    /// <summary>Null when the store was only checked against itself.</summary>
    public required string? TruthPath { get; init; }
    public required Audit Audit { get; init; }
    public required KindCounts Deltas { get; init; }
    public required KindCounts Trades { get; init; }
    public required KindCounts Lifecycle { get; init; }
    public required KindCounts Tickers { get; init; }
    public required KindCounts Snapshots { get; init; }
    public required long NeverCovered { get; init; }
    public required long TruthContradictions { get; init; }
    public required double Seconds { get; init; }

    /// <summary>Snapshots that differ from the rebuilt book, and with a truth those that differ from the exchange's.</summary>
    public required long SnapshotMismatches { get; init; }

    public long EpochCount => Audit.Production?.Epochs.Count ?? Audit.Epochs.Keys.Count(id => id != 0);

    public long NotDense => Audit.Epochs.Values.Count(epoch => epoch.EpochId != 0 && !epoch.IsDense);

    /// <summary>
    /// Nothing lost, duplicated, altered, reordered or unexplained. Damage of the journal fails although its holes are reported
    /// gaps: what was once received is no longer all held.
    /// </summary>
    public bool IsSound => Deltas.IsSound && Trades.IsSound && Lifecycle.IsSound && Tickers.IsSound && Snapshots.IsSound
        && NotDense == 0 && SnapshotMismatches == 0 && Audit.NegativeLevels == 0 && Audit.SeqNotRising == 0 && Audit.InconsistentTrades == 0
        && Audit.Damages.Count == 0 && Audit.Faults.Count == 0 && TruthContradictions == 0;

    private bool HasTruth => TruthPath is not null;

    // --- for scripts ---

    public string ToJson()
    {
        var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteBoolean("ok", IsSound);
            json.WriteString("source", Source);
            json.WriteString("truth", TruthPath);
            var both = new KindCounts();
            both.Add(Deltas);
            both.Add(Trades);
            WriteCounts(json, both);
            WriteGaps(json);
            json.WriteNumber("gaps_total", Audit.GapCount);
            json.WriteNumber("markets", Audit.Markets.Count(market => market.HasSnapshot));
            json.WriteNumber("markets_never_covered", NeverCovered);
            json.WriteNumber("negative_levels", Audit.NegativeLevels);
            json.WriteNumber("snapshot_mismatches", SnapshotMismatches);
            json.WriteNumber("snapshots_checked", Audit.SnapshotsChecked);
            json.WriteNumber("snapshots_unprovable", Audit.SnapshotsUnprovable);
            json.WriteNumber("inconsistent_trades", Audit.InconsistentTrades);
            json.WriteNumber("truth_contradictions", TruthContradictions);
            json.WriteNumber("seq_not_rising", Audit.SeqNotRising);
            json.WriteNumber("epochs", EpochCount);
            json.WriteNumber("epochs_not_dense", NotDense);
            json.WriteBoolean("dense", NotDense == 0);
            json.WriteNumber("unknown_frames", Audit.UnknownFrames);
            WriteProduction(json);
            WriteRejected(json);
            WriteKinds(json);
            WriteTexts(json);
            json.WriteNumber("seconds", Math.Round(Seconds, 3));
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static void WriteCounts(Utf8JsonWriter json, KindCounts counts)
    {
        json.WriteNumber("expected", counts.Expected);
        json.WriteNumber("present", counts.Present);
        json.WriteNumber("lost", counts.Lost);
        json.WriteNumber("duplicated", counts.Duplicated);
        json.WriteNumber("altered", counts.Altered);
        json.WriteNumber("reordered", counts.Reordered);
        json.WriteNumber("invented", counts.Invented);
        json.WriteNumber("in_reported_gaps", counts.InReportedGaps);
        json.WriteNumber("rejected", counts.Rejected);
        json.WriteNumber("captured", counts.Captured);
    }

    private void WriteGaps(Utf8JsonWriter json)
    {
        json.WriteStartArray("gaps");
        foreach (var gap in Audit.Gaps)
        {
            json.WriteStartObject();
            json.WriteString("channel", gap.Channel);
            json.WriteString("ticker", gap.Ticker);
            json.WriteString("from_at", Micros.Format(gap.FromAt));
            json.WriteString("to_at", gap.ToAt == long.MaxValue ? null : Micros.Format(gap.ToAt));
            json.WriteString("state", gap.State == CoverageState.Repaired ? "repaired" : "gap");
            json.WriteString("reason", gap.Reason);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteProduction(Utf8JsonWriter json)
    {
        if (Audit.Production is { } production)
        {
            json.WriteNumber("stretches", production.Stretches);
            json.WriteNumber("vouches", production.Vouches);
            json.WriteNumber("disagreements", production.Disagreements);
            json.WriteNumber("disagreements_open", production.OpenDisagreements);
        }

        json.WriteStartObject("faults");
        foreach (var (kind, count) in Audit.Faults)
        {
            json.WriteNumber(kind, count);
        }

        json.WriteEndObject();
    }

    private void WriteRejected(Utf8JsonWriter json)
    {
        json.WriteNumber("rejected_frames", Audit.RejectedFrames);
        json.WriteStartObject("rejected_reasons");
        foreach (var (reason, count) in Audit.RejectedReasons)
        {
            json.WriteNumber(reason, count);
        }

        json.WriteEndObject();
    }

    private void WriteKinds(Utf8JsonWriter json)
    {
        json.WriteStartObject("by_kind");
        foreach (var (name, counts) in Kinds())
        {
            json.WriteStartObject(name);
            WriteCounts(json, counts);
            json.WriteNumber("not_received", counts.NotReceived);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private void WriteTexts(Utf8JsonWriter json)
    {
        json.WriteStartArray("damages");
        foreach (var damage in Audit.Damages)
        {
            json.WriteStringValue(damage);
        }

        json.WriteEndArray();
        json.WriteStartArray("examples");
        foreach (var (finding, text) in Audit.Examples.All)
        {
            json.WriteStringValue($"{finding}: {text}");
        }

        json.WriteEndArray();
    }

    private (string Name, KindCounts Counts)[] Kinds() =>
        [("deltas", Deltas), ("trades", Trades), ("snapshots", Snapshots), ("lifecycle", Lifecycle), ("tickers", Tickers)];

    // --- for people ---

    public void Print(TextWriter output)
    {
        output.WriteLine($"kalshid verify: {Source}{(HasTruth ? $" against {TruthPath}" : "")}");
        output.WriteLine();
        PrintCounts(output);
        output.WriteLine();
        PrintProofs(output);
        PrintGaps(output);
        PrintFindings(output);
        output.WriteLine();
        output.WriteLine(Verdict());
    }

    public override string ToString()
    {
        var text = new StringWriter();
        Print(text);
        return text.ToString();
    }

    private void PrintCounts(TextWriter output)
    {
        if (!HasTruth)
        {
            foreach (var (name, counts) in Kinds())
            {
                output.WriteLine($"  {name,-10} {Text.Count(counts.Captured),15}");
            }

            return;
        }

        output.WriteLine($"  {"",-10} {"produced",13} {"present",13} {"in gaps",11} {"rejected",9} {"lost",7} {"altered",8} {"doubled",8} {"reordered",9} {"invented",9}");
        foreach (var (name, c) in Kinds())
        {
            output.WriteLine($"  {name,-10} {Text.Count(c.Expected),13} {Text.Count(c.Present),13} {Text.Count(c.InReportedGaps),11} {Text.Count(c.Rejected),9} "
                + $"{Text.Count(c.Lost),7} {Text.Count(c.Altered),8} {Text.Count(c.Duplicated),8} {Text.Count(c.Reordered),9} {Text.Count(c.Invented),9}"
                + (c.NotReceived > 0 ? $"  ({Text.Count(c.NotReceived)} not received: unnumbered, no one can know)" : ""));
        }

        output.WriteLine("  every produced row is in exactly one of: present, in gaps, rejected, lost, altered");
    }

    private void PrintProofs(TextWriter output)
    {
        if (Audit.Production is { } production)
        {
            PrintStretches(output, production);
        }
        else
        {
            PrintEpochs(output);
        }

        Line(output, SnapshotMismatches == 0, $"{Text.Count(Audit.SnapshotsChecked)} snapshots equal the book rebuilt from the one before"
            + (SnapshotMismatches == 0 ? "" : $"; {Text.Count(SnapshotMismatches)} do not")
            + (Audit.SnapshotsUnprovable == 0 ? "" : $" ({Text.Count(Audit.SnapshotsUnprovable)} after rejected frames prove nothing)"));
        Line(output, Audit.NegativeLevels == 0, $"{Text.Count(Audit.Markets.Count(market => market.HasSnapshot))} books rebuilt, {Text.Count(Audit.NegativeLevels)} levels below zero");
        Line(output, Audit.InconsistentTrades == 0 && Audit.DuplicatedTrades == 0, $"{Text.Count(Audit.Trades.Count)} trades, each once, {Text.Count(Audit.BackfilledTrades)} of them by backfill"
            + (Audit.InconsistentTrades == 0 ? "; yes and no add up to a dollar" : $"; {Text.Count(Audit.InconsistentTrades)} do not add up to a dollar"));
        if (Audit.SeqNotRising > 0)
        {
            Line(output, false, $"{Text.Count(Audit.SeqNotRising)} rows stand twice or out of order");
        }

        if (TruthContradictions > 0)
        {
            Line(output, false, $"{Text.Count(TruthContradictions)} snapshots of the truth contradict its own deltas");
        }

        foreach (var damage in Audit.Damages)
        {
            Line(output, false, $"damage: {damage}");
        }
    }

    private void PrintEpochs(TextWriter output)
    {
        var frames = Audit.Epochs.Values.Sum(epoch => epoch.Certificate?.Frames ?? 0);
        var numbers = Audit.Epochs.Values.Sum(epoch => epoch.Certificate is { } c ? c.LastSeq - c.FirstSeq + 1 : 0);
        Line(output, NotDense == 0, $"{Text.Count(EpochCount)} epochs: {Text.Count(numbers)} sequence numbers, {Text.Count(frames)} frames accounted for"
            + (NotDense == 0 ? ", none missing" : $"; {Text.Count(NotDense)} epochs are not dense"));
    }

    private void PrintStretches(TextWriter output, ProductionCounts production)
    {
        var faults = Audit.Faults.Values.Sum();
        Line(output, faults == 0, $"{Text.Count(production.Stretches)} stretches, each change at its place and vouched for: {Text.Count(production.Vouches)} vouches of {Text.Count(EpochCount)} epochs");
        foreach (var (kind, count) in Audit.Faults)
        {
            Line(output, false, $"{kind}: {Text.Count(count)}");
        }

        if (production.Disagreements > 0)
        {
            output.WriteLine($"  --  gatherers disagreed {Text.Count(production.Disagreements)} times, {Text.Count(production.OpenDisagreements)} of them are open: kalshi.disagreements has both versions");
        }
    }

    private void PrintGaps(TextWriter output)
    {
        var repaired = Audit.Gaps.Count(gap => gap.State == CoverageState.Repaired);
        output.WriteLine($"  --  {Text.Count(Audit.WholeCount)} intervals whole, {Text.Count(Audit.GapCount - repaired)} gaps, {Text.Count(repaired)} repaired; "
            + $"{Text.Count(Audit.UnknownFrames)} frames of unknown type, {Text.Count(Audit.RejectedFrames)} rejected by name");
        foreach (var cause in Audit.Gaps.GroupBy(gap => (gap.Channel, Reason: Family(gap.Reason))).OrderByDescending(group => group.Count()).Take(10))
        {
            output.WriteLine($"        {cause.Key.Channel}, {Text.Count(cause.Count())} gaps, {Micros.Format(cause.Min(gap => gap.FromAt))} to {EndOf(cause)}: {cause.Key.Reason}");
        }

        if (NeverCovered > 0)
        {
            output.WriteLine($"        {Text.Count(NeverCovered)} markets with deltas were never covered");
        }

        foreach (var (reason, count) in Audit.RejectedReasons.OrderByDescending(pair => pair.Value).Take(10))
        {
            output.WriteLine($"        rejected {Text.Count(count)}: {reason}");
        }
    }

    /// <summary>"gap" of "gap: seq 5 expected, 6 received": what happened, without the particulars of each case.</summary>
    private static string Family(string reason) => reason.Split(':', 2)[0] is var family && family == "rejected" ? reason : family;

    private static string EndOf(IEnumerable<Coverage> gaps)
    {
        var end = gaps.Max(gap => gap.ToAt);
        return end == long.MaxValue ? "the end" : Micros.Format(end);
    }

    private void PrintFindings(TextWriter output)
    {
        foreach (var (finding, text) in Audit.Examples.All)
        {
            output.WriteLine($"  !!  {finding}: {text}");
        }
    }

    private string Verdict()
    {
        var time = Seconds.ToString("0.0", System.Globalization.CultureInfo.InvariantCulture);
        if (!IsSound)
        {
            return $"NOT SOUND. ({time} s)";
        }

        return HasTruth
            ? $"SOUND: every delta and trade is present once, in order, or in a reported gap. ({time} s)"
            : $"SOUND: every interval that is claimed whole is whole. ({time} s)";
    }

    private static void Line(TextWriter output, bool isGood, string text) => output.WriteLine($"  {(isGood ? "ok" : "!!")}  {text}");
}
