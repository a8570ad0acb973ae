using System.Threading.Channels;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon;

/// <summary>
/// `kalshid gather`: the composition of the capture, top-down like the flow.
/// </summary>
/// <code>
///            REST pages, lifecycle ──▶ Registry ──▶ Shards
///                                                     │ which markets
///  Kalshi ═WS═▶ FrameSocket ─▶ ByteRing ─▶ CAPTURE ─▶ JOURNAL
///               (a loop per socket)        (one thread)  (segments)
///                                                            └▶ LOADER ─▶ store (when one is configured)
/// </code>
internal static class Gather
{
    public static readonly CommandOption[] Options =
    [
        new("duration", "T", "stop cleanly after T (60s, 2h)"),
        new("until-idle", "T", "stop cleanly when no market data has come for T"),
    ];

    /// <summary>Sockets that are not for books: trades, tickers, lifecycle.</summary>
    public const int GlobalSockets = 3;

    private const int EventsMax = 1 << 17;

    public static async Task<int> RunAsync(CommandLine line)
    {
        var options = Kalshi.Daemon.Options.Load(line);
        var log = new ConsoleLog();
        log.Started(Modes.VersionText, "gather", options.ConfigPath ?? "(none)");
        log.EffectiveOptions(string.Join(' ', options.Effective()));

        Directory.CreateDirectory(options.DataDir);
        var signer = RequestSigner.Load(options.KeyId, options.KeyFile);
        var journalDirectory = Path.Combine(options.DataDir, "journal");
        using var journal = JournalWriter.Open(new JournalSettings(journalDirectory, options.SegmentBytesMax, options.SyncIntervalMs, options.SyncBytes), log);
        var resumeAt = journal.LastReceivedAt;
        log.JournalResumed(resumeAt == 0 ? "(new)" : Micros.Format(resumeAt), journal.FirstFreeSession);

        using var stop = new StopSignal(line.Duration("duration"), log);
        using var rest = new RestClient(options.RestUrl, signer, log);
        using var store = StoreLoading.Start(options, journal, log);
        using var upkeep = new JournalUpkeep(journalDirectory, options.Compress, options.Retention, options.DiskBudget, log);

        var events = Channel.CreateBounded<CaptureEvent>(new BoundedChannelOptions(EventsMax) { SingleReader = true, SingleWriter = true });
        var capture = new Capture(journal, events.Writer, log);
        capture.Start();
        await capture.AppendAsync(RecordKind.ProcessStarted, 0, SessionRecords.Bytes(new ProcessStarted(options.Name, Modes.VersionText)));
        Task JournalPage(RestPage page, byte[] body) => capture.AppendAsync(RecordKind.RestPage, 0, SessionRecords.Bytes(page, body));

        var sessions = new SessionDirectory();
        var dialer = new Dialer(new Uri(options.WsUrl), signer, journal.FirstFreeSession, capture, log);
        var pace = new CommandPace(options.CommandsPerSecond);
        var connections = new List<Task>();
        void Connect(ISubscription subscription)
        {
            lock (connections)
            {
                connections.Add(Supervise(new Connection(subscription, dialer, sessions, options.ShutdownLimit, log).RunAsync(stop.Token), log));
            }
        }

        var shards = new Shards(options.ConnectionsMax - GlobalSockets, options.MarketsPerConnection,
            () => new BookShard(options.MarketsPerConnection, options.SubscribeChunk, options.AuditInterval, pace, log), Connect, log);
        var registry = new MarketRegistry(rest, shards, JournalPage, options.IncludeCombos, options.RegistrySweep, log);
        var backfill = new TradeBackfill(rest, JournalPage, options.DataDir, resumeAt, log);
        var sweep = new DormantSweep(rest, shards, JournalPage, log);
        var control = new ControlLoop(events.Reader, sessions, registry, shards, log);
        var status = new StatusReporter(options, capture, journal, sessions, shards, registry, backfill, control, store, log);

        var controlling = Supervise(control.RunAsync(), log);
        await AccountLimits.ApplyAsync(rest, JournalPage, log, stop.Token);
        Connect(new GlobalSubscription("trades", ["trade"], pace, backfill, log));
        Connect(new GlobalSubscription("lifecycle", ["market_lifecycle_v2", "multivariate_market_lifecycle"], pace, new LifecycleWatch(registry), log));
        Connect(new GlobalSubscription("tickers", ["ticker"], pace, null, log));
        Task[] loops = [Supervise(registry.RunAsync(stop.Token), log), Supervise(backfill.RunAsync(stop.Token), log), Supervise(sweep.RunAsync(stop.Token), log)];

        await status.RunAsync(line.Duration("until-idle"), stop);
        var reachable = sessions.Count > 0;

        await Task.WhenAll(loops);
        Task[] closing;
        lock (connections)
        {
            closing = [.. connections];
        }

        await Task.WhenAll(closing);
        if (reachable)
        {
            await LastWalkAsync(backfill, options.ShutdownLimit);
        }

        await capture.AppendAsync(RecordKind.ProcessStopped, 0, SessionRecords.Bytes(new ProcessStopped(stop.Reason)));
        capture.Stop();
        journal.Dispose();
        events.Writer.Complete();
        await controlling;
        await Task.Run(() => store?.Stop(options.ShutdownLimit));
        status.Last(stop.Reason);
        return ExitCode.Ok;
    }

    /// <summary>A loop that met a bug takes the process with it: going on half alive would lose data silently, a restart does not.</summary>
    private static Task Supervise(Task loop, ILogger log)
    {
        _ = loop.ContinueWith(failed =>
        {
            log.LoopFailed(failed.Exception!.GetBaseException());
            Environment.Exit(ExitCode.Bug);
        }, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        return loop;
    }

    /// <summary>A trade dropped just before the end has no later frame that would show it; one short walk makes sure.</summary>
    private static async Task LastWalkAsync(TradeBackfill backfill, TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit);
        try
        {
            await backfill.WalkPendingAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            // It stays pending on disk, and the next process walks it.
        }
    }
}
