using System.Diagnostics;
using System.Globalization;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Kalshi.Daemon.Bench.Storage;

/// <summary>
/// Journal → committed rows, beside `psql \copy … (format binary)` of the very same rows, one connection and a transaction a table, into
/// identical tables, turn by turn in one run; bytes a row on disk, as written and when the day is over; and how long a received frame takes to be visible in SQL.
/// </summary>
/// <code>
/// journal ─▶ Loader ─▶ database A ─▶ psql \copy to file, table by table ─▶ psql \copy from file ─▶ database B
/// paced frames ─▶ JournalWriter ─▶ Loader ─▶ database ◀─ cursor polled ─▶ received → visible
/// </code>
internal static class StoreBench
{
    private const int Rounds = 3;
    private static readonly string[] Streams = ["orderbook_deltas", "orderbook_snapshots", "trades", "tickers", "lifecycle_events", "other_frames", "rejected_frames"];
    private static readonly string[] Tables = [.. Streams, "markets", "market_history", "exchange_ids", "sessions", "epochs", "coverage"];
    private static readonly string AllRows = string.Join(" union all ", Tables.Select(table => $"select count(*) as rows from kalshid.{table}"));

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
        var rounds = new List<Round>();
        for (var round = 0; round < Rounds; round++)
        {
            await using var own = await BenchDatabase.CreateAsync(dsn, timescale, Migrations.Gatherer);
            var one = await LoadAsync(folder, own, timescale, directCompress, writers: 1);
            rounds.Add(new Round(one, await LoadByTwoAsync(folder, dsn, timescale, directCompress), one.Rows / await CopyAsync(folder, own, dsn, timescale, directCompress)));
            if (round == Rounds - 1)
            {
                await PrintAsync(name, rounds, own);
            }
        }
    }

    private static async Task<Load> LoadByTwoAsync(string folder, string dsn, string timescale, bool directCompress)
    {
        await using var own = await BenchDatabase.CreateAsync(dsn, timescale, Migrations.Gatherer);
        return await LoadAsync(folder, own, timescale, directCompress, writers: 2);
    }

    private static async Task PrintAsync(string name, List<Round> rounds, BenchDatabase own)
    {
        Console.WriteLine($"{name,-28} psql {rounds.Max(round => round.Copy) / 1e3,6:N0} k rows/s (loader / psql: medians of {Rounds} rounds; target >= 0.8, >= 300 k)");
        PrintLoads("one connection", rounds, round => round.One);
        PrintLoads("store.writers = 2", rounds, round => round.Two);
        var deltas = await own.CountAsync("kalshid.orderbook_deltas");
        var written = await own.BytesAsync("orderbook_deltas");
        var done = await own.FinishAsync("orderbook_deltas");
        Console.WriteLine($"{"",-28} {written / (double)deltas:F1} bytes a delta row as written, {await own.BytesAsync("orderbook_deltas") / (double)deltas:F1} {done}");
    }

    private static void PrintLoads(string how, List<Round> rounds, Func<Round, Load> loadOf)
    {
        double Median(Func<Load, double> rateOf) => rounds.Select(round => rateOf(loadOf(round)) / round.Copy).Order().ElementAt(Rounds / 2);

        var best = rounds.Select(loadOf).MaxBy(load => load.Rate)!;
        Console.WriteLine(
            $"{"",-28} {how,-17} {best.Rate / 1e3,6:N0} k rows/s, {best.SteadyRate / 1e3:N0} k past its start; {best.Cpu / best.Rows * 1e6:F2} us of its CPU a row; "
            + $"loader / psql {Median(load => load.Rate):F2}, {Median(load => load.SteadyRate):F2} past its start");
    }

    /// <summary>Every table copied to a file, and from there to a twin of the database. Returns the seconds of the latter.</summary>
    private static async Task<double> CopyAsync(string folder, BenchDatabase own, string dsn, string timescale, bool directCompress)
    {
        string FileOf(string table) => Path.Combine(folder, $"rows.{table}");

        await using var twin = await BenchDatabase.CreateAsync(dsn, timescale, Migrations.Gatherer);
        await twin.PrepareTwinAsync(own);
        own.Psql([.. Tables.Select(table => $@"\copy (select * from kalshid.{table}{(Streams.Contains(table) ? " order by received_at" : "")}) to '{FileOf(table)}' (format binary)")]);
        var seconds = twin.Psql([
            .. directCompress ? new[] { "set timescaledb.enable_direct_compress_copy = on" } : [],
            .. Tables.Select(table => $@"\copy kalshid.{table} from '{FileOf(table)}' (format binary)")]);
        Checks.That(await twin.CountAsync(AllRows) == await own.CountAsync(AllRows), "psql copied every row");
        foreach (var table in Tables)
        {
            File.Delete(FileOf(table)); // Not written back yet: the next loader's own small files would wait for the disk.
        }

        return seconds;
    }

    private static async Task<Load> LoadAsync(string folder, BenchDatabase own, string timescale, bool directCompress, int writers)
    {
        using var database = new StoreDatabase(own.Dsn, TimeSpan.FromMinutes(5));
        var settings = new LoaderSettings(
            "bench", Path.Combine(folder, "journal"), timescale, directCompress, new Options().StoreBatchRowsMax, TimeSpan.FromMilliseconds(250), writers, TimeSpan.FromMinutes(5));
        using var loader = new Loader(database, settings, () => long.MaxValue, NullLogger.Instance);
        GC.Collect();
        var cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        loader.Start();
        var steps = new List<(double At, long Rows)>();
        using var isOver = new ManualResetEventSlim();
        var watching = Task.Run(() => Watch(loader.Counters, clock, steps, isOver));
        Checks.That(loader.Stop(Timeout.InfiniteTimeSpan), $"The loader reaches the journal's end: {loader.Counters.State}");
        var (wall, used) = (clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
        isOver.Set();
        await watching;
        return new Load(await own.CountAsync(AllRows), wall, SteadyRate(steps), used);
    }

    /// <summary>Notes what was committed when.</summary>
    private static void Watch(LoaderCounters counters, Stopwatch clock, List<(double At, long Rows)> steps, ManualResetEventSlim isOver)
    {
        do
        {
            if (counters.Rows is var rows && (steps.Count == 0 || steps[^1].Rows < rows))
            {
                steps.Add((clock.Elapsed.TotalSeconds, rows));
            }
        }
        while (!isOver.Wait(1));
    }

    /// <summary>Rows a second without the first tenth, where 20,000 markets get their rows, and without the last batch, which holds the loader's state.</summary>
    private static double SteadyRate(List<(double At, long Rows)> steps)
    {
        var first = steps.First(step => step.Rows >= steps[^1].Rows / 10);
        return (steps[^2].Rows - first.Rows) / (steps[^2].At - first.At);
    }

    /// <param name="Copy">Rows a second by psql.</param>
    private sealed record Round(Load One, Load Two, double Copy);

    private sealed record Load(long Rows, double Wall, double SteadyRate, double Cpu)
    {
        public double Rate => Rows / Wall;
    }
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

    /// <summary>Rows of a table, or the sum of what a query counts.</summary>
    public async Task<long> CountAsync(string what)
    {
        await using var connection = new NpgsqlConnection(Dsn + ";Pooling=false");
        await connection.OpenAsync();
        var sql = what.StartsWith("select ", StringComparison.Ordinal) ? $"select sum(rows)::int8 from ({what}) counts" : $"select count(*) from {what}";
        await using var command = new NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Does with the table's partitions or chunks what the upkeep, or a compression policy, does with closed ones; returns what that was.</summary>
    public async Task<string> FinishAsync(string table)
    {
        if (await IsTimescaleAsync())
        {
            await ExecuteAsync(Dsn, $"select compress_chunk(c, if_not_compressed => true) from show_chunks('kalshid.{table}') c");
            return "after compress_chunk";
        }

        await ExecuteAsync(Dsn, "do $$ begin while kalshid.index_partition('infinity') loop end loop; end $$");
        return "with the index of a closed hour";
    }

    private async Task<bool> IsTimescaleAsync()
    {
        await using var connection = new NpgsqlConnection(Dsn + ";Pooling=false");
        await connection.OpenAsync();
        return await Migrations.IsTimescaleAsync(connection, CancellationToken.None);
    }

    public async Task<long> BytesAsync(string table)
    {
        await using var connection = new NpgsqlConnection(Dsn + ";Pooling=false");
        await connection.OpenAsync();
        var sql = await IsTimescaleAsync()
            ? $"select hypertable_size('kalshid.{table}')"
            : $"select sum(pg_total_relation_size(inhrelid))::int8 from pg_inherits where inhparent = 'kalshid.{table}'::regclass";
        await using var command = new NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Runs psql with one command after the other; returns its seconds.</summary>
    public double Psql(string[] commands)
    {
        var start = new ProcessStartInfo("psql", ["-Xq", "-v", "ON_ERROR_STOP=1", .. commands.SelectMany(command => new[] { "-c", command })]);
        start.Environment["PGHOST"] = _text.Host;
        start.Environment["PGPORT"] = _text.Port.ToString(CultureInfo.InvariantCulture);
        start.Environment["PGUSER"] = _text.Username;
        start.Environment["PGDATABASE"] = _text.Database;
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        process.WaitForExit();
        Checks.That(process.ExitCode == 0, "psql succeeds");
        return clock.Elapsed.TotalSeconds;
    }

    /// <summary>All rows of a table into another database's, by psql at both ends.</summary>
    public void PipeTo(BenchDatabase other, string table)
    {
        var pipe = $"psql -Xq -c \"copy (select * from kalshid.{table}) to stdout (format binary)\" {Address} | psql -Xq -v ON_ERROR_STOP=1 -c \"copy kalshid.{table} from stdin (format binary)\" {other.Address}";
        using var process = Process.Start(new ProcessStartInfo("bash", ["-c", $"set -o pipefail; {pipe}"]))!;
        process.WaitForExit();
        Checks.That(process.ExitCode == 0, $"psql succeeds: {pipe}");
    }

    private string Address => $"\"host={_text.Host} port={_text.Port} user={_text.Username} dbname={_text.Database}\"";

    public Task ExecuteAsync(string sql) => ExecuteAsync(Dsn, sql);

    public async ValueTask DisposeAsync() => await ExecuteAsync(_server, $"drop database {_text.Database} with (force)");

    private static async Task ExecuteAsync(string dsn, string sql)
    {
        await using var connection = new NpgsqlConnection(dsn + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 600 };
        await command.ExecuteNonQueryAsync();
    }
}
