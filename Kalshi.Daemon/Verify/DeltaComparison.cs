using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// Every delta of the truth, accounted for. Per market: place its runs (<see cref="Alignment"/>), settle what found no place,
/// then say of every hole why it is there.
/// </summary>
/// <remarks>
/// A hole is a loss, and not in a reported gap, when it lies
/// (1) within a run: an epoch is dense;
/// (2) before something the same epoch holds, while the market was covered to the epoch's end: a sid delivers in order;
/// (3) between runs without a coverage row that says gap;
/// (4) anywhere, as often as rows that an epoch's certificate counts are not found and (1) to (3) do not say where.
/// Of production, whose runs are stretches: (1), (3), and within an interval that is claimed whole.
/// A hole of kind 1 may instead be `rejected`, once for every frame of the epoch that was rejected without a readable ticker.
/// </remarks>
internal sealed class DeltaComparison(Truth truth, Audit audit, KindCounts counts)
{
    private const int Rejected = -1;
    private const int Altered = -2;

    private readonly List<Aligned> _aligned = [];

    /// <summary>Rejected frames of an epoch that may still explain a hole; rows its certificate counts and nobody found.</summary>
    private readonly Dictionary<EpochAudit, (long Rejected, long Missing)> _budgets = [];

    public long SnapshotMismatches { get; private set; }

    /// <summary>Markets that have deltas in the truth and no snapshot in the capture.</summary>
    public long NeverCovered { get; private set; }

    private readonly record struct Aligned(string Ticker, TruthMarket Truth, MarketAudit? Market, Alignment Alignment);

    public void Run()
    {
        counts.Captured = audit.Deltas;
        for (var id = 0; id < truth.Markets.Count; id++)
        {
            Align(id);
        }

        CountUnknownMarkets();
        foreach (var epoch in audit.Epochs.Values)
        {
            _budgets[epoch] = (epoch.RejectedAnywhere, Math.Max(0, (epoch.Certificate?.Deltas ?? epoch.Deltas) - epoch.Deltas));
        }

        foreach (var aligned in _aligned)
        {
            Settle(aligned);
            JudgeHoles(aligned);
        }

        foreach (var (epoch, budget) in _budgets)
        {
            LoseUnplaced(epoch, budget.Missing);
        }
    }

    private void LoseUnplaced(EpochAudit epoch, long missing)
    {
        var lost = Math.Min(Math.Max(0, missing), counts.InReportedGaps);
        if (lost > 0)
        {
            counts.Lost += lost;
            counts.InReportedGaps -= lost;
            audit.Examples.Add("lost", () => $"{lost} deltas that the certificate of the epoch begun {Micros.Format(epoch.EpochId)} counts");
        }
    }

    private void Align(int id)
    {
        var market = truth.Markets[id];
        counts.Expected += market.Changes.Count;
        var captured = audit.Tickers.TryGet(truth.Tickers.Bytes(id), out var own) && own < audit.Markets.Count ? audit.Markets[own] : null;
        var alignment = new Alignment(market);
        alignment.Place(captured?.Runs ?? []);
        _aligned.Add(new Aligned(truth.Tickers.Name(id), market, captured, alignment));
        SnapshotMismatches += alignment.Mismatches.Count;
        foreach (var mismatch in alignment.Mismatches)
        {
            audit.Examples.Add("snapshot mismatch", () => $"{truth.Tickers.Name(id)}: the snapshot received {Micros.Format(mismatch.ReceivedAt)} was never the exchange's book there");
        }

        NeverCovered += market.Changes.Count > 0 && captured is not { HasSnapshot: true } ? 1 : 0;
    }

    private void CountUnknownMarkets()
    {
        for (var id = 0; id < audit.Markets.Count; id++)
        {
            if (!truth.Tickers.TryGet(audit.Tickers.Bytes(id), out _))
            {
                counts.Invented += audit.Markets[id].Runs.Sum(run => run.Changes.Count);
            }
        }
    }

    /// <summary>What found no place stood at a wrong one, was there before, or has another value.</summary>
    private void Settle(in Aligned aligned)
    {
        var alignment = aligned.Alignment;
        foreach (var position in alignment.HeldTwice)
        {
            counts.Duplicated++;
            Example("duplicated", aligned, aligned.Truth.Changes[position].Change, "captured twice");
        }

        List<Alignment.Extra>? odd = null;
        foreach (var extra in alignment.Extras)
        {
            if (FindEqual(aligned, extra.Change, isFree: true) is var free && free >= 0)
            {
                alignment.Holder[free] = 1;
                counts.Reordered++;
                Example("reordered", aligned, extra.Change, "captured out of its place");
            }
            else if (FindEqual(aligned, extra.Change, isFree: false) >= 0)
            {
                counts.Duplicated++;
                Example("duplicated", aligned, extra.Change, "captured again");
            }
            else
            {
                (odd ??= []).Add(extra);
            }
        }

        foreach (var extra in odd ?? [])
        {
            SettleOdd(aligned, extra);
        }
    }

