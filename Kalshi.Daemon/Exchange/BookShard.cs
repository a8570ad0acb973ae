using Kalshi.Daemon.Exchange.Protocol;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Exchange;

/// <summary>
/// One socket's share of the markets on the order-book channel, kept subscribed and whole.
///
/// In:        <see cref="Add"/> and <see cref="Remove"/> from the registry loop; gaps and ended sids through the session.
/// Out:       subscribe, add_markets, delete_markets, get_snapshot and unsubscribe commands.
/// Thread:    one asynchronous loop; Add and Remove from any thread.
/// Bound:     <see cref="MarketsMax"/> markets; chunks of `subscribeChunk`, halved on error 26.
/// When full: Add returns false and the registry finds another shard.
/// </summary>
/// <remarks>
/// A gap climbs a ladder, each step only if the one before failed: get_snapshot for every market of the sid (any of them may
/// have lost something), then unsubscribe and subscribe, then a new session. A second subscribe for a ticker is a silent no-op on
/// the exchange, so it is no repair.
/// </remarks>
internal sealed class BookShard(int marketsMax, int subscribeChunk, TimeSpan auditInterval, CommandPace pace, ILogger log) : ISubscription
{
    private const int AttemptsMax = 5;
    private const int RecoveryWaitMsMax = 5_000;
    private static readonly TimeSpan WakeInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SnapshotQuietLimit = TimeSpan.FromSeconds(4);

    /// <summary>Markets of one audit.</summary>
    private const int AuditMarkets = 100;

    private readonly Lock _lock = new();

    /// <summary>Guarded by `_lock`. Wanted in order of rank; a market is in `_todo` until the exchange has accepted it on this session.</summary>
    private readonly HashSet<string> _wanted = [];
    private readonly Queue<string> _todo = new();
    private readonly HashSet<string> _subscribed = [];
    private readonly List<string> _leaving = [];

    private int _marketsMax = marketsMax;
    private int _chunk;
    private int _chunkAccepted = 1;
    private int _sid;
    private Session? _session;
    private int _recoveries;
    private readonly Queue<string> _unaudited = new();
    private long _auditedTicks;

    public string Purpose => "books";

    public int MarketsMax => Volatile.Read(ref _marketsMax);

    public int Count
    {
        get { lock (_lock) { return _wanted.Count; } }
    }

    /// <summary>Markets whose stream the exchange has accepted on the live session.</summary>
    public int Subscribed
    {
        get { lock (_lock) { return _subscribed.Count; } }
    }

    /// <summary>False when the shard is full.</summary>
    public bool Add(string ticker)
    {
        lock (_lock)
        {
            if (_wanted.Count >= _marketsMax)
            {
                return false;
            }

            if (_wanted.Add(ticker))
            {
                _todo.Enqueue(ticker);
            }
        }

        _session?.Wake();
        return true;
    }

    public void Remove(string ticker)
    {
        lock (_lock)
        {
            if (_wanted.Remove(ticker) && _subscribed.Remove(ticker))
            {
                _leaving.Add(ticker);
            }
        }
    }

    public async Task RunAsync(Session session, CancellationToken stop)
    {
        Begin(session);
        try
        {
            do
            {
                if (!await StepAsync(session, stop))
                {
                    return;
                }
            }
            while (await session.WaitAsync(WakeInterval, stop));

            await EndAsync(session);
        }
        catch (OperationCanceledException)
        {
            await EndAsync(session);
        }
        finally
        {
            ForgetSid();
            Volatile.Write(ref _session, null);
        }
    }

    /// <summary>One look at the state; false when only a new session can help.</summary>
    private async Task<bool> StepAsync(Session session, CancellationToken stop)
    {
        if (session.TakeEnded(_sid, out var why))
        {
            log.SidEnded(session.Number, _sid, why);
            await CommandPace.JitterAsync(500, stop);
            ForgetSid();
        }

        if (!await SubscribeAsync(session, stop))
        {
            return false;
        }

        if (_sid == 0 || !session.TakeGap(_sid))
        {
            _recoveries = 0;
        }
        else if (!await RecoverAsync(session, stop))
        {
            return false;
        }

        await LeaveAsync(session, stop);
        return await AuditAsync(session, stop);
    }

