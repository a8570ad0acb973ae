using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>A scenario in words: what traces are made of. Times are µs since the seed's begin.</summary>
internal static class ScenarioText
{
    public static string Of(Scenario scenario, in FeedItem item)
    {
        var place = $"market {item.Market} epoch {Time(item.EpochId)} at {Time(item.ReceivedAt)}";
        switch (item.Kind)
        {
            case FeedKind.Change:
                var truth = scenario.Market(item.Market);
                var altered = item.AlteredAt != 0 || item.AlteredDelta != 0 ? $" altered by {item.AlteredDelta}, {item.AlteredAt} us" : "";
                return $"change {item.Position} {Of(truth.KeyOf(item.Position))} {Of(truth.ChangeAt(item.Position, item.ReceivedAt))}{altered}, {place}";
            case FeedKind.Snapshot:
                return $"snapshot at position {item.Position}, {place}";
            case FeedKind.CoverageEnded:
                return $"coverage ended \"{item.Reason}\", good to {Time(item.CoveredTo)}, {place}";
            default:
                return $"{item.Kind} \"{item.Reason}\", {place}";
        }
    }

    public static string Of(BookOutput entry) => entry switch
    {
        BookOutput.Changed changed => $"change {Of(changed.Key)} {Of(changed.Change)}",
        BookOutput.Snapshot snapshot => $"snapshot of {snapshot.Number} after {Of(snapshot.After)}: {Of(snapshot.Yes)} | {Of(snapshot.No)}",
        BookOutput.Covered { Row: var row } =>
            $"coverage {row.Number} {row.State} from {Time(row.FromAt)} to {Time(row.ToAt)}, {Of(row.First)} to {Of(row.Last)} \"{row.Reason}\"",
        BookOutput.Vouched { Row: var row } => $"vouch {row.Number} of {row.Gatherer} epoch {Time(row.EpochId)} from {Time(row.FromAt)} after {Of(row.After)}",
        BookOutput.VouchEnded ended => $"vouch {ended.Number} ended at {Of(ended.Last)}, to {Time(ended.ToAt)} \"{ended.Reason}\"",
        BookOutput.Renumbered renumbered => $"renumbered ({Time(renumbered.At)}, {renumbered.First}) and {renumbered.Count - 1} more by {renumbered.By}",
        BookOutput.Joined joined => $"joined {joined.Number} into {joined.Into}, opening {Of(joined.Opening)}",
        BookOutput.Withdrawn withdrawn => $"withdrawn behind {Of(withdrawn.After)} to {Of(withdrawn.Last)}",
        BookOutput.Disagreed { Row: var row } => $"disagreement {row.Number} after {Of(row.After)}: held {Of(row.Held)} by {row.HeldBy:b}, other {Of(row.Other)} by {row.OtherBy} \"{row.Verdict}\"",
        _ => entry.ToString(),
    };

    public static string Of(ChangeKey key) => key.IsNone ? "none" : $"({Time(key.At)}, {key.Ordinal})";

    private static string Of(MarketChange change) => $"{change.Side} {change.Price} {change.Delta:+0;-0}";

    private static string Of(Level[] levels) => string.Join(' ', levels.Select(level => $"{level.Price}:{level.Quantity}"));

    private static string Time(long at) => at switch
    {
        long.MaxValue => "open",
        long.MinValue => "none",
        0 => "0",
        _ => $"{at - TruthGenerator.StartAt}",
    };

    /// <summary>The truth of a market and the runs of it.</summary>
    public static void WriteTruth(Scenario scenario, int market, TextWriter writer)
    {
        var truth = scenario.Market(market);
        writer.WriteLine($"market {market}: {truth.Changes.Count} changes, {(truth.IsCleared ? "cleared at " + Time(truth.ClearedAt) : "not cleared")}; {scenario.Recipe}");
        for (var i = 0; i < truth.Changes.Count; i++)
        {
            writer.WriteLine($"truth {i} {Of(truth.KeyOf(i))} {Of(truth.ChangeAt(i, 0))}{(truth.Changes[i].IsUnstamped ? " unstamped" : "")}");
        }

        foreach (var run in scenario.RunsByMarket[market])
        {
            writer.WriteLine($"run: {run} opened {Time(run.OpenedAt)}, epoch at {Time(run.EpochId)}");
        }
    }
}
