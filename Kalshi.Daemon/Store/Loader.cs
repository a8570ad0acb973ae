using System.Diagnostics;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Store;

/// <summary>
/// Journal → store, exactly once:
/// <code>
///   JournalReader ─▶ Replay ─▶ RowEncoder ─▶ StoreBatch ─▶ BatchWriter ─one transaction─▶ tables, merges, cursor
///   └────────────── this thread ───────────────────────┘   └── a task per connection; commits in order ──────────┘
/// </code>
/// In:        the journal up to its durable end, from wherever the store says it is.
/// Out:       batches of <see cref="LoaderSettings.BatchRowsMax"/> rows or <see cref="LoaderSettings.BatchAgeMax"/>, whichever comes first.
/// Thread:    its own ("store loader").
/// Bound:     two batches more than the writers take, and what <see cref="BatchBuilder"/> keeps.
/// When full: it waits for the store; the journal is the queue. When the store fails: batches that were under way are kept and sent
///            again from wherever its cursor then is; when that fits none of them (another database, an older one), everything
///            is restored from the state in the store and the journal.
/// </summary>
internal sealed class Loader : IDisposable
{
    private const int PollMs = 5;
    private const long BatchBytesMax = 8 << 20;

    /// <summary>Records between looks at the clock and the batch's size: a power of two, less one.</summary>
    private const int CheckMask = 63;

    /// <summary>A state is stored after so many records or so much time: what a restart reads again at most.</summary>
    private const long StateRecords = 10_000_000;
    private static readonly TimeSpan StateInterval = TimeSpan.FromMinutes(5);

    /// <summary>How old the numbers of an open epoch may be in the store.</summary>
    private static readonly TimeSpan EpochInterval = TimeSpan.FromSeconds(5);

