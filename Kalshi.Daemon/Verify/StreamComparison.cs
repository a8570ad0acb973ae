using Kalshi.Daemon.Books;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// Trades, lifecycle and ticker frames against the truth. Trades are known by trade_id and may be missing only before the
/// first captured and after the last; lifecycle frames by what they say of whom, and may be missing in reported gaps; tickers
/// are compared as multisets, and may be missing anywhere because they carry no numbers.
/// </summary>
internal sealed class StreamComparison(Truth truth, Audit audit)
{
    public KindCounts Trades { get; } = new();

    public KindCounts Lifecycle { get; } = new();

    public KindCounts Tickers { get; } = new();

    public void Run()
    {
        CompareTrades();
        CompareLifecycle();
        CompareTickers();
    }

    private void CompareTrades()
    {
        Trades.Expected = truth.Trades.Count;
        Trades.Captured = audit.Trades.Count + audit.DuplicatedTrades;
        Trades.Duplicated = audit.DuplicatedTrades;
        Trades.Invented = audit.Trades.Keys.Count(id => !truth.Trades.ContainsKey(id));
        var (first, last) = (int.MaxValue, 0);
        foreach (var id in audit.Trades.Keys)
        {
            if (truth.Trades.TryGetValue(id, out var produced))
            {
                first = Math.Min(first, produced.Ordinal);
                last = Math.Max(last, produced.Ordinal);
            }
        }

        var rejected = audit.RejectedTrades;
        var missing = audit.Epochs.Values.Sum(epoch => Math.Max(0, epoch.TradesExpected - epoch.Trades));
        foreach (var (id, produced) in truth.Trades)
        {
            if (audit.Trades.TryGetValue(id, out var captured))
            {
                (captured.Values == produced.Values ? ref Present() : ref Altered(produced.Ticker))++;
            }
            else if (produced.Ordinal > first && produced.Ordinal < last && rejected-- > 0)
            {
                Trades.Rejected++;
            }
            else if ((produced.Ordinal < first || produced.Ordinal > last) && missing-- <= 0)
            {
                Trades.InReportedGaps++;
            }
            else
            {
                Trades.Lost++;
                audit.Examples.Add("lost", () => $"a trade of {truth.Tickers.Name(produced.Ticker)}, line {produced.Ordinal} of the truth");
            }
        }
    }

    private ref long Present() => ref Trades.Present;

    private ref long Altered(int ticker)
    {
        audit.Examples.Add("altered", () => $"a trade of {truth.Tickers.Name(ticker)}");
        return ref Trades.Altered;
    }

    /// <summary>A missing frame is explained when a gap of its channel overlaps the time between its captured neighbours.</summary>
    private void CompareLifecycle()
    {
        Lifecycle.Expected = truth.Lifecycle.Count;
        Lifecycle.Captured = audit.LifecycleRows;
        var left = audit.Lifecycle.ToDictionary(pair => pair.Key, _ => 0);
        foreach (var isCombo in (ReadOnlySpan<bool>)[false, true])
        {
            var channel = isCombo ? "multivariate_market_lifecycle" : "market_lifecycle_v2";
            var gaps = audit.ChannelGaps.GetValueOrDefault(channel) ?? [];
            var waiting = 0;
            var previousAt = 0L;
            foreach (var (key, _, _) in truth.Lifecycle.Where(line => line.IsCombo == isCombo))
            {
                if (!left.TryGetValue(key, out var used) || used == audit.Lifecycle[key].Count)
                {
                    waiting++;
                    continue;
                }

                left[key] = used + 1;
                Lifecycle.Present++;
                var at = audit.Lifecycle[key][used];
                Explain(waiting, previousAt, at, gaps);
                (waiting, previousAt) = (0, Math.Max(previousAt, at));
            }

            Lifecycle.InReportedGaps += waiting;
        }

        Lifecycle.Invented = audit.LifecycleRows - Lifecycle.Present;
    }

    private void Explain(int count, long fromAt, long toAt, List<Coverage> gaps)
    {
        if (count == 0 || fromAt == 0 || gaps.Exists(gap => gap.FromAt < toAt && gap.ToAt > fromAt))
        {
            Lifecycle.InReportedGaps += count;
            return;
        }

        Lifecycle.Lost += count;
        audit.Examples.Add("lost", () => $"{count} lifecycle frames before the one received {Micros.Format(toAt)}");
    }

    private void CompareTickers()
    {
        Tickers.Expected = truth.TickerCount;
        Tickers.Captured = audit.TickerRows;
        foreach (var (row, times) in audit.TickerFrames)
        {
            var produced = truth.TickerFrames.GetValueOrDefault(row);
            Tickers.Present += Math.Min(produced, times);
            (produced == 0 ? ref Tickers.Invented : ref Tickers.Duplicated) += Math.Max(0, times - produced);
        }

        Tickers.NotReceived = Tickers.Expected - Tickers.Present;
    }
}