    private async Task<bool> SubscribeAsync(Session session, CancellationToken stop)
    {
        var attempts = 0;
        while (TakeChunk() is { Count: > 0 } chunk)
        {
            await pace.CommandAsync(stop);
            var id = session.NextId();
            var reply = await session.CommandAsync(id, _sid == 0 ? Commands.SubscribeBooks(id, chunk) : Commands.Update(id, _sid, "add_markets", chunk));
            if (reply.Accepted)
            {
                _sid = reply.Sid != 0 ? reply.Sid : _sid;
                Accepted(chunk);
                attempts = 0;
                continue;
            }

            PutBack(chunk);
            if (session.Ended.IsCompleted || stop.IsCancellationRequested)
            {
                return true;
            }

            log.CommandFailed(session.Number, "subscribe", chunk.Count, reply.ToString());
            if (reply.ErrorCode == 26 && ShrinkChunk(chunk.Count))
            {
                continue;
            }

            if (Session.EndsSid(reply.ErrorCode) || session.HasEnded(_sid))
            {
                return true;
            }

            if (++attempts >= AttemptsMax)
            {
                return false;
            }

            await (reply.ErrorCode == Session.TooManyRequests ? CommandPace.BusyAsync(stop) : CommandPace.JitterAsync(200 << attempts, stop));
        }

        return true;
    }

    /// <summary>
    /// Step 1, then 2 of the ladder; false asks for step 3, a new session. A gap that came in while the snapshots did is the next
    /// look's work, later each time: a lossy minute costs coverage, never a storm.
    /// </summary>
    private async Task<bool> RecoverAsync(Session session, CancellationToken stop)
    {
        await CommandPace.JitterAsync(Math.Min(50 << _recoveries, RecoveryWaitMsMax), stop);
        _recoveries = Math.Min(_recoveries + 1, 8);
        session.TakeGap(_sid);
        for (var attempt = 0; attempt < 2; attempt++)
        {
            if (await SnapshotAllAsync(session, stop))
            {
                return true;
            }

            if (session.Ended.IsCompleted || session.HasGap(_sid) || session.HasEnded(_sid))
            {
                return true;
            }
        }

        log.RecoveryEscalates(session.Number, _sid, "resubscribe");
        await pace.CommandAsync(stop);
        var id = session.NextId();
        var left = await session.CommandAsync(id, Commands.Unsubscribe(id, _sid));
        ForgetSid();
        return left.Accepted && await SubscribeAsync(session, stop);
    }

    private async Task<bool> SnapshotAllAsync(Session session, CancellationToken stop)
    {
        string[] tickers;
        lock (_lock)
        {
            tickers = [.. _subscribed];
        }

        foreach (var chunk in tickers.Chunk(_chunk))
        {
            await pace.RecoverAsync(chunk.Length, stop);
            await pace.CommandAsync(stop);
            if (!await session.SnapshotsAsync(_sid, chunk, SnapshotQuietLimit))
            {
                return false;
            }
        }

        return true;
    }

    private async Task LeaveAsync(Session session, CancellationToken stop)
    {
        string[] leaving;
        lock (_lock)
        {
            leaving = [.. _leaving.Where(ticker => !_wanted.Contains(ticker))];
            _leaving.Clear();
        }

        foreach (var chunk in _sid == 0 ? [] : leaving.Chunk(_chunk))
        {
            await pace.CommandAsync(stop);
            var id = session.NextId();
            var reply = await session.CommandAsync(id, Commands.Update(id, _sid, "delete_markets", chunk));
            if (reply == Reply.Timeout || reply.ErrorCode == Session.TooManyRequests)
            {
                LeaveLater(chunk);
            }
        }
    }

    private void LeaveLater(string[] tickers)
    {
        lock (_lock)
        {
            _leaving.AddRange(tickers);
        }
    }

