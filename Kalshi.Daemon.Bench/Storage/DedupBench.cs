using System.Diagnostics;
using System.Globalization;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Kalshi.Daemon.Bench.Storage;

/// <summary>
/// Three gatherers' stores of the same frames: read and merged by received_at alone, then into one production, end to end; and beside that what psql takes to copy the
/// three of them, row for row, into tables without an index.
/// <code>
/// journal ─▶ Loader ─▶ database A ─▶ copies B, C │ A, B, C ─▶ dedup ─▶ production
///                                                │ A, B, C ─▶ psql copy … to stdout │ psql copy … from stdin ─▶ a twin of A
/// </code>
/// </summary>
internal static class DedupBench
{
    private const int Frames = 1_000_000;
    private const int Rounds = 3;
    private const double Target = 210_000;
    private static readonly string[] Streams = ["orderbook_deltas", "orderbook_snapshots", "trades", "tickers", "lifecycle_events"];

    /// <param name="dsn">A PostgreSQL on this machine beside whose database others may be created.</param>
    public static async Task<int> RunAsync(string dsn)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"kalshid-dedup-bench-{Environment.ProcessId}");
        try
        {
            var journal = new FrameJournal(folder);
            SeededJournal.Fill(journal, Frames);
            journal.Close();
            await using var stores = await GathererStores.LoadAsync(folder, dsn);
            var dsns = stores.Dsns;
            Console.WriteLine($"three stores of {journal.Frames:N0} frames, {journal.Deltas:N0} deltas each");
            Console.WriteLine("gatherers' stores -> turns");
            SourceBench.Run(dsns, journal.Deltas);
            Console.WriteLine("gatherers' stores -> production, committed");
            for (var round = 0; round < Rounds; round++)
            {
                await MeasureAsync(dsn, dsns, journal.Deltas);
                await CopyAsync(dsn, stores.All);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static async Task MeasureAsync(string dsn, string[] gatherers, long deltas)
    {
        await using var production = await BenchDatabase.CreateAsync(dsn, "off", Migrations.Production);
        var options = Options.Load(null, [], [$"dedup.production_dsn={production.Dsn}", "dedup.timescale=off", .. gatherers.Select((each, i) => $"dedup.gatherer.g{i}={each}")]);
        using var database = new StoreDatabase(production.Dsn, TimeSpan.FromMinutes(5));
        using var store = new ProductionStore(database, ProductionSettings.Of(options), NullLogger.Instance);
        var merging = new Merging(options, store, NullLogger.Instance);
        using var stop = new CancellationTokenSource();
        GC.Collect();
        var (own, servers, clock) = (Environment.CpuUsage.TotalTime, ServerCpu.Of(dsn), Stopwatch.StartNew());
        var running = Task.Factory.StartNew(() => merging.Run(stop.Token), TaskCreationOptions.LongRunning);
        var end = await EndOfAsync(gatherers[0]);
        long peak = 0;
        while (store.Counters.Watermark < end && !running.IsCompleted)
        {
            peak = Math.Max(peak, Environment.WorkingSet);
            await Task.Delay(5);
        }

        var seconds = clock.Elapsed.TotalSeconds;
        own = Environment.CpuUsage.TotalTime - own;
        servers = ServerCpu.Of(dsn) - servers;
        var rows = Enumerable.Range(0, gatherers.Length).Sum(gatherer => merging.View!.Turns.CountersOf(gatherer).Rows);
        await stop.CancelAsync();
        await running;
        await using var connection = new NpgsqlConnection(production.Dsn + ";Pooling=false");
        await connection.OpenAsync();
        await using var count = new NpgsqlCommand("select (select count(*) from kalshid.orderbook_deltas) - $1, (select count(*) from kalshid.coverage where state = 'gap')", connection) { CommandTimeout = 600 };
        count.Parameters.Add(new NpgsqlParameter<long> { TypedValue = deltas });
        await using var reader = await count.ExecuteReaderAsync();
        await reader.ReadAsync();
        Checks.That(reader.GetInt64(0) == 0, $"Every change is in production once; it has {reader.GetInt64(0)} more than the stores, and {reader.GetInt64(1)} gaps.");
        var cpu = (own + servers).TotalSeconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  dedup {rows / seconds / 1e3,6:N0} k input rows/s (target >= {Target / 1e3:N0} k); {cpu / rows * 1e6:F2} us CPU an input row, of which PostgreSQL {servers.TotalSeconds / cpu * 100:N0} %, kalshid {own.TotalSeconds / cpu * 100:N0} %; "
            + $"{seconds:F1} s, {store.Counters.Turn} turns, {peak / 1048576.0:N0} MiB resident at most"));
    }

    private static async Task<long> EndOfAsync(string dsn)
    {
        await using var connection = new NpgsqlConnection(dsn + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand("select (extract(epoch from position) * 1000000)::int8 from kalshid.cursors where name = 'loader'", connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>The rival moves the same input rows, all of them, and decides nothing.</summary>
    private static async Task CopyAsync(string dsn, IReadOnlyList<BenchDatabase> gatherers)
    {
        await using var twin = await BenchDatabase.CreateAsync(dsn, "off", Migrations.Gatherer);
        await twin.PrepareTwinAsync(gatherers[0]);
        var (servers, clock) = (ServerCpu.Of(dsn), Stopwatch.StartNew());
        foreach (var gatherer in gatherers)
        {
            foreach (var table in Streams)
            {
                gatherer.PipeTo(twin, table);
            }
        }

        var seconds = clock.Elapsed.TotalSeconds;
        servers = ServerCpu.Of(dsn) - servers;
        await using var connection = new NpgsqlConnection(twin.Dsn + ";Pooling=false");
        await connection.OpenAsync();
        await using var count = new NpgsqlCommand($"select {string.Join(" + ", Streams.Select(table => $"(select count(*) from kalshid.{table})"))}", connection) { CommandTimeout = 600 };
        var rows = (long)(await count.ExecuteScalarAsync())!;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  psql | psql of the same rows, one store after the other, no index {rows / seconds / 1e3,6:N0} k rows/s; PostgreSQL {servers.TotalSeconds / rows * 1e6:F2} us CPU a row"));
    }
}
