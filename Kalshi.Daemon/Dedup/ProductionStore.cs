using System.Diagnostics;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Production as the merge's thread writes it, turn by turn, exactly once:
/// <code>
///   merge ─▶ ProductionBatch ─▶ Commit ─▶ ProductionWriter ─one transaction a turn─▶ rows, positions, memory
///   └──────────── the caller's thread ─┘   └── a task a connection; commits in order ─┘
/// </code>
/// In:        turns, filled by the merges.
/// Out:       production.
/// Thread:    the caller's, one; Counters are for everybody.
/// Bound:     as many turns under way as there are writers, and the one that is filled.
/// When full: <see cref="Commit"/> waits; so it does while the database fails. Turns that were under way are kept and written again
///            from wherever production then is; where that fits none of them, <see cref="ProductionMovedException"/>.
/// How it is used:
/// <code>
///   while (true)
///       var start = store.Open(stop);              // waits for the database, and for another dedup to end; claims production
///       merges of start.Gatherers; markets of start.Markets; start.Restore(readState, readLog)
///       try
///           while (there is more)
///               var turn = store.Begin();          // at once; an IBookOutput and IStreamOutput
///               sources → merges → turn;  turn.AddMarket for new tickers;  turn.SetPosition for each gatherer;  turn.Watermark
///               store.IsStateDue ? turn.SaveState(memory.WriteAll) : memory.WriteChanges into turn.Log
///               store.Commit(turn, stop);          // returns while it is written; the next may be merged meanwhile
///           store.Flush(stop);                     // also when nothing comes for a while: that is when a failure is seen
///       catch (ProductionMovedException)           // the merges' memory is of no use any more: begin anew
/// </code>
/// The gatherers of a <see cref="ProductionBatch"/> are those of <see cref="ProductionStart.Gatherers"/>, by the same index.
/// </summary>
internal sealed class ProductionStore : IDisposable
{
    /// <summary>A whole state is due when the logs since the last one are as large as it was, or a quarter of it after so much time, or so many.</summary>
    private const long StateBytesMin = 4 << 20;
    private const long StateTurnsMax = 20_000;
    private static readonly TimeSpan StateInterval = TimeSpan.FromMinutes(5);

    /// <summary>Turns of more are rare, as when all runs of a gatherer end: their memory is not kept for the next.</summary>
    private const long ReusedBytesMax = 32 << 20;

