using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Exchange;

/// <summary>
/// Keeps one subscription on a live session: dials with back-off, watches for silence, redials.
///
/// In:        an <see cref="ISubscription"/>.
/// Out:       sessions, registered with the control loop while they live.
/// Thread:    one asynchronous loop.
/// Bound:     one session at a time; back-off up to <see cref="BackoffMax"/>.
/// When full: does not apply.
/// </summary>
internal sealed class Connection(ISubscription subscription, Dialer dialer, SessionDirectory directory, TimeSpan shutdownLimit, ILogger log, long silenceMsMax = Connection.SilenceMsMax)
{
    /// <summary>The exchange pings every 10 s and we ping too, so this much silence means a dead socket; quiet is not dead.</summary>
    public const long SilenceMsMax = 28_000;

    private const int PingIntervalMs = 10_000;
    private const int WatchIntervalMs = 1_000;
    private static readonly TimeSpan BackoffFirst = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan SettledAfter = TimeSpan.FromSeconds(30);

    private readonly Backoff _backoff = new(BackoffFirst, BackoffMax);

    /// <summary>Runs until `stop`, then ends the session cleanly: unsubscribe (whose ack proves density to the end), close, drain.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var session = await dialer.DialAsync(subscription.Purpose, stop);
                var started = Environment.TickCount64;
                await UseAsync(session, stop);
                if (Environment.TickCount64 - started > SettledAfter.TotalMilliseconds)
                {
                    _backoff.Reset();
                }
            }
            catch (DialException e)
            {
                Explain(e);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            if (!stop.IsCancellationRequested)
            {
                await Task.Delay(_backoff.Next(), stop).ContinueWith(static _ => { }, TaskScheduler.Default);
            }
        }
    }

    private async Task UseAsync(Session session, CancellationToken stop)
    {
        directory.Add(session);
        var watch = WatchAsync(session);
        using var limit = stop.Register(() => _ = EndWithinLimitAsync(session));
        try
        {
            await subscription.RunAsync(session, stop);
            await CloseAsync(session);
        }
        finally
        {
            session.Socket.Abort("closed by kalshid");
            await dialer.RetireAsync(session);
            await watch;
            directory.Remove(session);
        }
    }

    private async Task CloseAsync(Session session)
    {
        try
        {
            await session.Socket.CloseAsync();
            await Task.WhenAny(session.Ended, Task.Delay(shutdownLimit));
        }
        catch (IOException)
        {
            // The socket is already gone, which is what closing wanted.
        }
    }

    /// <summary>One limit for the whole clean end: an exchange that no longer answers must not keep the process.</summary>
    private async Task EndWithinLimitAsync(Session session)
    {
        await Task.WhenAny(session.Ended, Task.Delay(shutdownLimit));
        session.Socket.Abort("closed by kalshid");
    }

    private async Task WatchAsync(Session session)
    {
        var pingedTicks = Environment.TickCount64;
        while (await Task.WhenAny(session.Ended, Task.Delay(WatchIntervalMs)) != session.Ended)
        {
            if (session.Socket.QuietMs > silenceMsMax)
            {
                session.Socket.Abort($"nothing came for {session.Socket.QuietMs / 1000} s, pings included");
                return;
            }

            if (Environment.TickCount64 - pingedTicks < PingIntervalMs)
            {
                continue;
            }

            try
            {
                pingedTicks = Environment.TickCount64;
                await session.Socket.PingAsync();
            }
            catch (IOException)
            {
                return;
            }
        }
    }

    private void Explain(DialException e)
    {
        var skew = e.Date is { } date ? DateTimeOffset.UtcNow - date : TimeSpan.Zero;
        if (Math.Abs(skew.TotalSeconds) > 5)
        {
            log.ClockSkewed(skew.TotalSeconds);
        }

        switch (e.Status)
        {
            case 401:
                log.DialUnauthorized(subscription.Purpose, e.Message);
                break;
            case 0:
                log.DialFailed(subscription.Purpose, e.Message);
                break;
            default:
                log.DialRefused(subscription.Purpose, e.Status, e.Message);
                break;
        }
    }
}
