using System.Text;
using System.Text.RegularExpressions;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Store;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>What people's queries of production read: the partitions or chunks of their time, of those what an index says, and sources only when asked for.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
[Parallelizable(ParallelScope.Self)]
internal sealed partial class ProductionPlansTest(StoreFlavour flavour)
{
    /// <summary>Three days of 500 markets that have some minutes each: 129,600 changes, and two gatherers that saw all of them.</summary>
    private const string Fill =
        """
        select kalshid.make_partitions('2026-11-01 00:00Z', '2026-11-03 23:59Z');
        insert into kalshid.markets (market_id, ticker, first_seen_at, changed_at) select n, 'KX-' || n, '2026-11-01', '2026-11-01' from generate_series(1, 500) n;
        insert into kalshid.gatherers (gatherer_id, name, position) values (0, 'one', '2026-11-04'), (1, 'two', '2026-11-04');
        insert into kalshid.orderbook_deltas (exchange_at, received_at, delta, market_id, ordinal, price, side)
        select timestamptz '2026-11-01 00:00Z' + n * interval '2 seconds', timestamptz '2026-11-01 00:00Z' + n * interval '2 seconds', 100, 1 + n / 240 % 500, 0, 500000, 'y' from generate_series(0, 129599) n;
        insert into kalshid.trades (exchange_at, received_at, count, market_id, yes_price, no_price, origin, trade_id)
        select timestamptz '2026-11-01 00:00Z' + n * interval '20 seconds', timestamptz '2026-11-01 00:00Z' + n * interval '20 seconds', 100, 1 + n / 24 % 500, 500000, 500000, 's', n::text from generate_series(0, 12959) n;
        insert into kalshid.vouches (market_id, number, gatherer_id, epoch_id, from_at, after_at, after_ordinal)
        select n, g + 1, g, '2026-11-01Z', '2026-11-01Z', '2026-10-31Z', -1 from generate_series(1, 500) n, generate_series(0, 1) g;
        update kalshid.store set watermark = '2026-11-04', margin = '10 seconds';
        select kalshid.summarize_partitions('2026-11-01', '2026-11-04');
        analyze kalshid.markets; analyze kalshid.vouches; analyze kalshid.gatherers;
        """;

    private const string Since = "2026-11-02 01:00Z";
    private const string Until = "2026-11-02 20:30Z";

    private StoreDatabase _database = null!;
    private NpgsqlConnection _connection = null!;

    [SetUp]
    public async Task MakeProduction()
    {
        _database = new StoreDatabase(await flavour.NewDatabaseAsync(), TimeSpan.FromSeconds(30));
        await Migrations.Production.ApplyAsync(_database, "auto");
        _connection = await _database.OpenAsync(CancellationToken.None);
        await _connection.ExecuteAsync(Fill);
    }