    private void SettleOdd(in Aligned aligned, in Alignment.Extra extra)
    {
        var holder = aligned.Alignment.Holder;
        var (first, end) = aligned.Alignment.PositionsAt(extra.Change.ExchangeAt);
        var position = FirstFree(holder, extra.From, extra.To);
        position = position >= 0 ? position : FirstFree(holder, first, end);
        position = position >= 0 ? position : NextAlike(aligned, extra);
        if (position < 0)
        {
            counts.Invented++;
            Example("invented", aligned, extra.Change, "was never produced");
            return;
        }

        holder[position] = Altered;
        counts.Altered++;
        var produced = aligned.Truth.Changes[position].Change;
        Example("altered", aligned, extra.Change, $"produced as {Describe(produced)}");
    }

    /// <summary>The delta that follows the run, when nothing but the stamp tells it from the odd one.</summary>
    private static int NextAlike(in Aligned aligned, in Alignment.Extra extra)
    {
        var changes = aligned.Truth.Changes.Span;
        return extra.To < changes.Length && aligned.Alignment.Holder[extra.To] == 0
            && changes[extra.To].Change with { ExchangeAt = extra.Change.ExchangeAt } == extra.Change ? extra.To : -1;
    }

    private static int FirstFree(ReadOnlySpan<int> holder, int from, int to)
    {
        var index = to > from ? holder[from..to].IndexOf(0) : -1;
        return index < 0 ? -1 : from + index;
    }

    private static int FindEqual(in Aligned aligned, in Change change, bool isFree)
    {
        var (first, end) = aligned.Alignment.PositionsAt(change.ExchangeAt);
        for (var position = first; position < end; position++)
        {
            if (aligned.Truth.Changes[position].Change == change && aligned.Alignment.Holder[position] == 0 == isFree)
            {
                return position;
            }
        }

        return -1;
    }

    private void JudgeHoles(in Aligned aligned)
    {
        var holder = aligned.Alignment.Holder;
        var spans = aligned.Alignment.Runs.OrderBy(placed => placed.From).ThenBy(placed => placed.To).ToArray();
        var next = 0;
        Run? previous = null;
        var reach = 0;
        for (var position = 0; position < holder.Length; position++)
        {
            for (; next < spans.Length && spans[next].From <= position; next++)
            {
                (previous, reach) = spans[next].To >= reach ? (spans[next].Run, spans[next].To) : (previous, reach);
            }

            switch (holder[position])
            {
                case > 0: counts.Present++; break;
                case Rejected: counts.Rejected++; break;
                case 0 when position < reach: JudgeInterior(aligned, position, previous!); break;
                case 0: JudgeBetween(aligned, position, previous, next < spans.Length ? spans[next].Run : null); break;
            }
        }
    }

    private void JudgeBetween(in Aligned aligned, int position, Run? previous, Run? following)
    {
        if (IsLoss(aligned, position, previous, following) is { } why)
        {
            Lose(aligned, position, previous, why);
        }
        else
        {
            counts.InReportedGaps++;
        }
    }

    private string? IsLoss(in Aligned aligned, int position, Run? previous, Run? following)
    {
        if (aligned.Market is not { } market)
        {
            return null;
        }

        if (market.IsClaimed(aligned.Truth.Changes[position].Change.ExchangeAt))
        {
            return "not held, though its interval is claimed whole";
        }

        if (previous is null)
        {
            return null;
        }

        if (audit.Production is not null)
        {
            return following is not null && !market.HasGapBetween(previous.EndAt, following.FirstAt) ? "not held, and no gap is reported" : null;
        }

        if (aligned.Truth.Changes[position].Ordinal < previous.Epoch.ReachOrdinal && market.IsCoveredToEnd(previous))
        {
            return "not captured, though its epoch holds later frames";
        }

        return following is not null && !market.IsInGap(following.FirstAt) ? "not captured, and no gap is reported" : null;
    }

    private void JudgeInterior(in Aligned aligned, int position, Run run)
    {
        var budget = _budgets.GetValueOrDefault(run.Epoch);
        if (budget.Rejected > 0)
        {
            _budgets[run.Epoch] = budget with { Rejected = budget.Rejected - 1 };
            counts.Rejected++;
        }
        else
        {
            Lose(aligned, position, run, audit.Production is null ? "missing within an epoch" : "missing within a stretch");
        }
    }

    private void Lose(in Aligned aligned, int position, Run? run, string why)
    {
        if (run is not null && _budgets.TryGetValue(run.Epoch, out var budget))
        {
            _budgets[run.Epoch] = budget with { Missing = budget.Missing - 1 };
        }

        counts.Lost++;
        Example("lost", aligned, aligned.Truth.Changes[position].Change, why);
    }

    private void Example(string finding, in Aligned aligned, Change change, string why)
    {
        var ticker = aligned.Ticker;
        audit.Examples.Add(finding, () => $"{ticker} {Micros.Format(change.ExchangeAt)} {Describe(change)}: {why}");
    }

    private static string Describe(Change change) => $"{(change.Side == Exchange.Protocol.Side.Yes ? "yes" : "no")} {Text.Dollars(change.Price)} {Text.Signed(change.Delta)}";
}