    private readonly StoreDatabase _database;
    private readonly ProductionSettings _settings;
    private readonly ILogger _log;
    private readonly BatchPatience _patience;
    private readonly Backoff _backoff = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(15));

    /// <summary>Which dedup this is, of all that run.</summary>
    private readonly Guid _dedup = Guid.NewGuid();

    /// <summary>All of them take their turn, so that each gives back what it needed once.</summary>
    private readonly Queue<ProductionBatch> _free = [];

    /// <summary>Turns on their way, in order: sent and not known to be committed, then sealed and not sent.</summary>
    private readonly Queue<(ProductionBatch Batch, Task Done, long SentTicks)> _sent = [];
    private Queue<ProductionBatch> _unsent = [];

    /// <summary>What <see cref="Open"/> marked production with; a new one each time.</summary>
    private Guid _writer;
    private ProductionSession? _session;
    private KnownGatherer[] _gatherers = [];
    private ProductionBatch? _filling;
    private long _nextWriter;

    // where the turn that is committed last leaves production, and the one that was told last
    private long _committed;
    private GathererPosition[] _committedPositions = [];
    private long _turn;
    private long _watermark;
    private GathererPosition[] _positions = [];

    private long _stateBytes;
    private long _logBytes;
    private long _logTurns;
    private long _stateTicks;

    public ProductionStore(StoreDatabase database, ProductionSettings settings, ILogger log)
    {
        _database = database;
        _settings = settings;
        _log = log;
        _patience = new BatchPatience(settings.Timeout);
    }

    public ProductionCounters Counters { get; } = new();

    public string Name => _database.Name;

    /// <summary>Whether the turn that is filled should tell the whole state instead of its log.</summary>
    public bool IsStateDue =>
        _logBytes >= Math.Max(StateBytesMin, _stateBytes) || _logTurns >= StateTurnsMax
        || (Stopwatch.GetElapsedTime(_stateTicks) >= StateInterval && _logBytes >= _stateBytes / 4 && _logTurns > 0);

    /// <summary>Hours (µs) of rows since the last call, for the upkeep; any thread.</summary>
    public TouchedHours Touched { get; } = new();

    /// <summary>
    /// Claims production and says what it holds. Waits while the database fails or another dedup writes it. Throws <see cref="SetupException"/>
    /// where waiting does not help, <see cref="OperationCanceledException"/>. May be called again at any time: what is under way is forgotten.
    /// </summary>
    public ProductionStart Open(CancellationToken stop)
    {
        Close();
        Forget();
        while (true)
        {
            try
            {
                return OpenOnce(stop);
            }
            catch (Exception e) when (StoreDatabase.IsFailure(e))
            {
                OnFailure(e, stop);
            }
        }
    }

    private ProductionStart OpenOnce(CancellationToken stop)
    {
        _writer = Guid.NewGuid();
        _session = _patience.Await(ProductionSession.OpenAsync(_database, _settings, _dedup, _patience.Limit, stop), _log);
        var start = _patience.Await(_session.ClaimAsync(_settings, _writer, stop), _log);
        _patience.Await(_session.OpenWritersAsync(_database, _settings, _writer, stop), _log);
        if (start.Gatherers.Count > MergeSettings.GatherersMax)
        {
            throw new SetupException(ExitCode.Config, $"Production knows {start.Gatherers.Count} gatherers by name; it can hold {MergeSettings.GatherersMax}: do not rename them.");
        }

        _free.Clear();
        _gatherers = [.. start.Gatherers];
        _positions = [.. start.Gatherers.Select(gatherer => gatherer.Position)];
        _committedPositions = [.. _positions];
        (_turn, _committed, _watermark) = (start.Turn, start.Turn, start.Watermark);
        _stateBytes = start.State?.Bytes ?? 0;
        _logBytes = start.Log.Sum(log => log.Bytes);
        _logTurns = start.Log.Count;
        _stateTicks = Stopwatch.GetTimestamp();
        _backoff.Reset();
        Counters.OnOpened(start.Turn, start.Watermark);
        Counters.OnState("writing");
        _log.ProductionOpened(
            _database.Name, _session.IsTimescale, start.Turn, start.Turn == 0 ? "(empty)" : Micros.Format(start.Watermark), start.Markets.Count,
            string.Join(',', start.Gatherers.Select(gatherer => gatherer.Name)));
        return start;
    }

    /// <summary>The next turn, empty. It is the caller's until <see cref="Commit"/>; one at a time.</summary>
    public ProductionBatch Begin()
    {
        Checks.That(_filling is null, "A turn ends before the next begins.");
        _filling = _free.TryDequeue(out var free) ? free : new ProductionBatch([.. _gatherers.Select(gatherer => gatherer.Name)]);
        _filling.Begin(_turn + 1, _watermark, _positions);
        return _filling;
    }

    /// <summary>
    /// Takes the turn; it is written while the caller goes on. Waits while as many are under way as there are writers, and while the database fails.
    /// Throws <see cref="ProductionMovedException"/>, <see cref="OperationCanceledException"/> (then the turn is kept), <see cref="SetupException"/>.
    /// </summary>
    public void Commit(ProductionBatch turn, CancellationToken stop)
    {
        Checks.That(turn == _filling, "The turn that is committed is the one that was begun.");
        _filling = null;
        turn.Seal();
        Touched.Add(turn.Hours);
        _turn = turn.Turn;
        _watermark = turn.Watermark;
        turn.CopyPositions(_positions);
        OnMemory(turn);
        _unsent.Enqueue(turn);
        Persist(session => SendAll(session, stop), stop);
    }

    /// <summary>Waits until everything that was handed over is committed. Throws as <see cref="Commit"/>.</summary>
    public void Flush(CancellationToken stop) => Persist(session => Drain(session, stop), stop);

    /// <summary>Rows of production after everything that was handed over: `select` is asked again when the database fails. Waits and throws as <see cref="Flush"/>.</summary>
    public CopyRows Read(string select, CancellationToken stop)
    {
        CopyRows? rows = null;
        Persist(session =>
        {
            Drain(session, stop);
            rows = _patience.Await(session.ReadAsync(select, stop), _log);
        }, stop);
        return rows!;
    }

    private void Drain(ProductionSession session, CancellationToken stop)
    {
        SendAll(session, stop);
        while (_sent.Count > 0)
        {
            Collect();
        }
    }

    private void OnMemory(ProductionBatch turn)
    {
        if (turn.State is { } state)
        {
            (_stateBytes, _logBytes, _logTurns) = (state.Bytes, 0, 0);
            _stateTicks = Stopwatch.GetTimestamp();
        }
        else
        {
            _logBytes += turn.PackedLog.LongLength;
            _logTurns++;
        }
    }

    /// <summary>Does it over one session after another until it is done.</summary>
    private void Persist(Action<ProductionSession> work, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                work(_session ?? Resume(stop));
                return;
            }
            catch (Exception e) when (StoreDatabase.IsFailure(e))
            {
                OnFailure(e, stop);
            }
            catch (OperationCanceledException)
            {
                Close();
                throw;
            }
        }
    }

    private void OnFailure(Exception e, CancellationToken stop)
    {
        Close();
        var why = _database.Explain(e);
        if (e is not ProductionBusyException)
        {
            _log.ProductionFailed(why);
        }
        else if (Counters.State != why)
        {
            _log.ProductionBusy(why);
        }

        Counters.OnFailure(why);
        stop.WaitHandle.WaitOne(_backoff.Next());
        stop.ThrowIfCancellationRequested();
    }

    /// <summary>A new session, from wherever production is.</summary>
    private ProductionSession Resume(CancellationToken stop)
    {
        var session = _patience.Await(ProductionSession.OpenAsync(_database, _settings, _dedup, _patience.Limit, stop), _log);
        _session = session;
        var (turn, writer, gatherers) = _patience.Await(session.ReadPositionAsync(stop), _log);
        if (writer != _writer)
        {
            throw Moved(writer == Guid.Empty ? "it is another database, without anything" : "another dedup claimed it");
        }

        while (_unsent.TryPeek(out var batch) && batch.Turn <= turn)
        {
            OnCommitted(_unsent.Dequeue());
        }

        if (turn != _committed)
        {
            throw Moved($"its last turn is {turn}, not {_committed}: an older copy");
        }

        if (!gatherers.Select(gatherer => gatherer.Position).SequenceEqual(_committedPositions))
        {
            throw Moved("positions of its gatherers are others");
        }

        _patience.Await(session.OpenWritersAsync(_database, _settings, _writer, stop), _log);
        _nextWriter = 0;
        _log.ProductionResumed(turn, _unsent.Count);
        Counters.OnState("writing");
        return session;
    }

    private ProductionMovedException Moved(string why)
    {
        Counters.OnFailure($"production moved: {why}");
        _log.ProductionMoved(why);
        Close();
        return new ProductionMovedException(why);
    }

    private void SendAll(ProductionSession session, CancellationToken stop)
    {
        while (_unsent.TryPeek(out var batch))
        {
            while (_sent.Count >= session.Writers.Count)
            {
                Collect();
            }

            var writer = session.Writers[(int)(_nextWriter++ % session.Writers.Count)];
            var predecessor = _sent.Count == 0 ? Task.CompletedTask : _sent.Last().Done;
            _sent.Enqueue((batch, writer.WriteAsync(batch, predecessor, _patience.Limit, stop), Stopwatch.GetTimestamp()));
            _unsent.Dequeue();
        }

        while (_sent.TryPeek(out var oldest) && oldest.Done.IsCompleted)
        {
            Collect();
        }
    }

    /// <summary>Waits for the oldest turn; throws when it failed.</summary>
    private void Collect()
    {
        var (batch, done, sentTicks) = _sent.Peek();
        _patience.Await(done, _log);
        _sent.Dequeue();
        _patience.OnCommitted(Stopwatch.GetElapsedTime(sentTicks));
        OnCommitted(batch);
        _backoff.Reset();
    }

    private void OnCommitted(ProductionBatch batch)
    {
        Checks.That(batch.Turn == _committed + 1, "Turns are committed in order.");
        _committed = batch.Turn;
        batch.CopyPositions(_committedPositions);
        Counters.OnCommitted(batch);
        if (batch.Bytes <= ReusedBytesMax)
        {
            batch.Empty();
            _free.Enqueue(batch);
        }
    }

    /// <summary>The session is over: what was sent and not collected is kept, in order.</summary>
    private void Close()
    {
        foreach (var (_, done, _) in _sent)
        {
            done.ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        }

        _unsent = new Queue<ProductionBatch>([.. _sent.Select(sent => sent.Batch), .. _unsent]);
        _sent.Clear();
        _session?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _session = null;
    }

    private void Forget()
    {
        _unsent.Clear();
        _filling = null;
    }

    /// <summary>What is not committed yet may or may not be: call <see cref="Flush"/> before.</summary>
    public void Dispose() => Close();
}
