using System.Globalization;
using System.Text.Json;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Exchange;

/// <summary>
/// Trades that the stream may have missed are fetched over REST and journalled as pages; readers tell them apart by trade_id.
///
/// In:        <see cref="Lost"/> when the stream may have lost something, <see cref="Live"/> when it runs again.
/// Out:       REST pages as journal records, each walk with the interval it covers.
/// Thread:    one asynchronous loop; Lost and Live from any thread.
/// Bound:     one walk at a time, <see cref="PagesMax"/> pages each.
/// When full: the walk stays pending, on disk too, and is tried again.
/// </summary>
internal sealed class TradeBackfill : IStreamWatch
{
    private const int PagesMax = 200_000;

    /// <summary>Trades have been seen 10 s late; the socket's silence limit and the exchange's caches come on top.</summary>
    public const long MarginUs = 60 * Micros.PerSecond;

    /// <summary>How long a trade may take to show up over REST.</summary>
    private static readonly TimeSpan SettleDelay = TimeSpan.FromSeconds(1);

    private readonly RestClient _rest;
    private readonly Func<RestPage, byte[], Task> _journalPage;
    private readonly string _pendingFile;
    private readonly ILogger _log;
    private readonly Lock _lock = new();
    private readonly WakeSignal _wake = new();

    /// <summary>Guarded by `_lock`: exchange time (µs) from which trades may be missing; 0 = nothing pending.</summary>
    private long _from;
    private bool _live;
    private long _goodAt;

    /// <summary>Guarded by `_lock`: start of the walk under way, 0 when there is none; and what the file says.</summary>
    private long _walkingFrom;
    private long _saved;

    /// <param name="resumeAt">Stamp of the last record of the process before this one; 0 when there was none.</param>
    public TradeBackfill(RestClient rest, Func<RestPage, byte[], Task> journalPage, string stateDirectory, long resumeAt, ILogger log)
    {
        (_rest, _journalPage, _log) = (rest, journalPage, log);
        _pendingFile = Path.Combine(stateDirectory, "backfill.pending");
        var pending = ReadPending();
        _from = pending > 0 && resumeAt > 0 ? Math.Min(pending, resumeAt - MarginUs) : pending > 0 ? pending : resumeAt > 0 ? resumeAt - MarginUs : 0;
        _goodAt = resumeAt > 0 ? resumeAt : Micros.Now();
        _saved = pending;
        SavePending();
    }

    /// <summary>Nothing is missing that REST could bring.</summary>
    public bool IsIdle
    {
        get { lock (_lock) { return _from == 0 && _walkingFrom == 0; } }
    }

    public long Walks { get; private set; }

    /// <summary>The trade stream is whole up to now. Called about once a second while it is.</summary>
    public void Good(long now)
    {
        lock (_lock)
        {
            _goodAt = Math.Max(_goodAt, now);
            SavePending();
        }
    }

    /// <summary>The stream may have lost something since it was last known good.</summary>
    public void Lost()
    {
        lock (_lock)
        {
            _live = false;
            var from = _goodAt - MarginUs;
            if (_from == 0 || from < _from)
            {
                _from = from;
                SavePending();
            }
        }
    }

    public void Live()
    {
        lock (_lock)
        {
            _live = true;
        }

        _wake.Set();
    }

