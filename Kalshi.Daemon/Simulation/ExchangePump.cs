using System.Collections.Concurrent;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>How the stream is paced.</summary>
/// <param name="Speed">Exchange seconds per second of the wall clock; 0 = as fast as the slowest reader takes it.</param>
/// <param name="StartNow">Do not wait for the source's markets to be subscribed.</param>
internal sealed record PumpSettings(double Speed, bool StartNow);

/// <summary>
/// The exchange's thread: everything that touches <see cref="SimulatedExchange"/> runs here, one thing after another.
/// In: work posted by connections and REST calls; time. Out: frames in the connections' queues. Thread: its own. Bound:
/// <see cref="PostedMax"/> pieces of work, <see cref="StepsPerTurn"/> events a turn. When full: the poster waits; at full
/// speed the stream waits for the slowest reader.
/// </summary>
internal sealed class ExchangePump : IDisposable
{
    private const int PostedMax = 65_536;
    private const int StepsPerTurn = 1_024;

    /// <summary>At full speed production pauses while a connection has more than this to send.</summary>
    private const int HighWater = 4 << 20;

    private readonly ExchangeStream _stream;
    private readonly ITruth? _truth;
    private readonly PumpSettings _settings;
    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly AutoResetEvent _wake = new(false);
    private readonly Lock _connectionsLock = new();
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private WebSocketConnection[] _connections = [];
    private int _postedCount;
    private volatile bool _isStopping;
    private long _startedAt = -1;
    private long _watchedAt;
    private long _flushedAt;

    public ExchangePump(SimulatedExchange exchange, IEventSource source, ITruth? truth, PumpSettings settings)
    {
        (Exchange, _stream, _truth, _settings) = (exchange, new ExchangeStream(exchange, source), truth, settings);
        _thread = new Thread(Run) { Name = "exchange", IsBackground = true };
    }

    public SimulatedExchange Exchange { get; }

    /// <summary>Completes when the stream is over and the truth is on disk; faults when the exchange's thread failed.</summary>
    public Task Over => _over.Task;

    /// <summary>Called on the exchange's thread when the clock starts to run.</summary>
    public Action? Started { get; set; }

    public bool HasStarted => Volatile.Read(ref _startedAt) >= 0;

    public IReadOnlyList<WebSocketConnection> Connections => Volatile.Read(ref _connections);

    public void Start() => _thread.Start();

    /// <summary>False when too much is waiting already.</summary>
    public bool TryPost(Action work)
    {
        if (Interlocked.Increment(ref _postedCount) > PostedMax)
        {
            Interlocked.Decrement(ref _postedCount);
            return false;
        }

        _posted.Enqueue(work);
        _wake.Set();
        return true;
    }

    public async Task<T> AskAsync<T>(Func<T> question)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        while (!TryPost(() => Answer(question, answer)))
        {
            await Task.Delay(1);
        }

        return await answer.Task;
    }

    private static void Answer<T>(Func<T> question, TaskCompletionSource<T> answer)
    {
        try
        {
            answer.TrySetResult(question());
        }
        catch (Exception e)
        {
            answer.TrySetException(e);
            throw;
        }
    }

    public void Wake() => _wake.Set();

    public void Attach(WebSocketConnection connection)
    {
        lock (_connectionsLock)
        {
            Volatile.Write(ref _connections, [.. _connections, connection]);
        }
    }

    public void Detach(WebSocketConnection connection)
    {
        lock (_connectionsLock)
        {
            Volatile.Write(ref _connections, Array.FindAll(_connections, other => other != connection));
        }
    }

    public void Dispose()
    {
        _isStopping = true;
        _wake.Set();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        _wake.Dispose();
    }

    private void Run()
    {
        try
        {
            while (!_isStopping)
            {
                if (!Turn())
                {
                    _wake.WaitOne(1);
                }
            }

            _truth?.Flush();
            _over.TrySetResult();
        }
        catch (Exception e)
        {
            _over.TrySetException(e);
        }
    }

    /// <summary>One turn; false when there was nothing to do.</summary>
    private bool Turn()
    {
        var now = Micros.Now();
        Exchange.Now = now;
        var busy = RunPosted();
        busy |= Produce(now);
        foreach (var connection in Connections)
        {
            connection.Flush();
        }

        if (_truth is not null && now - _flushedAt > Micros.PerSecond)
        {
            _flushedAt = now;
            _truth.Flush();
        }

        return busy;
    }

    private bool RunPosted()
    {
        var done = 0;
        while (done < PostedMax && _posted.TryDequeue(out var work))
        {
            Interlocked.Decrement(ref _postedCount);
            work();
            done++;
        }

        return done > 0;
    }

    private bool Produce(long now)
    {
        if (_over.Task.IsCompleted || (_startedAt < 0 && !TryStart(now)))
        {
            return false;
        }

        var isFullSpeed = _settings.Speed == 0;
        if (isFullSpeed && Array.Exists(Volatile.Read(ref _connections), connection => connection.Queued > HighWater && !connection.IsStalled))
        {
            return false;
        }

        var until = isFullSpeed ? long.MaxValue - 1 : (long)((now - _startedAt) * _settings.Speed);
        var steps = _stream.Advance(until, StepsPerTurn);
        if (_stream.IsOver)
        {
            _truth?.Flush();
            _over.TrySetResult();
        }

        return steps > 0;
    }

    /// <summary>A replay waits until its markets are watched, and a little longer for the trades' subscription to follow.</summary>
    private bool TryStart(long now)
    {
        if (!_settings.StartNow)
        {
            if (!_stream.Source.IsWatched(Exchange))
            {
                _watchedAt = 0;
                return false;
            }

            _watchedAt = _watchedAt == 0 ? now : _watchedAt;
            if (!Exchange.HasSubscription(Channel.Trade) && now - _watchedAt < 2 * Micros.PerSecond)
            {
                return false;
            }
        }

        Volatile.Write(ref _startedAt, now);
        _stream.Source.Begin(Exchange, now);
        Started?.Invoke();
        return true;
    }
}
