using System.Diagnostics;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Verify;

namespace Kalshi.Daemon.Store;

/// <summary>`kalshid load`: brings the store up to the journal's end, without capturing: after a database was lost, or on another machine.</summary>
internal static class LoadCommand
{
    public static readonly CommandOption[] Options =
    [
        new("duration", "T", "stop after T even if the end is not reached"),
    ];

    public static async Task<int> RunAsync(CommandLine line)
    {
        var options = Daemon.Options.Load(line);
        RequireDsn(options);
        var journal = VerifyCommand.JournalDirectory(line);
        var log = new ConsoleLog();
        using var database = new StoreDatabase(options.StoreDsn, options.StoreTimeout);
        await using (await database.OpenOrExplainAsync())
        {
            // Reachable: from here on failures are waited out.
        }

        using var stop = new StopSignal(line.Duration("duration"), log);
        using var loader = new Loader(database, LoaderSettings.Of(options) with { JournalDirectory = journal }, () => long.MaxValue, log);
        using var upkeep = new StoreUpkeep(database, UpkeepSettings.Of(options), log, UpkeepKind.Gatherer);
        var clock = Stopwatch.StartNew();
        loader.Start();
        upkeep.StartSummaries();
        var isDone = await Task.Run(() => loader.Stop(Timeout.InfiniteTimeSpan, stop.Token));
        var (rows, seconds) = (loader.Counters.Rows, clock.Elapsed.TotalSeconds);
        Console.WriteLine($"loaded {rows:N0} rows of {loader.Counters.Records:N0} records in {loader.Counters.Batches:N0} batches and {seconds:N1} s ({rows / seconds:N0} rows/s); the store stands at {Micros.Format(loader.Counters.Committed)}{(isDone ? ", the journal's end" : "")}");
        if (isDone)
        {
            await upkeep.FinishAsync(stop.Token);
        }

        return isDone ? ExitCode.Ok : ExitCode.Failed;
    }

    /// <summary>Throws <see cref="SetupException"/> (exit 78) when no store is configured.</summary>
    public static void RequireDsn(Options options)
    {
        if (options.StoreDsn.Length == 0)
        {
            throw new SetupException(ExitCode.Config, "No store is configured: set store.dsn (in the file, as KALSHID_STORE__DSN, or with --set store.dsn=…).");
        }
    }
}
