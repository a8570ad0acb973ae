using Kalshi.Daemon.Books;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// The merge from one claim of production to the next:
/// <code>
///   GathererSource ×N ─▶ TurnReader ─▶ BookMerge, StreamMerges ─▶ TurnOutput ─▶ ProductionStore
/// </code>
/// In: the gatherers' stores. Out: production. Thread: one, its own; what says so may be read by others. Bound: that of the parts. When production
/// moved (another dedup, an older copy), everything begins anew from what it holds.
/// </summary>
internal sealed class Merging
{
    /// <summary>Between two looks at production while nothing comes.</summary>
    private static readonly TimeSpan IdleWait = TimeSpan.FromMilliseconds(100);

    private readonly Options _options;
    private readonly ProductionStore _store;
    private readonly ILogger _log;
    private readonly MergeSettings _settings;
    private readonly HeapTrim _heap = new();
    private volatile MergingView? _view;

    /// <summary>Since when the turns have had no work and what they had is committed; 0: it is not so.</summary>
    private long _idleTicks;

    public Merging(Options options, ProductionStore store, ILogger log)
    {
        (_options, _store, _log) = (options, store, log);
        _settings = new MergeSettings(options.Gatherers.Count, Micros.FromTimeSpan(options.DedupMargin), Micros.FromTimeSpan(options.DedupLagBudget));
    }

    /// <summary>What goes on, for display; null before production was opened. Any thread.</summary>
    public MergingView? View => _view;

    /// <summary>How long there has been nothing to merge and to commit, and every store that answers has said so. Any thread.</summary>
    public TimeSpan IdleFor => _view is { Turns: { HasWork: false, IsAsking: false } } && Volatile.Read(ref _idleTicks) is var since and not 0
        ? TimeSpan.FromMilliseconds(Environment.TickCount64 - since)
        : TimeSpan.Zero;

    /// <summary>Merges until stopped; everything that was merged is then committed, unless production cannot be reached. Throws <see cref="SetupException"/>.</summary>
    public void Run(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                RunClaim(_store.Open(stop), stop);
            }
            catch (ProductionMovedException)
            {
                // Said by the store.
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private void RunClaim(ProductionStart start, CancellationToken stop)
    {
        SetIdle(false);
        var markets = start.Markets;
        var settings = _settings with { Gatherers = start.Gatherers.Count };
        var output = new TurnOutput();
        var recall = new ProductionRecall(_store, _options.ProductionMarketIndex, stop);
        var books = new BookMerge(settings, output, recall);
        var streams = new StreamMerges(settings, output, recall);
        using var sources = new GathererSources(start.Gatherers, _options, _log);
        using var turns = new TurnReader(
            sources.All, markets, books, streams, TurnSettings.Usual with { Settle = Micros.FromTimeSpan(_options.DedupSettle) }, Micros.Now, _log);
        IMergeMemory[] memory = [turns, books, streams];
        Restore(start, memory);
        recall.RestoreBooks(books);
        _view = new MergingView(start.Gatherers, turns, books, streams);
        turns.Start();
        Merge(turns, markets, output, memory, stop);
        _store.Flush(CancellationToken.None);
        Publish(turns);
    }

    private void Restore(ProductionStart start, IMergeMemory[] memory)
    {
        try
        {
            start.Restore(state => Read(state, memory, static (part, reader) => part.ReadAll(reader)), log =>
            {
                Read(log, memory, static (part, reader) => part.ReadChanges(reader));
                _heap.TrimWhenDue();
            });
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw ProductionSession.Unusable($"what the merge keeps there of itself cannot be read. {e.Message} If another version of kalshid wrote it, that one can go on with it.");
        }
    }

    private void Merge(TurnReader turns, ProductionMarkets markets, TurnOutput output, IMergeMemory[] memory, CancellationToken stop)
    {
        var turn = output.Turn = _store.Begin();
        while (!stop.IsCancellationRequested)
        {
            _heap.TrimWhenDue();
            if (!turns.TryTurn())
            {
                _store.Flush(stop);
                Publish(turns);
                SetIdle(true);
                turns.Wait(IdleWait, stop);
                continue;
            }

            Complete(turn, turns, markets, memory);
            _store.Commit(turn, stop);
            SetIdle(!turns.HasWork);
            turn = output.Turn = _store.Begin();
        }
    }

    /// <summary>Idle again is idle since before.</summary>
    private void SetIdle(bool isIdle)
    {
        if (!isIdle || _idleTicks == 0)
        {
            Volatile.Write(ref _idleTicks, isIdle ? Environment.TickCount64 : 0);
        }
    }

    /// <summary>What a turn holds beside the rows.</summary>
    private void Complete(ProductionBatch turn, TurnReader turns, ProductionMarkets markets, IMergeMemory[] memory)
    {
        foreach (var market in markets.New)
        {
            turn.AddMarket(market.Market, markets.Ticker(market.Market), market.FirstSeenAt);
        }

        foreach (var (market, exchangeId) in markets.Identified)
        {
            turn.AddExchangeId(market, exchangeId);
        }

        markets.ForgetNew();
        for (var gatherer = 0; gatherer < turns.Gatherers; gatherer++)
        {
            turn.SetPosition(gatherer, turns.PositionOf(gatherer), turns.FirstRecordAtOf(gatherer));
        }

        turn.Watermark = turns.Watermark;
        if (_store.IsStateDue)
        {
            turn.SaveState(state => Write(state, memory, static (part, writer) => part.WriteAll(writer)));
        }
        else
        {
            Write(turn.Log, memory, static (part, writer) => part.WriteChanges(writer));
        }
    }

    /// <summary>Everything that was merged is committed: the gatherers need not keep it for us.</summary>
    private static void Publish(TurnReader turns)
    {
        for (var gatherer = 0; gatherer < turns.Gatherers; gatherer++)
        {
            turns.Publish(gatherer, turns.FirstRecordAtOf(gatherer), turns.PositionOf(gatherer));
        }
    }

    private static void Write(Stream to, IMergeMemory[] memory, Action<IMergeMemory, StateWriter> write)
    {
        using var writer = new StateWriter(to);
        Array.ForEach(memory, part => write(part, writer));
    }

    private static void Read(Stream from, IMergeMemory[] memory, Action<IMergeMemory, StateReader> read)
    {
        using var reader = new StateReader(from);
        Array.ForEach(memory, part => read(part, reader));
    }
}

/// <summary>The parts of a claim that say how they are doing. Any thread.</summary>
internal sealed record MergingView(IReadOnlyList<KnownGatherer> Gatherers, TurnReader Turns, BookMerge Books, StreamMerges Streams);
