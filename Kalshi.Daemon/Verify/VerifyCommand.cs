using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Verify;

/// <summary>`kalshid verify`: proves a store, by itself or against a truth. Exit 0 = sound, 1 = not.</summary>
internal static class VerifyCommand
{
    public static readonly CommandOption[] Options =
    [
        new("journal", null, "verify the journal (the default); its directory may follow, else it is that of the configuration"),
        new("store", null, "verify the database of store.dsn"),
        new("production", null, "verify the database of dedup.production_dsn"),
        new("parquet", "DIR", "verify exported Parquet files"),
        new("truth", "FILE", "compare with everything the simulated exchange produced"),
        new("json", null, "the report as JSON"),
    ];

    public static Task<int> RunAsync(CommandLine line)
    {
        var (name, read) = SourceOf(line);
        var report = Verification.Run(name, read, line.Value("truth"));
        if (line.Has("json"))
        {
            Console.Out.WriteLine(report.ToJson());
        }
        else
        {
            report.Print(Console.Out);
        }

        return Task.FromResult(report.IsSound ? ExitCode.Ok : ExitCode.Failed);
    }

    private static (string Name, Action<Audit> Read) SourceOf(CommandLine line)
    {
        if (line.Value("parquet") is { } directory)
        {
            return ($"Parquet {directory}", audit => ParquetSource.Read(directory, audit));
        }

        if (line.Has("store"))
        {
            var database = StoreOf(line);
            return ($"store {database.Name}", audit => StoreSource.Read(database, audit));
        }

        if (line.Has("production"))
        {
            var database = ProductionOf(line);
            return ($"production {database.Name}", audit => ProductionSource.Read(database, audit));
        }

        var journal = JournalDirectory(line);
        return ($"journal {journal}", audit => JournalSource.Read(journal, audit));
    }

    /// <summary>The store of the configuration.</summary>
    public static StoreDatabase StoreOf(CommandLine line)
    {
        var options = Daemon.Options.Load(line);
        LoadCommand.RequireDsn(options);
        return new StoreDatabase(options.StoreDsn, options.StoreTimeout);
    }

    /// <summary>Production of the configuration.</summary>
    public static StoreDatabase ProductionOf(CommandLine line)
    {
        var options = Daemon.Options.Load(line);
        options.RequireProduction();
        return new StoreDatabase(options.ProductionDsn, options.DedupTimeout, "dedup.production_dsn");
    }

    /// <summary>A directory given in the command line, else `data_dir/journal` of the configuration; a data directory will do too.</summary>
    public static string JournalDirectory(CommandLine line, int positional = 0)
    {
        var given = line.Positional.Count > positional ? line.Positional[positional] : null;
        var directory = given ?? Path.Combine(Daemon.Options.Load(line).DataDir, "journal");
        if (Directory.Exists(Path.Combine(directory, "journal")))
        {
            directory = Path.Combine(directory, "journal");
        }

        return Directory.Exists(directory)
            ? directory
            : throw new SetupException(ExitCode.Config, $"There is no journal directory {directory}; give one after --journal, or the gatherer's configuration with --config.");
    }
}
