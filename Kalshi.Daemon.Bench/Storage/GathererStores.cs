using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kalshi.Daemon.Bench.Storage;

/// <summary>One journal as the stores of three gatherers: loaded once, copied twice. Gone when disposed.</summary>
internal sealed class GathererStores : IAsyncDisposable
{
    private const int Count = 3;
    private readonly List<BenchDatabase> _databases = [];

    public IReadOnlyList<BenchDatabase> All => _databases;

    public string[] Dsns => [.. _databases.Select(database => database.Dsn)];

    public static async Task<GathererStores> LoadAsync(string folder, string server)
    {
        var stores = new GathererStores();
        try
        {
            var first = await BenchDatabase.CreateAsync(server, "off", Migrations.Gatherer);
            stores._databases.Add(first);
            Load(folder, first.Dsn);
            for (var copy = 1; copy < Count; copy++)
            {
                var database = await first.CopyAsync();
                stores._databases.Add(database);
                // Else it would be taken for the first gatherer, read twice.
                await database.ExecuteAsync($"update kalshid.store set first_record_at = first_record_at - interval '{copy} microseconds'");
            }

            return stores;
        }
        catch
        {
            await stores.DisposeAsync();
            throw;
        }
    }

    private static void Load(string folder, string dsn)
    {
        using var database = new StoreDatabase(dsn, TimeSpan.FromMinutes(5));
        var settings = new LoaderSettings("bench", Path.Combine(folder, "journal"), "off", false, new Options().StoreBatchRowsMax, TimeSpan.FromMilliseconds(250), Writers: 1, TimeSpan.FromMinutes(5));
        using var loader = new Loader(database, settings, () => long.MaxValue, NullLogger.Instance);
        loader.Start();
        Checks.That(loader.Stop(Timeout.InfiniteTimeSpan), $"The loader reaches the journal's end: {loader.Counters.State}");
        using var upkeep = new StoreUpkeep(
            database, new UpkeepSettings(TimeSpan.Zero, TimeSpan.Zero, DirectCompress: false, MarketIndex: false, TimeSpan.FromHours(1), TimeSpan.FromHours(1)), NullLogger.Instance, UpkeepKind.Gatherer);
        upkeep.FinishAsync(CancellationToken.None).GetAwaiter().GetResult();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var database in _databases)
        {
            await database.DisposeAsync();
        }
    }
}