    private readonly StoreDatabase _database;
    private readonly LoaderSettings _settings;
    private readonly Func<long> _durable;
    private readonly ILogger _log;
    private readonly Thread _thread;
    private readonly CancellationTokenSource _abort = new();
    private readonly Backoff _backoff = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(15));
    private readonly BatchPatience _patience;

    private readonly Stack<StoreBatch> _free = [];
    /// <summary>Batches on their way, in order: sent and not known to be committed, then sealed and not sent.</summary>
    private readonly Queue<(StoreBatch Batch, Task Done, long SentTicks)> _sent = [];
    private Queue<StoreBatch> _unsent = [];
    private BatchBuilder? _builder;
    private StoreBatch _batch = new();
    private JournalReader? _reader;
    private int _damages;
    private long _begunTicks;
    private long _nextWriter;
    private long _stateTicks = Stopwatch.GetTimestamp();
    private long _stateRecords;
    private long _epochTicks;
    private volatile bool _isDraining;

    /// <param name="durable">The stamp up to which the journal is on disk; later records are not loaded yet.</param>
    public Loader(StoreDatabase database, LoaderSettings settings, Func<long> durable, ILogger log)
    {
        _database = database;
        _settings = settings;
        _patience = new BatchPatience(settings.Timeout);
        _durable = durable;
        _log = log;
        _thread = new Thread(Run) { Name = "store loader", IsBackground = true };
    }

    public LoaderCounters Counters { get; } = new();

    public string StoreName => _database.Name;

    public string JournalDirectory => _settings.JournalDirectory;

    /// <summary>The bug met last, or null; it ends the thread only while it drains.</summary>
    public Exception? Fault { get; private set; }

    public void Start()
    {
        // Until the store says otherwise, retention must take it for empty.
        var cursors = Cursors.DirectoryOf(_settings.JournalDirectory);
        if (!File.Exists(Path.Combine(cursors, CursorName)))
        {
            Cursors.Write(cursors, CursorName, 0);
        }

        _thread.Start();
    }

    /// <summary>The loader's file among the cursors that the journal's retention waits for.</summary>
    public const string CursorName = "store";

    /// <summary>
    /// Loads to the journal's end, then ends; gives up after `limit` or when cancelled. Returns whether everything is in the store. Call
    /// it when the journal grows no more.
    /// </summary>
    public bool Stop(TimeSpan limit, CancellationToken giveUp = default)
    {
        _isDraining = true;
        using var cancel = giveUp.Register(_abort.Cancel);
        if (!_thread.Join(limit))
        {
            _abort.Cancel();
            _thread.Join();
        }

        if (Fault is null && !_abort.IsCancellationRequested)
        {
            return true;
        }

        _log.StoreLeftBehind(Micros.Format(Counters.Committed));
        return false;
    }

    public void Dispose()
    {
        if (_thread.IsAlive)
        {
            _abort.Cancel();
            _thread.Join();
        }

        _reader?.Dispose();
        _abort.Dispose();
    }

    private void Run()
    {
        try
        {
            while (!_abort.IsCancellationRequested && !TryLoad())
            {
            }
        }
        catch (OperationCanceledException) when (_abort.IsCancellationRequested)
        {
            // Given up by Stop or Dispose.
        }
        catch (Exception e)
        {
            Fault = e;
            Counters.OnFailure(e.Message);
            _log.LoaderFailed(e);
        }
    }

    /// <summary>Loads over one session; false when it failed and the next one is due, true at the end.</summary>
    private bool TryLoad()
    {
        StoreSession? session = null;
        try
        {
            session = StoreSession.OpenAsync(_database, _settings, _patience.Limit, _abort.Token).GetAwaiter().GetResult();
            Counters.OnCursor(session.Cursor);
            _log.StoreConnected(_database.Name, session.IsTimescale, session.Cursor == 0 ? "(empty)" : Micros.Format(session.Cursor));
            Resume(session);
            Counters.OnState("loading");
            Load(session);
            return true;
        }
        catch (SetupException e)
        {
            _log.StoreRefused(e.Message);
            Counters.OnFailure(e.Message);
        }
        catch (Exception e) when (StoreDatabase.IsFailure(e))
        {
            Counters.OnFailure(_database.Explain(e));
            _log.StoreFailed(Counters.State);
        }
        catch (Exception e) when (!_isDraining && !_abort.IsCancellationRequested)
        {
            // Ending the process would end the capture as well, so the loader begins anew from what the store holds.
            Fault = e;
            Counters.OnFailure($"a bug: {e.Message}");
            _log.LoaderFailed(e);
            _reader?.Dispose();
            _reader = null;
        }
        finally
        {
            Abandon();
            session?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }

        _abort.Token.WaitHandle.WaitOne(_backoff.Next());
        return false;
    }

    private void Load(StoreSession session)
    {
        while (true)
        {
            var isAtEnd = Fill();
            Seal(isAtEnd);
            SendAll(session);
            if (isAtEnd)
            {
                while (_sent.Count > 0)
                {
                    Collect();
                }

                return;
            }
        }
    }

    /// <summary>Feeds records until the batch is due. True at the journal's end when that is all there will be.</summary>
    private bool Fill()
    {
        var reader = _reader!;
        while (!IsDue())
        {
            _abort.Token.ThrowIfCancellationRequested();
            var wasDraining = _isDraining;
            if (FeedSome(reader) > 0)
            {
                continue;
            }

            if (wasDraining)
            {
                return true;
            }

            CollectDone();
            Thread.Sleep(PollMs);
        }

        return false;
    }

    private bool IsDue() => !_batch.IsEmpty
        && (_batch.Rows >= _settings.BatchRowsMax || Stopwatch.GetElapsedTime(_begunTicks) >= _settings.BatchAgeMax || _batch.Bytes >= BatchBytesMax);

    /// <summary>Some records, at most as many as may be read between two looks at the clock; 0 when there are none for now.</summary>
    private int FeedSome(JournalReader reader)
    {
        var fed = 0;
        while (fed <= CheckMask && reader.TryRead(out var record))
        {
            if (_batch.IsEmpty)
            {
                _begunTicks = Stopwatch.GetTimestamp();
            }

            FeedDamages(reader, record.ReceivedAt);

            _builder!.Feed(record);
            fed++;
        }

        return fed;
    }

    /// <summary>What lies before the record stamped `nextAt`.</summary>
    private void FeedDamages(JournalReader reader, long nextAt)
    {
        for (; _damages < reader.Damages.Count; _damages++)
        {
            var damage = reader.Damages[_damages];
            _log.LoaderMetDamage(damage.Segment, damage.FromOffset, damage.ToOffset, damage.Cause);
            _builder!.Feed(damage, nextAt);
        }
    }

    private void BeginBatch(long after) => _builder!.Begin(_batch, after);

    /// <summary>Completes the batch and begins another; now and then, and at the end, it holds the loader's own state.</summary>
    private void Seal(bool isLast)
    {
        var batch = _batch;
        var withEpochs = isLast || Stopwatch.GetElapsedTime(_epochTicks) >= EpochInterval;
        if (withEpochs)
        {
            _epochTicks = Stopwatch.GetTimestamp();
        }

        _builder!.End(withEpochs);
        _stateRecords += batch.Records;
        if (_stateRecords > 0 && (isLast || _stateRecords >= StateRecords || Stopwatch.GetElapsedTime(_stateTicks) >= StateInterval))
        {
            batch.State = LoaderState.Save(_builder);
            _stateRecords = 0;
            _stateTicks = Stopwatch.GetTimestamp();
        }

        if (!batch.IsEmpty || batch.State is not null)
        {
            _unsent.Enqueue(batch);
            _batch = _free.TryPop(out var free) ? free : new StoreBatch();
            BeginBatch(batch.Through);
        }
    }

    private void SendAll(StoreSession session)
    {
        while (_unsent.TryPeek(out var batch))
        {
            while (_sent.Count >= session.Writers.Count * BatchWriter.QueuedMax)
            {
                Collect();
            }

            var writer = session.Writers[(int)(_nextWriter++ % session.Writers.Count)];
            var predecessor = _sent.Count == 0 ? Task.CompletedTask : _sent.Last().Done;
            _sent.Enqueue((batch, writer.WriteAsync(batch, predecessor, _patience.Limit, _abort.Token), Stopwatch.GetTimestamp()));
            _unsent.Dequeue();
        }
    }

    private void CollectDone()
    {
        while (_sent.TryPeek(out var oldest) && oldest.Done.IsCompleted)
        {
            Collect();
        }
    }

    /// <summary>Waits for the oldest batch; throws when it failed.</summary>
    private void Collect()
    {
        var (batch, done, sentTicks) = _sent.Peek();
        _patience.Await(done, _log);
        _sent.Dequeue();
        _patience.OnCommitted(Stopwatch.GetElapsedTime(sentTicks));
        OnCommitted(batch);
        _backoff.Reset();
        Fault = null;
    }

    private void OnCommitted(StoreBatch batch)
    {
        Counters.OnCommitted(batch);
        if (batch.State is not null)
        {
            KeepJournalAfter(batch.Through);
        }

        _free.Push(batch);
    }

    /// <summary>The session is over: what was sent and not collected is kept, in order.</summary>
    private void Abandon()
    {
        foreach (var (_, done, _) in _sent)
        {
            done.ContinueWith(static _ => { }, TaskScheduler.Default).Wait();
        }

        _unsent = new Queue<StoreBatch>([.. _sent.Select(sent => sent.Batch), .. _unsent]);
        _sent.Clear();
    }

    /// <summary>Goes on from wherever the store's cursor is.</summary>
    private void Resume(StoreSession session)
    {
        _nextWriter = 0;
        while (_unsent.TryPeek(out var batch) && batch.Through <= session.Cursor && !batch.IsEmpty)
        {
            OnCommitted(_unsent.Dequeue());
        }

        var next = _unsent.TryPeek(out var first) ? first : _batch;
        if (_reader is null || next.After != session.Cursor)
        {
            Restore(session);
        }
        else
        {
            SendAll(session);
        }
    }

    private void Restore(StoreSession session)
    {
        Counters.OnState("reading the journal again up to the store's cursor");
        while (_unsent.TryDequeue(out var batch))
        {
            _free.Push(batch);
        }

        _reader?.Dispose();
        _reader = null;
        _builder = null; // Of a million markets there should not be two.
        _builder = LoadState(session, out var from);
        KeepJournalAfter(_builder.Position);
        var records = ReadAgain(session.Cursor);
        if (_builder.Position < session.Cursor && records > 0)
        {
            _log.StoreCursorNotInJournal(Micros.Format(session.Cursor), Micros.Format(_builder.Position));
        }

        _reader = new JournalReader(_settings.JournalDirectory, session.Cursor, limit: _durable);
        _damages = 0;
        BeginBatch(session.Cursor);
        Counters.OnRestored(session.Cursor);
        _log.LoaderRestored(from, session.Cursor == 0 ? "(empty)" : Micros.Format(session.Cursor), records, _builder.Markets);
    }

    private BatchBuilder LoadState(StoreSession session, out string from)
    {
        var refusal = "none stored";
        if (_patience.Await(session.ReadStateAsync(_abort.Token), _log) is { } packed
            && LoaderState.Load(packed, RecallTradeIds, out refusal) is { } builder)
        {
            from = Micros.Format(builder.Position);
            return builder;
        }

        from = refusal!;
        return new BatchBuilder(RecallTradeIds);
    }

    /// <summary>Feeds what came between the state and the cursor; its rows are in the store.</summary>
    private long ReadAgain(long cursor)
    {
        using var reader = new JournalReader(_settings.JournalDirectory, _builder!.Position, cursor);
        BeginBatch(_builder.Position);
        _damages = 0;
        long records = 0;
        while (FeedSome(reader) is var fed and > 0)
        {
            _abort.Token.ThrowIfCancellationRequested();
            records += fed;
            if (_batch.Bytes >= BatchBytesMax)
            {
                _builder.Discard();
            }
        }

        // Damage behind the cursor's record is met again with the record after it, whose rows are not in the store yet.
        _builder.Discard();
        return records;
    }

    private void KeepJournalAfter(long position) => Cursors.Write(Cursors.DirectoryOf(_settings.JournalDirectory), CursorName, position);

    /// <summary>Cold: only for a backfill that reaches further back than the window of ids.</summary>
    private HashSet<UInt128> RecallTradeIds(long exchangeAt) => JournalTrades.IdsSince(_settings.JournalDirectory, exchangeAt, _builder!.Position);
}
