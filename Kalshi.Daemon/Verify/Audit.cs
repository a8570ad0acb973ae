using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// Rows, epochs and coverage of a store, checked as they pass and kept for the comparison with a truth.
/// <b>In</b>: a source (journal, store or Parquet) in the order of each market's stream. <b>Out</b>: counts, examples, runs.
/// <b>Thread</b>: one. <b>Bound</b>: books of all markets; with a truth also 24 bytes a delta.
/// </summary>
/// <remarks>
/// Without a truth it proves: every number of every epoch is accounted for by one row or one counted frame; every snapshot
/// within an epoch equals the book rebuilt from the one before; no level falls below zero; trades are unique and their legs
/// add up to a dollar.
/// </remarks>
internal sealed class Audit(bool keepChanges)
{
    /// <summary>Whether changes are kept, to be compared with a truth.</summary>
    public bool KeepsChanges => keepChanges;

    /// <summary>Gaps kept for the report; the rest is counted.</summary>
    public const int GapsMax = 100_000;
    private const int Dollar = 1_000_000;

    public readonly TickerTable Tickers = new();
    public readonly List<MarketAudit> Markets = [];
    public readonly Dictionary<long, EpochAudit> Epochs = [];
    public readonly List<Coverage> Gaps = [];
    public readonly Examples Examples = new();

    /// <summary>By hash of trade_id: hash of the values, epoch (0 = REST), received_at, and how many rows of the stream say it.</summary>
    public readonly Dictionary<UInt128, CapturedTrade> Trades = [];
    public readonly Dictionary<UInt128, int> TickerFrames = [];
    public readonly Dictionary<UInt128, Growing<long>> Lifecycle = [];
    public readonly SortedDictionary<string, long> RejectedReasons = new(StringComparer.Ordinal);
    public readonly Dictionary<string, List<Coverage>> ChannelGaps = [];
    public readonly List<string> Damages = [];

    /// <summary>What else is wrong, counted by kind; cases are among the examples.</summary>
    public readonly SortedDictionary<string, long> Faults = new(StringComparer.Ordinal);

    /// <summary>Null unless production is audited.</summary>
    public ProductionCounts? Production;

    public long Deltas;
    public long Snapshots;
    public long StreamTrades;
    public long BackfilledTrades;
    public long TickerRows;
    public long LifecycleRows;
    public long UnknownFrames;
    public long RejectedFrames;
    public long RejectedTrades;
    public long GapCount;
    public long WholeCount;
    public long SnapshotsChecked;
    public long SnapshotMismatches;

    /// <summary>Mismatches that a rejected frame explains.</summary>
    public long SnapshotsUnprovable;
    public long NegativeLevels;
    public long SeqNotRising;
    public long InconsistentTrades;
    public long DuplicatedTrades;
    private EpochAudit? _latest;

    public MarketAudit Market(ReadOnlySpan<byte> ticker)
    {
        var id = Tickers.GetOrAdd(ticker);
        while (Markets.Count <= id)
        {
            Markets.Add(new MarketAudit());
        }

        return Markets[id];
    }

    public EpochAudit Epoch(long epochId)
    {
        if (_latest?.EpochId == epochId)
        {
            return _latest;
        }

        if (!Epochs.TryGetValue(epochId, out var epoch))
        {
            Epochs.Add(epochId, epoch = new EpochAudit(epochId));
        }

        return _latest = epoch;
    }

    public void OnDelta(MarketAudit market, in RowKey row, long exchangeAt, Side side, int price, long delta)
    {
        Deltas++;
        var epoch = Epoch(row.EpochId);
        epoch.Deltas++;
        var run = RunOf(market, epoch, row.ReceivedAt);
        CheckSeq(market, run, row);
        Apply(market, run, exchangeAt, side, price, delta);
    }

