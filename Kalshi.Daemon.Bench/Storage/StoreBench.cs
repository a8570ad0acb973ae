using System.Diagnostics;
using System.Globalization;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Kalshi.Daemon.Bench.Storage;

/// <summary>
/// Journal → committed rows, beside `psql \copy … (format binary)` of the very same rows into identical tables, turn by turn in one run;
/// bytes a row on disk; and how long a received frame takes to be visible in SQL.
/// </summary>
/// <code>
/// journal ─▶ Loader ─▶ database A ─▶ psql \copy to file, table by table ─▶ psql \copy from file ─▶ database B
/// paced frames ─▶ JournalWriter ─▶ Loader ─▶ database ◀─ cursor polled ─▶ received → visible
/// </code>
internal static class StoreBench
{
    private const int Rounds = 3;
    private static readonly string[] Streams = ["orderbook_deltas", "orderbook_snapshots", "trades", "tickers", "lifecycle_events"];

    /// <param name="dsns">A plain PostgreSQL, and one with TimescaleDB if there is one: DSNs of databases beside which others may be created.</param>
    public static async Task<int> RunAsync(int frames, params string[] dsns)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"kalshid-store-bench-{Environment.ProcessId}");
        try
        {
            var journal = new FrameJournal(folder);
            SeededJournal.Fill(journal, frames);
            journal.Close();
            Console.WriteLine($"seeded, 20,000 markets: {journal.Frames:N0} frames, {journal.Deltas:N0} deltas, {journal.Bytes / 1e6:N0} MB");
            await RateAsync("plain partitions", folder, dsns[0], "off", directCompress: false);
            if (dsns.Length > 1)
            {
                await RateAsync("hypertable", folder, dsns[1], "on", directCompress: false);
                await RateAsync("hypertable, direct compress", folder, dsns[1], "on", directCompress: true);
            }

            Console.WriteLine("received -> visible in SQL (batches of at most 250 ms)");
            await LatencyBench.RunAsync(folder, dsns[0], 2_000);
            await LatencyBench.RunAsync(folder, dsns[0], 20_000);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static async Task RateAsync(string name, string folder, string dsn, string timescale, bool directCompress)
    {
        var file = Path.Combine(folder, "rows");
        var loads = new List<Load>();
        var copies = new List<double>();
        long bytes = 0;
        for (var round = 0; round < Rounds; round++)
        {
            await using var own = await BenchDatabase.CreateAsync(dsn, timescale, Migrations.Gatherer);
            loads.Add(Run(folder, own.Dsn, timescale, directCompress));
            bytes = await own.BytesAsync("orderbook_deltas");

            await using var twin = await BenchDatabase.CreateAsync(dsn, timescale, Migrations.Gatherer);
            await twin.PrepareTwinAsync(own);
            double seconds = 0;
            foreach (var table in Streams)
            {
                own.Psql($@"\copy (select * from kalshid.{table} order by received_at) to '{file}' (format binary)");
                var set = directCompress ? "set timescaledb.enable_direct_compress_copy = on;" : "";
                seconds += twin.Psql($@"\copy kalshid.{table} from '{file}' (format binary)", set);
            }

            copies.Add(loads[^1].StreamRows / seconds);
        }

        var best = loads.MaxBy(load => load.Rows / load.Wall)!;
        var psql = copies.Max();
        var pairs = loads.Zip(copies, (load, copy) => load.Rows / load.Wall / copy).Order().ToArray();
        Console.WriteLine(
            $"{name,-28} loader {best.Rows / best.Wall / 1e3,6:N0} k rows/s, {best.Cpu / best.Rows * 1e6:F2} us of its CPU a row; psql {psql / 1e3,6:N0} k rows/s; "
            + $"loader / psql {pairs[pairs.Length / 2]:F2} (median of {Rounds} pairs; target >= 0.8, >= 300 k); {bytes / (double)best.Deltas:F1} bytes a delta row");
    }

    private static Load Run(string folder, string dsn, string timescale, bool directCompress)
    {
        using var database = new StoreDatabase(dsn, TimeSpan.FromMinutes(5));
        var settings = new LoaderSettings(
            "bench", Path.Combine(folder, "journal"), timescale, directCompress, 50_000, TimeSpan.FromMilliseconds(250), Writers: 1, TimeSpan.FromMinutes(5));
        using var loader = new Loader(database, settings, () => long.MaxValue, NullLogger.Instance);
        GC.Collect();
        var cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        loader.Start();
        Checks.That(loader.Stop(Timeout.InfiniteTimeSpan), $"The loader reaches the journal's end: {loader.Counters.State}");
        var (wall, used) = (clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
        using var connection = new NpgsqlConnection(dsn + ";Pooling=false");
        connection.Open();
        using var count = new NpgsqlCommand($"select {string.Join(" + ", Streams.Select(table => $"(select count(*) from kalshid.{table})"))}, (select count(*) from kalshid.orderbook_deltas)", connection);
        using var reader = count.ExecuteReader();
        reader.Read();
        return new Load(loader.Counters.Rows, reader.GetInt64(0), reader.GetInt64(1), wall, used);
    }

    private sealed record Load(long Rows, long StreamRows, long Deltas, double Wall, double Cpu);
}

/// <summary>A database of its own on the bench's server, gone when disposed.</summary>
internal sealed class BenchDatabase : IAsyncDisposable
{
    private static int _count;
    private readonly string _server;
    private readonly NpgsqlConnectionStringBuilder _text;

    private BenchDatabase(string server, string name)
    {
        _server = server;
        _text = new NpgsqlConnectionStringBuilder(server) { Database = name };
    }

    public string Dsn => _text.ConnectionString;

    public static async Task<BenchDatabase> CreateAsync(string server, string timescale, Migrations migrations)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"bench_{Environment.ProcessId}_{++_count}");
        await ExecuteAsync(server, $"create database {name}");
        var database = new BenchDatabase(server, name);
        using var store = new StoreDatabase(database.Dsn, TimeSpan.FromMinutes(1));
        await migrations.ApplyAsync(store, timescale);
        return database;
    }

    /// <summary>Another with the same rows; nobody may be connected to this one.</summary>
    public async Task<BenchDatabase> CopyAsync()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"bench_{Environment.ProcessId}_{++_count}");
        await ExecuteAsync(_server, $"create database {name} template {_text.Database}");
        return new BenchDatabase(_server, name);
    }

    /// <summary>The partitions or chunks of the other, empty.</summary>
    public async Task PrepareTwinAsync(BenchDatabase own)
    {
        await using var connection = new NpgsqlConnection(own.Dsn + ";Pooling=false");
        await connection.OpenAsync();
        await using var range = new NpgsqlCommand("select min(received_at)::text, max(received_at)::text from kalshid.orderbook_snapshots", connection);
        await using var reader = await range.ExecuteReaderAsync();
        await reader.ReadAsync();
        await ExecuteAsync(Dsn, $"select kalshid.make_partitions('{reader.GetString(0)}', '{reader.GetString(1)}')");
        await ExecuteAsync(Dsn, "checkpoint");
    }

    public Task RunAsync(string sql) => ExecuteAsync(Dsn, sql);

    public async Task<long> BytesAsync(string table)
    {
        await using var connection = new NpgsqlConnection(Dsn + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"select case when (select is_timescale from kalshid.store) then null else (select sum(pg_total_relation_size(inhrelid)) from pg_inherits where inhparent = 'kalshid.{table}'::regclass) end", connection);
        if (await command.ExecuteScalarAsync() is decimal bytes)
        {
            return (long)bytes;
        }

        await using var hypertable = new NpgsqlCommand($"select hypertable_size('kalshid.{table}')", connection);
        return (long)(await hypertable.ExecuteScalarAsync())!;
    }

    /// <summary>Runs psql; returns its seconds.</summary>
    public double Psql(string command, string before = "")
    {
        var start = new ProcessStartInfo("psql", ["-Xq", "-v", "ON_ERROR_STOP=1", .. before.Length > 0 ? new[] { "-c", before } : [], "-c", command]);
        start.Environment["PGHOST"] = _text.Host;
        start.Environment["PGPORT"] = _text.Port.ToString(CultureInfo.InvariantCulture);
        start.Environment["PGUSER"] = _text.Username;
        start.Environment["PGDATABASE"] = _text.Database;
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        process.WaitForExit();
        Checks.That(process.ExitCode == 0, $"psql succeeds: {command}");
        return clock.Elapsed.TotalSeconds;
    }

    /// <summary>All rows of a table into another database's, by psql at both ends.</summary>
    public void PipeTo(BenchDatabase other, string table)
    {
        var pipe = $"psql -Xq -c \"copy kalshid.{table} to stdout (format binary)\" {Address} | psql -Xq -v ON_ERROR_STOP=1 -c \"copy kalshid.{table} from stdin (format binary)\" {other.Address}";
        using var process = Process.Start(new ProcessStartInfo("bash", ["-c", $"set -o pipefail; {pipe}"]))!;
        process.WaitForExit();
        Checks.That(process.ExitCode == 0, $"psql succeeds: {pipe}");
    }

    private string Address => $"\"host={_text.Host} port={_text.Port} user={_text.Username} dbname={_text.Database}\"";

    public async ValueTask DisposeAsync() => await ExecuteAsync(_server, $"drop database {_text.Database} with (force)");

    private static async Task ExecuteAsync(string dsn, string sql)
    {
        await using var connection = new NpgsqlConnection(dsn + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 600 };
        await command.ExecuteNonQueryAsync();
    }
}
