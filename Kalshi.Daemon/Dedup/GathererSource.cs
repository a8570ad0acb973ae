using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// One gatherer's store, read ahead of the turns.
/// <b>In</b>: the store, up to its loader's cursor. <b>Out</b>: <see cref="SourcePiece"/>s in order, without end. <b>Thread</b>: a task of its own that connects, with
/// back-off, polls and reads; the other methods are for the thread of the turns unless they say otherwise. <b>Bound</b>: two pieces ahead of the one in use, and no second one
/// ahead of one that is large.
/// <b>When full</b>: nothing is read, only the loader's cursor.
/// </summary>
/// <remarks>
/// Rows up to the loader's cursor do not change, but for coverage and epochs that end (their recorded_at says when it became known, and that is where they are
/// told), and for a backfilled trade whose copy comes over the stream: its row moves to behind the cursor of then, so it is read at least once and perhaps at both
/// places. A store that stands behind what was read of it (it was dropped and is loaded again from the same journal) is waited for; one with another
/// first_record_at begins anew, unless it is the one that another gatherer is read from.
/// </remarks>
internal sealed class GathererSource : IDisposable
{
    /// <summary><see cref="Loaded"/> before the first answer.</summary>
    public const long Unknown = -1;

    private const int PiecesAhead = 2;

    /// <summary>With so much at hand nothing is read.</summary>
    private const long BytesAhead = 4 << 20;