    /// <summary>The next delta of a run.</summary>
    public void Apply(MarketAudit market, Run run, long exchangeAt, Side side, int price, long delta)
    {
        if (keepChanges)
        {
            run.Changes.Add(new Change(exchangeAt, side, price, delta));
        }

        if (run.Book is { } book && book.Apply(side, price, delta) == BookVerdict.BelowZero && IsTrusted(run))
        {
            OnBelowZero(market, exchangeAt, side, price);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void OnBelowZero(MarketAudit market, long exchangeAt, Side side, int price)
    {
        NegativeLevels++;
        Examples.Add("negative", () => $"{NameOf(market)} {side} {Text.Dollars(price)} fell below zero at {Micros.Format(exchangeAt)}");
    }

    public void OnSnapshot(MarketAudit market, in RowKey row, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        Snapshots++;
        var receivedAt = row.ReceivedAt;
        var epoch = Epoch(row.EpochId);
        epoch.Snapshots++;
        var run = market.HasGap(GapCause.Deleted, receivedAt) ? Begin(market, epoch, receivedAt) : RunOf(market, epoch, receivedAt);
        CheckSeq(market, run, row);
        Apply(market, run, receivedAt, yes, no);
    }

    /// <summary>A snapshot of a run, at its place.</summary>
    public void Apply(MarketAudit market, Run run, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        market.HasSnapshot = true;
        var hash = Book.HashOf(yes, no);
        if (keepChanges)
        {
            run.Snapshots.Add(new RunSnapshot(run.Changes.Count, hash, receivedAt));
        }

        Check(market, run, hash, receivedAt);
        (run.Book ??= new Book()).Replace(yes, no);
        run.IsBookTrusted = true;
        run.RejectedAnywhereAtSnapshot = run.Epoch.RejectedAnywhere;
    }

    /// <summary>Within an epoch a market's rows rise in seq: one that does not is a row twice, or at a wrong place.</summary>
    private void CheckSeq(MarketAudit market, Run run, in RowKey row)
    {
        if (row.Seq > run.LastSeq)
        {
            run.LastSeq = row.Seq;
        }
        else if (row.EpochId != 0)
        {
            OnSeqNotRising(market, row);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void OnSeqNotRising(MarketAudit market, RowKey row)
    {
        SeqNotRising++;
        Examples.Add("seq not rising", () => $"{NameOf(market)}: seq {row.Seq} received {Micros.Format(row.ReceivedAt)} does not follow");
    }

    /// <summary>A snapshot within an epoch is a checksum; an empty one is how the exchange closes a market, and proves nothing.</summary>
    private void Check(MarketAudit market, Run run, ulong hash, long receivedAt)
    {
        if (run.Book is not { } book || hash == 0)
        {
            return;
        }

        if (book.Hash == hash)
        {
            SnapshotsChecked++;
        }
        else if (!IsTrusted(run))
        {
            SnapshotsUnprovable++;
        }
        else
        {
            OnMismatch(market, receivedAt);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void OnMismatch(MarketAudit market, long receivedAt)
    {
        SnapshotMismatches++;
        Examples.Add("snapshot mismatch", () => $"{NameOf(market)}: the snapshot received {Micros.Format(receivedAt)} is not the rebuilt book");
    }

    /// <summary>A frame rejected by name; `market` null when its ticker was unreadable.</summary>
    public void OnRejected(MarketAudit? market, FrameType type, long epochId, long receivedAt, string reason)
    {
        RejectedFrames++;
        RejectedReasons[reason] = RejectedReasons.GetValueOrDefault(reason) + 1;
        RejectedTrades += type == FrameType.Trade ? 1 : 0;
        if (epochId == 0 || type is not (FrameType.OrderbookDelta or FrameType.OrderbookSnapshot or FrameType.Unknown))
        {
            return;
        }

        var epoch = Epoch(epochId);
        if (market is null || type == FrameType.Unknown)
        {
            epoch.RejectedAnywhere++;
            return;
        }

        var run = RunOf(market, epoch, receivedAt);
        run.IsBookTrusted = false;
        if (keepChanges && type == FrameType.OrderbookDelta)
        {
            run.Changes.Add(Change.Wildcard);
        }
    }

    /// <summary>A trade. `epochId` 0 for one from REST, which may repeat others unless it is a stored row (`isStored`).</summary>
    public void OnTrade(ReadOnlySpan<byte> ticker, ReadOnlySpan<byte> tradeId, in TradeValues values, long epochId, long receivedAt, bool isStored = false)
    {
        Market(ticker);
        var id = RowHash.Text(tradeId);
        if (epochId != 0)
        {
            StreamTrades++;
            Epoch(epochId).Trades++;
        }

        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(Trades, id, out var exists);
        if (!exists)
        {
            BackfilledTrades += epochId == 0 ? 1 : 0;
            known = new CapturedTrade(RowHash.Trade(ticker, values), epochId, receivedAt);
        }
        else if (isStored || (epochId != 0 && known.EpochId != 0))
        {
            DuplicatedTrades++;
            OnOddTrade("duplicated", tradeId, $"received again {Micros.Format(receivedAt)}");
        }
        else if (epochId != 0)
        {
            BackfilledTrades--;
            known = known with { EpochId = epochId };
        }

        if (values.Count <= 0 || (values.YesPrice >= 0 && values.NoPrice >= 0 && values.YesPrice + values.NoPrice != Dollar))
        {
            InconsistentTrades++;
            OnOddTrade("inconsistent", tradeId, $"yes {Text.Dollars(values.YesPrice)}, no {Text.Dollars(values.NoPrice)}, count {Text.Contracts(values.Count)}");
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void OnOddTrade(string finding, ReadOnlySpan<byte> tradeId, string text)
    {
        var id = Encoding.UTF8.GetString(tradeId);
        Examples.Add(finding, () => $"trade {id}: {text}");
    }

    public void OnTicker(UInt128 row)
    {
        TickerRows++;
        CollectionsMarshal.GetValueRefOrAddDefault(TickerFrames, row, out _)++;
    }

    public void OnLifecycle(UInt128 row, long epochId, long receivedAt)
    {
        LifecycleRows++;
        if (epochId != 0)
        {
            Epoch(epochId).Lifecycle++;
        }

        ref var seen = ref CollectionsMarshal.GetValueRefOrAddDefault(Lifecycle, row, out _);
        seen.Add(receivedAt);
    }

    public void OnCoverage(in Coverage coverage)
    {
        if (coverage.State == CoverageState.Whole)
        {
            OnWhole(coverage);
            return;
        }

        if (coverage is { State: CoverageState.Repaired, Ticker: "" })
        {
            // A store may have said gap before the backfill came, and says repaired in a later hour.
            var (channel, fromAt, toAt) = (coverage.Channel, coverage.FromAt, coverage.ToAt);
            GapCount -= Gaps.RemoveAll(gap => gap.State == CoverageState.Gap && gap.Channel == channel && gap.Ticker == "" && gap.FromAt >= fromAt && gap.ToAt <= toAt);
        }

        GapCount++;
        if (Gaps.Count < GapsMax)
        {
            Gaps.Add(coverage);
        }

        if (coverage.Channel != "orderbook_delta")
        {
            if (!ChannelGaps.TryGetValue(coverage.Channel, out var gaps))
            {
                ChannelGaps.Add(coverage.Channel, gaps = []);
            }

            gaps.Add(coverage);
            return;
        }

        var cause = coverage.Reason switch
        {
            "deleted" => GapCause.Deleted,
            _ when coverage.Reason.StartsWith("rejected", StringComparison.Ordinal) => GapCause.Rejected,
            _ => GapCause.Other,
        };
        Market(Encoding.UTF8.GetBytes(coverage.Ticker)).Gaps.Add((coverage.FromAt, coverage.ToAt, cause));
    }

    private void OnWhole(in Coverage coverage)
    {
        WholeCount++;
        if (keepChanges && coverage.Channel == "orderbook_delta")
        {
            Market(Encoding.UTF8.GetBytes(coverage.Ticker)).Covers.Add((coverage.EpochId, coverage.ToAt));
        }
    }

    public void OnEpoch(Epoch epoch) => Epoch(epoch.EpochId).Certificate = epoch;

    public void AddFault(string kind, Func<string> text)
    {
        Faults[kind] = Faults.GetValueOrDefault(kind) + 1;
        Examples.Add(kind, text);
    }

    /// <summary>A merged trade: one row a trade_id, whoever told it.</summary>
    public void OnMergedTrade(ReadOnlySpan<byte> ticker, ReadOnlySpan<byte> tradeId, in TradeValues values, bool isBackfilled, long receivedAt)
    {
        var backfilled = BackfilledTrades;
        OnTrade(ticker, tradeId, values, epochId: 0, receivedAt, isStored: true);
        BackfilledTrades = isBackfilled ? BackfilledTrades : backfilled;
    }

    public string NameOf(MarketAudit market) => Tickers.Name(Markets.IndexOf(market));

    private static bool IsTrusted(Run run) => run.IsBookTrusted && run.RejectedAnywhereAtSnapshot == run.Epoch.RejectedAnywhere;

    /// <summary>The market's run in the epoch. Nearly always it is the latest one.</summary>
    private Run RunOf(MarketAudit market, EpochAudit epoch, long receivedAt)
    {
        for (var i = market.Runs.Count - 1; i >= 0; i--)
        {
            var run = market.Runs[i];
            if (run.Epoch == epoch)
            {
                return run;
            }
        }

        return Begin(market, epoch, receivedAt);
    }

    private Run Begin(MarketAudit market, EpochAudit epoch, long receivedAt)
    {
        if (!keepChanges)
        {
            market.Runs.RemoveAll(run => run.Epoch.IsOver || run.Epoch == epoch);
        }

        foreach (var over in market.Runs)
        {
            over.Book = over.Epoch.IsOver ? null : over.Book;
            over.IsSplitOff |= over.Epoch == epoch;
        }

        var begun = new Run(epoch, receivedAt);
        market.Runs.Add(begun);
        return begun;
    }
}

/// <summary>Where a row stands in its stream; `EpochId` 0 for one without a number.</summary>
internal readonly record struct RowKey(long EpochId, long Seq, long ReceivedAt);

/// <summary>A trade as captured; `EpochId` 0 when only REST has it.</summary>
internal readonly record struct CapturedTrade(UInt128 Values, long EpochId, long ReceivedAt);