    /// <summary>
    /// Asks for the snapshots of the next markets of a rotation. They are checksums of the rebuilt books, and their seq shows a loss at
    /// the end of a quiet stream that no later frame has shown yet. False when they do not come: the subscription is dead.
    /// </summary>
    private async Task<bool> AuditAsync(Session session, CancellationToken stop)
    {
        if (_sid == 0 || auditInterval == TimeSpan.Zero || Environment.TickCount64 - _auditedTicks < auditInterval.TotalMilliseconds)
        {
            return true;
        }

        _auditedTicks = Environment.TickCount64;
        var tickers = NextUnaudited();
        if (tickers.Count == 0)
        {
            return true;
        }

        await pace.CommandAsync(stop);
        return await session.SnapshotsAsync(_sid, tickers, SnapshotQuietLimit) || session.Ended.IsCompleted || session.HasGap(_sid) || session.HasEnded(_sid);
    }

    private List<string> NextUnaudited()
    {
        var next = new List<string>(AuditMarkets);
        lock (_lock)
        {
            if (_unaudited.Count == 0)
            {
                foreach (var ticker in _subscribed)
                {
                    _unaudited.Enqueue(ticker);
                }
            }

            while (next.Count < Math.Min(AuditMarkets, _chunk) && _unaudited.TryDequeue(out var ticker))
            {
                if (_subscribed.Contains(ticker))
                {
                    next.Add(ticker);
                }
            }
        }

        return next;
    }

    /// <summary>The ack of unsubscribe carries a seq: it proves density up to the very end.</summary>
    private async Task EndAsync(Session session)
    {
        if (_sid != 0 && !session.Ended.IsCompleted)
        {
            var id = session.NextId();
            await session.CommandAsync(id, Commands.Unsubscribe(id, _sid));
        }
    }

    private void Begin(Session session)
    {
        ForgetSid();
        (_chunk, _chunkAccepted) = (subscribeChunk, 1);
        _auditedTicks = Environment.TickCount64;
        Volatile.Write(ref _session, session);
    }

    /// <summary>Everything wanted has to be subscribed anew.</summary>
    private void ForgetSid()
    {
        _sid = 0;
        lock (_lock)
        {
            _subscribed.Clear();
            _leaving.Clear();
            _todo.Clear();
            foreach (var ticker in _wanted)
            {
                _todo.Enqueue(ticker);
            }
        }
    }

    private List<string> TakeChunk()
    {
        var chunk = new List<string>();
        lock (_lock)
        {
            while (chunk.Count < _chunk && _todo.TryDequeue(out var ticker))
            {
                if (_wanted.Contains(ticker) && !_subscribed.Contains(ticker))
                {
                    chunk.Add(ticker);
                }
            }
        }

        return chunk;
    }

    /// <summary>A market that was removed while its command was under way has to leave again.</summary>
    private void Accepted(List<string> chunk)
    {
        _chunkAccepted = Math.Max(_chunkAccepted, chunk.Count);
        lock (_lock)
        {
            foreach (var ticker in chunk)
            {
                if (_wanted.Contains(ticker))
                {
                    _subscribed.Add(ticker);
                }
                else
                {
                    _leaving.Add(ticker);
                }
            }
        }
    }

    private void PutBack(List<string> chunk)
    {
        lock (_lock)
        {
            chunk.ForEach(_todo.Enqueue);
        }
    }

    /// <summary>Error 26: smaller chunks; when one market is too many the shard is full, and what does not fit is let go.</summary>
    private bool ShrinkChunk(int tried)
    {
        if (tried > 1)
        {
            _chunk = Math.Max(1, tried / 2);
            return true;
        }

        // The session is full, not the command too long: repairs may go on in chunks that were taken.
        _chunk = _chunkAccepted;
        lock (_lock)
        {
            Volatile.Write(ref _marketsMax, Math.Max(1, _subscribed.Count));
            while (_todo.TryDequeue(out var ticker))
            {
                if (!_subscribed.Contains(ticker) && _wanted.Remove(ticker))
                {
                    Refused.Enqueue(ticker);
                }
            }
        }

        return true;
    }

    /// <summary>Markets that did not fit after all; <see cref="Registry.Shards.PlaceRefused"/> places them elsewhere.</summary>
    public System.Collections.Concurrent.ConcurrentQueue<string> Refused { get; } = new();
}
