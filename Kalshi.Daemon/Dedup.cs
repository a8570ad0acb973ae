using System.Runtime;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon;

/// <summary>
/// `kalshid dedup`: several gatherers' stores into one production, composed top-down like the flow.
/// </summary>
/// <code>
///   gatherer stores ─COPY─▶ GathererSource ×N ─▶ TurnReader ─▶ BookMerge     ─┐
///                           (reads ahead)       (one thread)   StreamMerges   ─┴▶ ProductionStore ─one transaction a turn─▶ production
///            ◀─────────────── how far production is ──────────────────────────────────┘
/// </code>
internal static class DedupMode
{
    public static readonly CommandOption[] Options =
    [
        new("duration", "T", "stop cleanly after T (60s, 2h)"),
        new("until-idle", "T", "stop cleanly when no gatherer has had anything new for T"),
    ];

    public static async Task<int> RunAsync(CommandLine line)
    {
        var options = Kalshi.Daemon.Options.Load(line);
        var log = new ConsoleLog();
        log.Started(Modes.VersionText, "dedup", options.ConfigPath ?? "(none)");
        log.EffectiveOptions(string.Join(' ', options.Effective()));
        RequireSettings(options);
        Directory.CreateDirectory(options.DataDir);
        GCSettings.LatencyMode = GCLatencyMode.Batch; // A collection beside the merge lets garbage grow meanwhile; a wait of tenths of a second harms nobody here.

        using var stop = new StopSignal(line.Duration("duration"), log);
        using var production = new StoreDatabase(options.ProductionDsn, options.DedupTimeout, "dedup.production_dsn");
        using var store = new ProductionStore(production, ProductionSettings.Of(options), log);
        using var upkeep = new StoreUpkeep(production, UpkeepSettings.OfProduction(options), log, UpkeepKind.Production, store.Touched);
        var merging = new Merging(options, store, log);
        var status = new DedupReporter(options, merging, store, log);

        upkeep.Start();
        var merged = Task.Factory.StartNew(() => merging.Run(stop.Token), TaskCreationOptions.LongRunning);
        await status.RunAsync(line.Duration("until-idle"), stop, merged);
        await merged;
        status.Last(stop.Reason);
        return ExitCode.Ok;
    }

    private static void RequireSettings(Options options)
    {
        if (options.ProductionDsn.Length == 0)
        {
            throw new SetupException(ExitCode.Config, "dedup.production_dsn is empty: name the database that the gatherers are merged into.");
        }

        if (options.Gatherers.Count == 0)
        {
            throw new SetupException(ExitCode.Config, "No gatherer is named: give each one's database in [dedup] as gatherer.NAME = DSN.");
        }

        if (options.DedupLagBudget < options.DedupMargin)
        {
            throw new SetupException(
                ExitCode.Config,
                $"dedup.lag_budget is {options.DedupLagBudget.TotalSeconds:0.###} s, less than dedup.margin ({options.DedupMargin.TotalSeconds:0.###} s): a hole would be called a gap before the other gatherers could have told what is in it. Make it at least as long.");
        }
    }
}
