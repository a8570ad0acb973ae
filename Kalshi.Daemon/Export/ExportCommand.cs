using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Export;

/// <summary>`kalshid export`: runs an <see cref="Exporter"/> and tells people what it vouches for. Logs go to standard error, the certificate to standard output.</summary>
internal static class ExportCommand
{
    public static readonly CommandOption[] Options =
    [
        new("source", "SOURCE", "what to export: journal, store (a gatherer's database) or production; default export.source"),
        new("target", "DIR", "where to; default export.target, or data_dir/parquet"),
        new("until", "now", "export the hour that is not over as well; the next run replaces it"),
        new("verify", null, "read everything back and check sizes, checksums and row counts"),
    ];

    public static Task<int> RunAsync(CommandLine line)
    {
        var options = Daemon.Options.Load(line);
        var source = line.Value("source") ?? options.ExportSource;
        CheckChoice("--source", source, "journal", "store", "production");
        CheckChoice("--until", line.Value("until") ?? "now", "now");
        var directory = line.Value("target") ?? (options.ExportTarget.Length > 0 ? options.ExportTarget : Path.Combine(options.DataDir, "parquet"));
        if (directory.Contains("://", StringComparison.Ordinal))
        {
            throw new SetupException(ExitCode.Usage, $"--target {directory}: only a local directory can be written for now.");
        }

        var target = new LocalDirectory(directory);
        var settings = new ExportSettings(options.DataDir, options.Name, target.ToString(), line.Has("until"), Micros.Now);
        var report = source switch
        {
            "production" => ExportProduction(options, settings, target),
            "store" => ExportStore(options, settings, target),
            _ => ExportJournal(settings, target),
        };
        ExportSummary.Print(Console.Out, report, target.ToString());
        return Task.FromResult(line.Has("verify") ? Verify(target) : ExitCode.Ok);
    }

    private static ExportReport ExportJournal(ExportSettings settings, LocalDirectory target)
    {
        if (!Directory.Exists(settings.DataDirectory))
        {
            throw new SetupException(ExitCode.Config, $"There is no data directory {Path.GetFullPath(settings.DataDirectory)}; set gather.data_dir to the gatherer's.");
        }

        return Export(settings, target, open: null);
    }

    /// <summary>The data directory holds no more than the state then, and may be on another machine than the gatherer's.</summary>
    private static ExportReport ExportStore(Options options, ExportSettings settings, LocalDirectory target)
    {
        LoadCommand.RequireDsn(options);
        using var database = new StoreDatabase(options.StoreDsn, options.StoreTimeout);
        using (var reader = StoreReader.Open(database))
        {
            var gatherer = reader.ReadFacts().Gatherer ?? settings.Gatherer;
            settings = settings with { Gatherer = gatherer, Target = $"{database.Name} to {settings.Target}", StateName = "state-store" };
        }

        return Export(settings, target, (sink, state) => StoreExportSource.Open(database, sink, state, new ConsoleLog()));
    }

    private static ExportReport ExportProduction(Options options, ExportSettings settings, LocalDirectory target)
    {
        options.RequireProduction();
        using var database = new StoreDatabase(options.ProductionDsn, options.DedupTimeout, "dedup.production_dsn");
        return Run(target, () => new ProductionExporter(database, settings.DataDirectory, target, settings.UntilNow, new ConsoleLog()).Run());
    }

    private static ExportReport Export(ExportSettings settings, LocalDirectory target, OpenExportSource? open) =>
        Run(target, () => new Exporter(settings, target, new ConsoleLog(), open).Run());

    private static ExportReport Run(LocalDirectory target, Func<ExportReport> export)
    {
        try
        {
            return export();
        }
        catch (IOException e)
        {
            TryDiscard(target);
            throw new SetupException(
                ExitCode.InputOutput, $"The export stopped: {e.Message} Hours published so far are whole, nothing is half published; make room and run it again.");
        }
    }

    private static void TryDiscard(LocalDirectory target)
    {
        try
        {
            target.Discard();
        }
        catch (IOException)
        {
            // The next run empties it.
        }
    }

    private static int Verify(LocalDirectory target)
    {
        var audit = TargetAudit.Run(target);
        foreach (var fault in audit.Faults)
        {
            Console.WriteLine($"  FAULT {fault}");
        }

        Console.WriteLine($"verified {audit.Hours} hours, {audit.Files} files, {audit.Bytes:N0} bytes, {audit.Rows:N0} rows: {(audit.Faults.Count == 0 ? "all as the manifests say" : $"{audit.Faults.Count} faults")}");
        return audit.Faults.Count == 0 ? ExitCode.Ok : ExitCode.Failed;
    }

    private static void CheckChoice(string option, string value, params string[] allowed)
    {
        if (!allowed.Contains(value))
        {
            throw new SetupException(ExitCode.Usage, $"{option} {value}: expected {string.Join(" or ", allowed)}.");
        }
    }
}
