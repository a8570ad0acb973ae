using Kalshi.Daemon.Export;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Books;
using Kalshi.Daemon.Tests.Export;
using Kalshi.Daemon.Verify;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>A journal, and the store that the real loader makes of it.</summary>
internal sealed class StoreRig : IDisposable
{
    public readonly ExportFixture Fixture = new();
    public readonly StoreDatabase Database;

    public StoreRig(string dsn)
    {
        Dsn = dsn;
        Database = new StoreDatabase(dsn, TimeSpan.FromSeconds(30));
    }

    public string Dsn { get; }

    public string Journal => Path.Combine(Fixture.DataDirectory, "journal");

    public static async Task<StoreRig> NewAsync(StoreFlavour flavour) => new(await flavour.NewDatabaseAsync());

    /// <summary>Appends a script's records, `stretch` times as far apart as it has them.</summary>
    public StoreRig Append(Script script, long stretch = 1)
    {
        foreach (var (at, session, kind, bytes, _) in script.Records)
        {
            Fixture.Append(ExportFixture.Start + (at * stretch), session, kind, bytes);
        }

        Fixture.Close();
        return this;
    }

    /// <summary>Loads the journal to its end, in batches so small that every table and merge crosses many.</summary>
    public void Load(int batchRowsMax = 100, bool directCompress = false)
    {
        Fixture.Close();
        var settings = new LoaderSettings("test", Journal, "auto", directCompress, batchRowsMax, TimeSpan.FromMilliseconds(5), 1, TimeSpan.FromMinutes(1));
        using var loader = new Loader(Database, settings, () => long.MaxValue, NullLogger.Instance);
        loader.Start();
        Assert.That(loader.Stop(TimeSpan.FromMinutes(2)), Is.True, () => loader.Fault?.ToString() ?? "the loader did not come to the journal's end");
    }

    public VerifyReport Verify(string? truth = null) => Verification.Run("test", audit => StoreSource.Read(Database, audit), truth);

    public VerifyReport VerifyJournal(string? truth = null) => Verification.Run("test", audit => JournalSource.Read(Journal, audit), truth);

    /// <summary>Exports the store into <see cref="StoreTarget"/>.</summary>
    public ExportReport Export(bool untilNow = false)
    {
        var directory = new LocalDirectory(StoreTarget);
        var settings = new ExportSettings(Fixture.DataDirectory, "test", directory.ToString(), untilNow, () => Fixture.Now) { StateName = "state-store" };
        return new Exporter(settings, directory, NullLogger.Instance, (sink, state) => StoreExportSource.Open(Database, sink, state, NullLogger.Instance)).Run();
    }

    public string StoreTarget => Fixture.Target + "-store";

    public async Task<long> NumberAsync(string sql)
    {
        await using var connection = await Database.OpenAsync(CancellationToken.None);
        await using var command = new Npgsql.NpgsqlCommand(sql, connection);
        return Convert.ToInt64(await command.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture);
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = await Database.OpenAsync(CancellationToken.None);
        await connection.ExecuteAsync(sql);
    }

    public void Dispose()
    {
        Database.Dispose();
        Fixture.Dispose();
    }
}