    private readonly StoreDatabase _database;
    private readonly SourceSettings _settings;
    private readonly StoreClaims _claims;
    private readonly Func<long> _now;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Backoff _backoff = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(15));
    private readonly WakeSignal _room = new();

    /// <summary>Guards the pieces and what is to be published.</summary>
    private readonly Lock _lock = new();
    private readonly Queue<SourcePiece> _ready = [];
    private readonly Queue<SourcePiece> _free = [];
    private bool _isOutOfRoom;
    private (long FirstRecordAt, long Position) _durable;

    private SourceProgress _progress = new(0, 0);
    private WakeSignal _wake = new();
    private Task _reading = Task.CompletedTask;
    private (long FirstRecordAt, long Position) _published;
    private long _publishedAt;
    private bool _isPublishingRefused;
    private bool _isBehindSaid;

    // Written by the reading task, with release; read by any thread.
    private long _loaded = Unknown;
    private long _silentSince;
    private bool _isFailing;

    /// <param name="name">As the configuration has it; for messages.</param>
    /// <param name="claims">Those of all gatherers.</param>
    /// <param name="now">The clock that silence is measured by, µs.</param>
    public GathererSource(string name, StoreDatabase database, SourceSettings settings, StoreClaims claims, Func<long> now, ILogger log)
    {
        Name = name;
        _database = database;
        _settings = settings;
        _claims = claims;
        _now = now;
        _log = log;
    }

    public string Name { get; }

    public int PieceRowsMax => _settings.PieceRowsMax;

    /// <summary>What its loader has loaded as far as is known, µs; 0: nothing; <see cref="Unknown"/>. Any thread.</summary>
    public long Loaded => Volatile.Read(ref _loaded);

    /// <summary>Since when it owes an answer, or fails; 0: it does not. Any thread.</summary>
    public long SilentSince => Volatile.Read(ref _silentSince);

    /// <summary>Whether the last thing asked of it failed. Any thread.</summary>
    public bool IsFailing => Volatile.Read(ref _isFailing);

    /// <summary>The bug met last, or null. Any thread.</summary>
    public Exception? Fault { get; private set; }

    /// <summary>Begins to read behind `position` of the store that had this first_record_at; both 0: from the store's begin. `wake` is set with every piece and every answer.</summary>
    public void Start(long firstRecordAt, long position, WakeSignal wake)
    {
        _progress = new SourceProgress(firstRecordAt, position);
        _wake = wake;
        Volatile.Write(ref _silentSince, _now());
        _reading = Task.Run(RunAsync);
    }

    /// <summary>The next piece, which is the caller's until <see cref="Return"/>; null when there is none for now.</summary>
    public SourcePiece? TryTake()
    {
        SourcePiece? piece;
        bool makesRoom;
        lock (_lock)
        {
            makesRoom = _ready.TryDequeue(out piece) && _isOutOfRoom;
        }

        if (makesRoom)
        {
            _room.Set();
        }

        return piece;
    }

    /// <summary>Where what is read ahead of the store of that first_record_at ends; `otherwise` when nothing is.</summary>
    public long ReadTo(long otherwise)
    {
        lock (_lock)
        {
            foreach (var piece in _ready)
            {
                if (piece.IsReplacing)
                {
                    break;
                }

                otherwise = piece.Until;
            }

            return otherwise;
        }
    }

    public void Return(SourcePiece piece)
    {
        lock (_lock)
        {
            _free.Enqueue(piece);
        }
    }

    /// <summary>Production holds everything up to the position for good: the store is told soon, so that its retention may go on. Any thread.</summary>
    public void Publish(long firstRecordAt, long position)
    {
        lock (_lock)
        {
            _durable = (firstRecordAt, position);
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _reading.GetAwaiter().GetResult();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            GathererSession? session = null;
            try
            {
                Ask();
                session = await GathererSession.OpenAsync(_database, _settings.Timeout, _stop.Token);
                await FollowAsync(session);
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e) when (StoreDatabase.IsFailure(e) || e is SetupException or InvalidDataException)
            {
                OnFailed(e is SetupException ? e.Message : _database.Explain(e));
            }
            catch (Exception e)
            {
                Fault = e;
                OnFailed($"a bug: {e.Message}");
                _log.SourceFailed(Name, e);
            }
            finally
            {
                await (session?.DisposeAsync() ?? ValueTask.CompletedTask);
            }

            await WaitAsync(_backoff.Next());
        }
    }

    /// <summary>Ends with an exception only.</summary>
    private async Task FollowAsync(GathererSession session)
    {
        while (true)
        {
            var piece = TryRent();
            Ask();
            // A piece whose reading failed is not used again: what was left alone may still write into it.
            var (facts, isRead) = await session.ReadAsync(piece, _progress, _stop.Token);
            if (facts.FirstAt != 0)
            {
                _claims.Claim(Name, facts.FirstAt);
            }

            OnAnswer(facts);
            if (isRead)
            {
                Enqueue(piece!);
            }
            else if (piece is not null)
            {
                piece.Clear();
                Return(piece);
            }

            await PublishAsync(session);
            if (!isRead || _progress.Position >= facts.Cursor)
            {
                await WaitAsync(_settings.PollInterval);
            }
        }
    }

    /// <summary>Null while enough is read ahead.</summary>
    private SourcePiece? TryRent()
    {
        lock (_lock)
        {
            _isOutOfRoom = _ready.Count >= PiecesAhead || _ready.Sum(static piece => piece.Bytes) > BytesAhead;
            return _isOutOfRoom ? null : _free.TryDequeue(out var free) ? free : new SourcePiece(_settings.PieceRowsMax);
        }
    }

    private void Enqueue(SourcePiece piece)
    {
        if (piece.IsReplacing)
        {
            _log.GathererReplaced(Name, Micros.Format(_progress.FirstRecordAt), Micros.Format(piece.FirstRecordAt));
        }

        _progress.Pass(piece);
        lock (_lock)
        {
            _ready.Enqueue(piece);
        }

        _wake.Set();
    }

    /// <summary>From here on it owes an answer.</summary>
    private void Ask()
    {
        if (SilentSince == 0)
        {
            Volatile.Write(ref _silentSince, _now());
        }
    }

    private void OnAnswer(StoreFacts facts)
    {
        if (IsFailing)
        {
            _log.GathererAnswers(Name);
        }

        _backoff.Reset();
        Volatile.Write(ref _loaded, facts.Cursor);
        Volatile.Write(ref _isFailing, false);
        Volatile.Write(ref _silentSince, 0);
        var isBehind = facts.FirstAt == _progress.FirstRecordAt && facts.Cursor < _progress.Position;
        if (isBehind && !_isBehindSaid)
        {
            _log.GathererBehind(Name, Micros.Format(facts.Cursor), Micros.Format(_progress.Position));
        }

        _isBehindSaid = isBehind;
        _wake.Set();
    }

    private void OnFailed(string why)
    {
        Ask();
        if (!IsFailing)
        {
            Volatile.Write(ref _isFailing, true);
            _log.GathererFailed(Name, why);
        }

        _wake.Set();
    }

    private async Task PublishAsync(GathererSession session)
    {
        (long FirstRecordAt, long Position) durable;
        lock (_lock)
        {
            durable = _durable;
        }

        var isDue = durable != _published && durable.FirstRecordAt == _progress.FirstRecordAt && durable.Position > 0;
        if (!isDue || (_publishedAt != 0 && _now() - _publishedAt < Micros.FromTimeSpan(_settings.PublishInterval)))
        {
            return;
        }

        _publishedAt = _now();
        try
        {
            await session.PublishAsync(_settings.CursorName, durable.Position, _stop.Token);
            (_published, _isPublishingRefused) = (durable, false);
        }
        catch (Npgsql.PostgresException e) when (e.SqlState is "42501" or "42883")
        {
            // Reading goes on without; the store's retention does not wait for us then.
            if (!_isPublishingRefused)
            {
                _log.GathererCursorRefused(Name, _settings.CursorName, _database.Explain(e));
            }

            _isPublishingRefused = true;
        }
    }

    /// <summary>Until there is room for a piece, at most for `limit`.</summary>
    private async Task WaitAsync(TimeSpan limit)
    {
        try
        {
            await _room.WaitAsync(limit, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            // Whoever waits looks.
        }
    }
}
