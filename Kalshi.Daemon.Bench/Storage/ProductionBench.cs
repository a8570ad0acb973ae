using System.Diagnostics;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Kalshi.Daemon.Bench.Storage;

/// <summary>
/// Merged changes → committed rows of production, with and without the index by market and time; and beside each what gatherers' tables
/// take, which have no index at all.
/// </summary>
/// <code>
/// generated changes ─▶ ProductionBatch ─▶ ProductionStore ─one transaction a turn─▶ database
/// </code>
internal static class ProductionBench
{
    private const int Markets = 20_000;
    private const int TurnRows = 50_000;
    private const int Rounds = 3;
    private const long At = 1_795_000_000_000_000;

    /// <param name="dsns">A plain PostgreSQL, and one with TimescaleDB if there is one: DSNs of databases beside which others may be created.</param>
    public static async Task<int> RunAsync(int rows, params string[] dsns)
    {
        Console.WriteLine($"{rows:N0} changes of {Markets:N0} markets in turns of {TurnRows:N0}, a second of the exchange each; target of dedup >= 210 k input rows/s of three gatherers = 70 k of production");
        foreach (var (name, dsn, timescale) in dsns.Select((dsn, i) => i == 0 ? ("plain partitions", dsn, "off") : ("hypertable", dsn, "on")))
        {
            await MeasureAsync($"{name}, index by market", dsn, timescale, rows, isIndexed: true, writers: 1);
            await MeasureAsync($"{name}, two writers", dsn, timescale, rows, isIndexed: true, writers: 2);
            await MeasureAsync($"{name}, no index", dsn, timescale, rows, isIndexed: false, writers: 1);
        }

        return 0;
    }

    private static async Task MeasureAsync(string name, string dsn, string timescale, int rows, bool isIndexed, int writers)
    {
        var rates = new List<(double Rate, double Cpu)>();
        double bytes = 0;
        for (var round = 0; round < Rounds; round++)
        {
            await using var own = await BenchDatabase.CreateAsync(dsn, timescale, Migrations.Production);
            await own.RunAsync($"select kalshid.set_market_index('orderbook_deltas', '{(isIndexed ? "always" : "none")}')");
            rates.Add(Write(own.Dsn, timescale, rows, writers));
            bytes = await own.BytesAsync("orderbook_deltas") / (double)rows;
        }

        var (rate, cpu) = rates.OrderBy(each => each.Rate).ElementAt(Rounds / 2);
        Console.WriteLine($"{name,-36} {rate / 1e3,6:N0} k rows/s (median of {Rounds}), {cpu * 1e6:F2} us of its CPU a row, {bytes:F1} bytes a row on disk");
    }

    private static (double Rate, double Cpu) Write(string dsn, string timescale, int rows, int writers)
    {
        using var database = new StoreDatabase(dsn, TimeSpan.FromMinutes(5));
        using var store = new ProductionStore(database, new ProductionSettings(["one"], timescale, writers, TimeSpan.FromMinutes(5), 0), NullLogger.Instance);
        store.Open(CancellationToken.None);
        var random = new Random(1);
        GC.Collect();
        var cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        for (var told = 0; told < rows; told += TurnRows)
        {
            var turn = store.Begin();
            var second = At + (told / TurnRows * Micros.PerSecond);
            for (var i = 0; i < TurnRows; i++)
            {
                // A few markets have most of the changes.
                var market = 1 + (int)(Markets * Math.Pow(random.NextDouble(), 3));
                var at = second + (i * 20);
                turn.OnChange(market, new ChangeKey(at, 0), new MarketChange(at, at + 8_000, (Side)random.Next(1, 3), 10_000 * random.Next(1, 99), random.Next(1, 5_000)));
            }

            turn.Watermark = second;
            turn.SetPosition(0, second, At);
            store.Commit(turn, CancellationToken.None);
        }

        store.Flush(CancellationToken.None);
        var (wall, used) = (clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
        using var connection = new NpgsqlConnection(dsn + ";Pooling=false");
        connection.Open();
        using var count = new NpgsqlCommand("select count(*) from kalshid.orderbook_deltas", connection) { CommandTimeout = 600 };
        Checks.That((long)count.ExecuteScalar()! == rows, "Every change is there once.");
        return (rows / wall, used / rows);
    }
}