    public async Task RunAsync(CancellationToken stop)
    {
        var backoff = new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
        try
        {
            while (true)
            {
                await _wake.WaitAsync(TimeSpan.FromSeconds(1), stop);
                if (Due() && !await WalkPendingAsync(stop))
                {
                    await Task.Delay(backoff.Next(), stop);
                }
                else
                {
                    backoff.Reset();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // What is pending stays in the file; the next process walks it.
        }
    }

    /// <summary>Walks what is pending now, stream alive or not: the end of a clean stop. False when it could not be finished.</summary>
    public async Task<bool> WalkPendingAsync(CancellationToken stop)
    {
        long from;
        lock (_lock)
        {
            (from, _from) = (_from, 0);
            _walkingFrom = from;
        }

        if (from == 0)
        {
            return true;
        }

        var done = false;
        try
        {
            await Task.Delay(SettleDelay, stop);
            done = await WalkAsync(from, Micros.Now() + Micros.PerSecond, stop);
            return done;
        }
        finally
        {
            lock (_lock)
            {
                _walkingFrom = 0;
                if (!done)
                {
                    _from = Earliest(_from, from);
                }

                SavePending();
            }
        }
    }

    private bool Due()
    {
        lock (_lock)
        {
            return _from != 0 && _live;
        }
    }

    private async Task<bool> WalkAsync(long from, long to, CancellationToken stop)
    {
        if (await HistoricalCutoffAsync(stop) is not { } cutoff)
        {
            return false;
        }

        var historical = from < cutoff;
        var trades = 0;
        if (historical && await WalkPathAsync("/historical/trades", from, Math.Min(to, cutoff), last: to <= cutoff, stop) is var old)
        {
            if (old < 0)
            {
                return false;
            }

            trades += old;
        }

        if (to > cutoff)
        {
            var live = await WalkPathAsync("/markets/trades", from, to, last: true, stop);
            if (live < 0)
            {
                return false;
            }

            trades += live;
        }

        Walks++;
        _log.TradesBackfilled(Micros.Format(from), Micros.Format(to), trades);
        return true;
    }

    /// <summary>Pages of one endpoint; the number of pages, or -1 when the walk broke off.</summary>
    private async Task<int> WalkPathAsync(string endpoint, long from, long to, bool last, CancellationToken stop)
    {
        var pages = 0;
        var whole = await PageWalk.ReadAsync(_rest, $"{endpoint}?limit=1000&min_ts={Floor(from)}&max_ts={Floor(to) + 1}", PagesMax, async (path, answer) =>
        {
            if (!IsTradesPage(answer.Body))
            {
                return null;
            }

            var next = PageCursor.Read(answer.Body);
            await _journalPage(new RestPage(path, answer.Status, "trades_backfill", from, to, last && next.Length == 0), answer.Body);
            pages++;
            return next;
        }, _log, stop);
        return whole ? pages : -1;
    }

    /// <summary>
    /// µs before which trades are only under /historical; 0 when the exchange has no such thing. Null when it could not be asked:
    /// a walk without it might claim to cover what only /historical has.
    /// </summary>
    private async Task<long?> HistoricalCutoffAsync(CancellationToken stop)
    {
        var answer = await _rest.GetAsync("/historical/cutoff", stop);
        if (answer.Status == 404)
        {
            return 0;
        }

        if (!answer.Succeeded)
        {
            _log.RestFailed("/historical/cutoff", answer.ToString());
            return null;
        }

        try
        {
            using var json = JsonDocument.Parse(answer.Body);
            return json.RootElement.TryGetProperty("trades_created_ts", out var text) && text.ValueKind == JsonValueKind.String
                && Micros.TryParseRfc3339(System.Text.Encoding.UTF8.GetBytes(text.GetString()!), out var at) ? at : 0;
        }
        catch (JsonException)
        {
            _log.RestUnreadable("/historical/cutoff", answer.Body.Length);
            return null;
        }
    }

    /// <summary>The whole body is JSON and its `trades` an array: a page cut short or garbled must be asked for again.</summary>
    private static bool IsTradesPage(byte[] body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("trades", out var trades) && trades.ValueKind is JsonValueKind.Array or JsonValueKind.Null;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static long Floor(long micros) => micros / Micros.PerSecond;

    private long ReadPending()
    {
        try
        {
            return long.TryParse(File.ReadAllText(_pendingFile), CultureInfo.InvariantCulture, out var from) ? from : 0;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static long Earliest(long one, long other) => one == 0 ? other : other == 0 ? one : Math.Min(one, other);

    /// <summary>
    /// The file names the earliest trade that may be missing, a walk under way included: killed in its midst, the next process
    /// starts where it did. A disk that refuses is tried again a second later. Called under `_lock` or by the constructor.
    /// </summary>
    private void SavePending()
    {
        var from = Earliest(_from, _walkingFrom);
        if (from == _saved)
        {
            return;
        }

        try
        {
            if (from == 0)
            {
                File.Delete(_pendingFile);
            }
            else
            {
                var temporary = _pendingFile + ".new";
                File.WriteAllText(temporary, from.ToString(CultureInfo.InvariantCulture));
                File.Move(temporary, _pendingFile, overwrite: true);
            }

            _saved = from;
        }
        catch (IOException e)
        {
            _log.PendingRefused(_pendingFile, e);
        }
    }
}
