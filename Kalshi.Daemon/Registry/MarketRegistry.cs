using System.Text;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Registry;

/// <summary>
/// Which markets exist, and so which books are wanted: a full listing over REST at start and as a slow sweep, lifecycle frames
/// in between.
///
/// In:        GET /markets pages; lifecycle messages from the control loop; <see cref="RequestSweep"/>.
/// Out:       <see cref="Shards"/>; every page as a journal record.
/// Thread:    one asynchronous loop; <see cref="OnLifecycle"/> and RequestSweep from the control loop.
/// Bound:     <see cref="PagesMax"/> pages a listing.
/// When full: markets beyond the connection budget are dormant: swept by REST, promoted when they trade.
/// </summary>
internal sealed class MarketRegistry(RestClient rest, Shards shards, Func<RestPage, byte[], Task> journalPage, bool includeCombos, TimeSpan sweepInterval, ILogger log)
{
    private const int PagesMax = 5_000;
    private const int ListingAttemptsMax = 1_000;

    /// <summary>
    /// Every status whose book can change or come to life; unopened markets are subscribed early so that the first order is not
    /// missed, and listed first so that one that opens meanwhile is seen on one side or the other.
    /// </summary>
    private static readonly string[] ListedStatuses = ["unopened", "open", "paused"];

    private readonly WakeSignal _sweep = new();
    private readonly Lock _lock = new();

    /// <summary>Guarded by `_lock`: ticker → number of the listing that saw it last.</summary>
    private readonly Dictionary<string, int> _markets = [];
    private int _listing;

    /// <summary>Markets known and not settled.</summary>
    public int Count
    {
        get { lock (_lock) { return _markets.Count; } }
    }

    /// <summary>Asks for a sweep soon: lifecycle messages may have been lost.</summary>
    public void RequestSweep() => _sweep.Set();

    /// <summary>Lists, then sweeps at the interval or on request, until `stop`.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var backoff = new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
        try
        {
            for (var attempt = 0; attempt < ListingAttemptsMax && !await ListAsync(stop); attempt++)
            {
                await Task.Delay(backoff.Next(), stop);
            }

            await CatalogueAsync(stop);
            while (true)
            {
                await _sweep.WaitAsync(sweepInterval, stop);
                await ListAsync(stop);
            }
        }
        catch (OperationCanceledException)
        {
            // Nothing to finish: pages read so far are journalled.
        }
    }

    /// <summary>A lifecycle message, decoded by the control loop. Created markets are subscribed at once, settled ones let go.</summary>
    public void OnLifecycle(Message message)
    {
        var isMarket = message.Type == FrameType.MarketLifecycle || (includeCombos && message.Type == FrameType.MultivariateLifecycle);
        if (!isMarket || message.Ticker.Length == 0)
        {
            return;
        }

        if (message.EventType.SequenceEqual("settled"u8))
        {
            Forget(Encoding.UTF8.GetString(message.Ticker));
        }
        else if (!message.EventType.SequenceEqual("determined"u8))
        {
            var ticker = Encoding.UTF8.GetString(message.Ticker);
            if (Learn(ticker))
            {
                shards.Place([ticker]);
            }
        }
    }

    private async Task<bool> ListAsync(CancellationToken stop)
    {
        var started = Environment.TickCount64;
        var listing = Interlocked.Increment(ref _listing);
        var fresh = new List<MarketListing>();
        var mve = includeCombos ? "" : "&mve_filter=exclude";
        var complete = true;
        foreach (var status in ListedStatuses)
        {
            complete = complete && await ListStatusAsync($"/markets?limit=1000&status={status}{mve}", listing, fresh, stop);
        }

        // Half a listing places what it brought, since those markets are known from now on; it forgets nobody.
        // Active first: what traded most, then what is held most, then what closes soonest.
        fresh.Sort(static (a, b) => (b.Volume24h, b.OpenInterest, a.CloseAt).CompareTo((a.Volume24h, a.OpenInterest, b.CloseAt)));
        shards.Place(fresh.ConvertAll(market => market.Ticker));
        if (!complete)
        {
            return false;
        }

        var gone = ForgetUnseen(listing);
        log.MarketsListed(Count, fresh.Count, gone, Environment.TickCount64 - started);
        return true;
    }

    private Task<bool> ListStatusAsync(string query, int listing, List<MarketListing> fresh, CancellationToken stop) =>
        PageWalk.ReadAsync(rest, query, PagesMax, async (path, answer) =>
        {
            await journalPage(new RestPage(path, answer.Status, "registry"), answer.Body);
            if (!MarketPage.TryParse(answer.Body, out var page))
            {
                return null;
            }

            fresh.AddRange(page.Markets.Where(market => Learn(market.Ticker, listing)));
            return page.Cursor;
        }, log, stop);

    /// <summary>Series and events, for their tables; nothing waits for them.</summary>
    private async Task CatalogueAsync(CancellationToken stop)
    {
        foreach (var query in new[] { "/series?limit=1000", "/events?limit=200" })
        {
            await PageWalk.ReadAsync(rest, query, PagesMax, async (path, answer) =>
            {
                await journalPage(new RestPage(path, answer.Status, "registry"), answer.Body);
                return PageCursor.Read(answer.Body);
            }, log, stop);
        }
    }

    private bool Learn(string ticker, int listing = int.MaxValue)
    {
        lock (_lock)
        {
            var known = _markets.ContainsKey(ticker);
            _markets[ticker] = listing;
            return !known;
        }
    }

    private void Forget(string ticker)
    {
        lock (_lock)
        {
            _markets.Remove(ticker);
        }

        shards.Remove(ticker);
    }

    /// <summary>Markets that an earlier listing knew and this one did not: closed for good. Those learned from lifecycle get one more listing.</summary>
    private int ForgetUnseen(int listing)
    {
        List<string> gone;
        lock (_lock)
        {
            gone = [.. _markets.Where(market => market.Value < listing).Select(market => market.Key)];
            foreach (var ticker in _markets.Where(market => market.Value == int.MaxValue).Select(market => market.Key).ToArray())
            {
                _markets[ticker] = listing;
            }
        }

        gone.ForEach(Forget);
        return gone.Count;
    }
}