    [TearDown]
    public async Task Close()
    {
        if (_connection is not null)
        {
            await _connection.DisposeAsync();
            _database.Dispose();
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task One_markets_rows_come_by_the_index_of_markets(bool compressed)
    {
        if (compressed)
        {
            await CompressAsync();
        }

        foreach (var query in (string[])[
            $"select * from kalshi.orderbook_deltas where ticker = 'KX-300' and exchange_at between '{Since}' and '{Until}'",
            $"select * from kalshi.orderbook_deltas_of('KX-300', '{Since}', '{Until}')"])
        {
            var plan = await PlanAsync(query);
            Assert.That(Partitions(plan), Is.EqualTo(1), plan);
            Assert.That(plan, Does.Match(@"Index Cond: \(\(market_id = "), plan);
            Assert.That(plan, Does.Not.Match("Seq Scan on (?!gatherers)"), plan);
            Assert.That(Rows(plan), Is.EqualTo(240), plan);
        }

        var trades = await PlanAsync($"select * from kalshi.trades_of('KX-300', '{Since}', '{Until}')");
        Assert.That(Partitions(trades), Is.EqualTo(1), trades);
        Assert.That(trades, compressed ? Does.Contain("_ts_meta_") : Does.Match(@"Index Cond: \(\(market_id = "), trades);
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_bounded_read_reads_one_partition_by_its_time(bool compressed)
    {
        if (compressed)
        {
            await CompressAsync();
        }

        var plan = await PlanAsync("select * from kalshid.orderbook_deltas where exchange_at >= '2026-11-02 01:00Z' and exchange_at < '2026-11-02 02:00Z'");
        Assert.That(Partitions(plan), Is.EqualTo(1), plan);
        Assert.That(plan, compressed ? Does.Contain("_ts_meta_") : Does.Contain("Bitmap Index Scan").Or.Contain("Index Scan"), plan);
        Assert.That(Removed(plan), Is.LessThan(10_000), plan);
    }

    [Test]
    public async Task Sources_cost_nothing_when_they_are_not_asked_for()
    {
        const string range = "exchange_at between '2026-11-02 01:00Z' and '2026-11-02 01:10Z'";
        Assert.That(await PlanAsync($"select * from kalshi.orderbook_deltas where {range}"), Does.Contain("vouches_last"));
        foreach (var query in (string[])[
            $"select exchange_at, ordinal, ticker, side, price, delta, received_at from kalshi.orderbook_deltas where {range}",
            $"select count(*) from kalshi.orderbook_deltas where {range}",
            $"select price, delta from kalshi.orderbook_deltas_of('KX-300', '{Since}', '{Until}')",
            "select ticker, state from kalshi.coverage"])
        {
            Assert.That(await PlanAsync(query), Does.Not.Contain("vouches"));
        }
    }

    [TestCase("event")]
    [TestCase("series")]
    public async Task The_history_of_one_object_comes_by_its_index(string kind)
    {
        await _connection.ExecuteAsync(
            $"""
            insert into kalshid.{kind}_history (changed_at, {kind}_ticker, {(kind == "event" ? "origin, " : "")}payload)
            select timestamptz '2026-11-01 00:00Z' + n * interval '1 second', 'KX-' || n % 5000, {(kind == "event" ? "'rest', " : "")}repeat('x', 200) from generate_series(1, 20000) n;
            analyze kalshid.{kind}_history;
            """);
        var plan = await PlanAsync($"select changed_at, payload from kalshid.{kind}_history where {kind}_ticker = 'KX-300'");
        Assert.That(plan, Does.Contain($"{kind}_history_{kind}").And.Not.Contain("Seq Scan"), plan);
        Assert.That(Rows(plan), Is.EqualTo(4), plan);
    }

    private async Task CompressAsync()
    {
        if (!flavour.HasTimescale)
        {
            Assert.Ignore("only with TimescaleDB");
        }

        await _connection.ExecuteAsync("select compress_chunk(partition) from kalshid.partitions() where stream in ('orderbook_deltas', 'trades')");
    }

    private async Task<string> PlanAsync(string sql)
    {
        await using var command = new NpgsqlCommand($"explain (analyze, costs off, timing off, summary off) {sql}", _connection);
        await using var reader = await command.ExecuteReaderAsync();
        var plan = new StringBuilder(sql).Append('\n');
        while (await reader.ReadAsync())
        {
            plan.AppendLine(reader.GetString(0));
        }

        return plan.ToString();
    }

    /// <summary>Chunks or partitions of a stream that are read.</summary>
    private static int Partitions(string plan) => Partition().Matches(plan).Select(match => match.Groups[1].Value).Distinct().Count();

    private static long Removed(string plan) => RemovedRows().Matches(plan).Sum(match => long.Parse(match.Groups[1].Value, null));

    /// <summary>Of the whole answer.</summary>
    private static long Rows(string plan) => long.Parse(ActualRows().Match(plan).Groups[1].Value, null);

    [GeneratedRegex(@"Scan[^\n]* on (?:kalshid\.|_timescaledb_internal\.)?(\w+_202611\d\d_\d\d|_hyper_\d+_\d+_chunk)\b")]
    private static partial Regex Partition();

    [GeneratedRegex(@"Rows Removed by [\w ]+: (\d+)")]
    private static partial Regex RemovedRows();

    [GeneratedRegex(@"actual rows=(\d+)")]
    private static partial Regex ActualRows();
}
