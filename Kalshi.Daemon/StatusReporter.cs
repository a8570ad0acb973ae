using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon;

/// <summary>
/// Once a second: `status.json`, the live line on a terminal or a log line every <see cref="LogEvery"/> seconds, and the checks that
/// need a clock (idle, dormant markets, markets that a shard refused).
/// </summary>
internal sealed class StatusReporter(
    Options options, Capture capture, JournalWriter journal, SessionDirectory sessions, Shards shards, MarketRegistry registry,
    TradeBackfill backfill, ControlLoop control, StoreLoading? store, ConsoleLog log)
{
    private const int LogEvery = 10;

    private readonly StatusFile _file = new(Path.Combine(options.DataDir, "status.json"), log);
    private readonly long _startedAt = Micros.Now();
    private long _frames;
    private long _framesAt = Micros.Now();
    private long _eventsDropped;
    private readonly LagAlarm _lag = new(log);

    /// <summary>Reports until a stop is asked for; asks for it itself when nothing new has come for `untilIdle`.</summary>
    public async Task RunAsync(TimeSpan? untilIdle, StopSignal stop)
    {
        for (var second = 1; !stop.Token.IsCancellationRequested; second++)
        {
            await Task.Delay(1_000, stop.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
            var status = Read("");
            _file.Save(status.ToJson());
            if (ConsoleLog.IsTerminal)
            {
                log.Status(status.Line(TimeSpan.FromMicroseconds(status.At - status.StartedAt)));
            }
            else if (second % LogEvery == 0)
            {
                log.Progress(status.Subscribed, status.Markets, status.Sockets, status.FramesPerSecond, status.Frames, status.Gaps, status.ExchangeAge / 1000.0, status.WriteDelay / 1000.0);
            }

            Watch(status);
            var data = capture.Counters.DataTicks;
            if (untilIdle is { } limit && data != 0 && Environment.TickCount64 - data > limit.TotalMilliseconds && (backfill.IsIdle || sessions.Count == 0))
            {
                stop.Request($"nothing new for {Units.FormatDuration(limit)}");
            }
        }
    }

    /// <summary>The last word, with the reason of the stop.</summary>
    public void Last(string reason)
    {
        var status = Read(reason);
        _file.Save(status.ToJson());
        if (ConsoleLog.IsTerminal)
        {
            log.Status("");
        }

        log.Stopped(reason, status.Frames, status.Deltas, status.Snapshots, status.Trades, status.Gaps, status.JournalBytes);
    }

    private void Watch(GatherStatus status)
    {
        capture.ForwardTrades = status.Dormant > 0;
        shards.PlaceRefused();
        if (status.Store is { } loading)
        {
            _lag.Watch(loading, status.At);
        }

        if (status.EventsDropped != _eventsDropped)
        {
            _eventsDropped = status.EventsDropped;
            log.EventsDropped(_eventsDropped);
            registry.RequestSweep();
        }
    }

    private GatherStatus Read(string exit)
    {
        var (counters, now) = (capture.Counters, Micros.Now());
        var frames = Volatile.Read(ref counters.Frames);
        var rate = (frames - _frames) * (double)Micros.PerSecond / Math.Max(1, now - _framesAt);
        (_frames, _framesAt) = (frames, now);
        return new GatherStatus
        {
            Gatherer = options.Name,
            Version = Modes.VersionText,
            Pid = Environment.ProcessId,
            StartedAt = _startedAt,
            At = now,
            Markets = registry.Count,
            Subscribed = shards.Subscribed,
            Wanted = shards.Wanted,
            Dormant = shards.DormantCount,
            Sockets = sessions.Count,
            Frames = frames,
            FrameBytes = counters.FrameBytes,
            FramesPerSecond = rate,
            Deltas = counters.Of(FrameType.OrderbookDelta),
            Snapshots = counters.Of(FrameType.OrderbookSnapshot),
            Trades = counters.Of(FrameType.Trade),
            Tickers = counters.Of(FrameType.Ticker),
            Unknown = counters.Of(FrameType.Unknown),
            NotJson = counters.NotJson,
            Gaps = counters.Gaps,
            EventsDropped = counters.EventsDropped,
            RingFullWaits = sessions.All.Sum(session => session.Socket.RingFullWaits),
            WriteDelay = Interlocked.Exchange(ref counters.WriteDelayMax, 0),
            ExchangeAge = control.ExchangeAge,
            JournalBytes = journal.WrittenBytes,
            Written = journal.Written,
            Durable = journal.Durable,
            ClockBehind = journal.ClockBehind,
            FlushesRefused = counters.FlushesRefused,
            BackfillPending = !backfill.IsIdle,
            BackfillWalks = backfill.Walks,
            Store = store?.Status(),
            AllocatedBytes = GC.GetTotalAllocatedBytes(),
            CpuMs = Environment.CpuUsage.TotalTime.TotalMilliseconds,
            ResidentBytes = Environment.WorkingSet,
            Exit = exit,
        };
    }
}
