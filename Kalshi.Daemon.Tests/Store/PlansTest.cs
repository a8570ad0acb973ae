using System.Text;
using Kalshi.Daemon.Store;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>What polls and people's queries read: only the chunks or partitions of their time, and of those what an index says.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
[Parallelizable(ParallelScope.Self)]
internal sealed class PlansTest(StoreFlavour flavour)
{
    private const string Day = "2026-11-01";

    /// <summary>Three closed hours and one that is written, of 500 markets that have some minutes each: 120,000 changes.</summary>
    private const string Fill = $"""
        select kalshid.make_partitions('{Day} 00:00Z', '{Day} 03:59Z');
        insert into kalshid.markets (market_id, ticker, first_seen_at, changed_at) select n, 'KX-' || n, '{Day}', '{Day}' from generate_series(1, 500) n;
        insert into kalshid.orderbook_deltas (received_at, epoch_id, seq, delta, market_id, price, side)
        select timestamptz '{Day} 00:00Z' + n * interval '120 milliseconds', '{Day}', n, 100, 1 + n / 240 % 500, 500000, 'y' from generate_series(0, 119999) n;
        insert into kalshid.cursors (name, position) values ('loader', '{Day} 03:59:59Z');
        select kalshid.summarize_partitions('{Day}', '{Day} 04:00Z');
        analyze kalshid.markets;
        """;

    private StoreDatabase _database = null!;
    private NpgsqlConnection _connection = null!;

    [SetUp]
    public async Task MakeStore()
    {
        _database = new StoreDatabase(await flavour.NewDatabaseAsync(), TimeSpan.FromSeconds(30));
        await Migrations.Gatherer.ApplyAsync(_database, "auto");
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

    [TestCase("03:10", "03:12", Description = "the hour that is written")]
    [TestCase("01:10", "01:12", Description = "a closed hour")]
    public async Task A_poll_reads_one_partition_by_its_index(string from, string until)
    {
        var plan = await PlanAsync($"select * from kalshid.orderbook_deltas where received_at > '{Day} {from}Z' and received_at <= '{Day} {until}Z'");
        Assert.That(Partitions(plan), Is.EqualTo(1), plan);
        Assert.That(plan, Does.Contain("Bitmap Index Scan").And.Not.Contain("Seq Scan"), plan);
        Assert.That(Removed(plan), Is.LessThan(20_000), plan);
    }

    [TestCase("03:00", "03:30", Description = "bloom filters")]
    [TestCase("01:00", "01:30", Description = "the b-tree of a closed hour")]
    public async Task One_markets_rows_come_by_the_index_of_markets(string from, string until)
    {
        while ((bool)(await Sql.ScalarAsync(_connection, $"select kalshid.index_partition('{Day} 03:00Z')"))!)
        {
            // Closed hours get their b-tree.
        }

        var range = $"'{Day} {from}Z' and '{Day} {until}Z'";
        var isClosed = from == "01:00";
        foreach (var query in (string[])[$"select * from kalshi.orderbook_deltas where ticker = 'KX-300' and received_at between {range}", $"select * from kalshi.orderbook_deltas_of('KX-300', {range.Replace(" and ", ", ", StringComparison.Ordinal)})"])
        {
            var plan = await PlanAsync(query);
            Assert.That(Partitions(plan), Is.EqualTo(1), plan);
            Assert.That(plan, Does.Match(isClosed ? @"Index Cond: \(\(market_id = .*received_at >= " : @"Index Cond: \(.*\(?market_id = "), plan);
            Assert.That(plan, Does.Not.Contain("Seq Scan"), plan);
        }
    }

    [Test]
    public async Task Compressed_chunks_are_read_by_the_batches_of_the_time_and_the_market()
    {
        if (!flavour.HasTimescale)
        {
            Assert.Ignore("only with TimescaleDB");
        }

        await _connection.ExecuteAsync("select compress_chunk(partition) from kalshid.partitions() where stream = 'orderbook_deltas'");
        var poll = await PlanAsync($"select * from kalshid.orderbook_deltas where received_at > '{Day} 01:10Z' and received_at <= '{Day} 01:12Z'");
        Assert.That(Partitions(poll), Is.EqualTo(1), poll);
        Assert.That(poll, Does.Contain("_ts_meta_"), poll);
        var view = await PlanAsync($"select * from kalshi.orderbook_deltas where ticker = 'KX-300' and received_at between '{Day} 01:00Z' and '{Day} 01:30Z'");
        Assert.That(Partitions(view), Is.EqualTo(1), view);
        var function = await PlanAsync($"select * from kalshi.orderbook_deltas_of('KX-300', '{Day} 01:00Z', '{Day} 01:30Z')");
        Assert.That(Partitions(function), Is.EqualTo(1), function);
        Assert.That(function, Does.Contain("bloom1_contains"), function);
    }

    [Test]
    public async Task A_partition_without_statistics_gets_them_with_its_first_summary()
    {
        if (flavour.HasTimescale)
        {
            Assert.Ignore("the same code; partitions of their own names are easier to look at");
        }

        await _connection.ExecuteAsync(
            $"select kalshid.make_partitions('{Day} 07:00Z', '{Day} 07:00Z'); insert into kalshid.orderbook_deltas (received_at, epoch_id, seq, delta, market_id, price, side) select timestamptz '{Day} 07:00Z' + n * interval '1 millisecond', '{Day}', n, 1, 1, 1, 'y' from generate_series(1, 20000) n");
        var tuples = "select reltuples::int8 from pg_class where oid = 'kalshid.orderbook_deltas_20261101_07'::regclass";
        Assert.That(await Sql.ScalarAsync(_connection, tuples), Is.EqualTo(-1));
        Assert.That(await Sql.ScalarAsync(_connection, $"select kalshid.summarize_partitions('{Day} 07:00Z', '{Day} 08:00Z')"), Is.GreaterThan(1));
        Assert.That(await Sql.ScalarAsync(_connection, tuples), Is.EqualTo(20_000));
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

    /// <summary>Nodes that read a chunk or partition of a stream.</summary>
    private static int Partitions(string plan) => plan.Split('\n').Where(line => line.Contains("Scan", StringComparison.Ordinal) && !line.Contains("compress_hyper", StringComparison.Ordinal))
        .Select(line => Name().Match(line)).Where(match => match.Success).Select(match => match.Groups[1].Value).Distinct().Count();

    private static System.Text.RegularExpressions.Regex Name() => new(@" on (?:kalshid\.|_timescaledb_internal\.)?(\w+_20261101_\d\d|_hyper_\d+_\d+_chunk)\b");

    private static long Removed(string plan) => System.Text.RegularExpressions.Regex.Matches(plan, @"Rows Removed by [\w ]+: (\d+)").Sum(match => long.Parse(match.Groups[1].Value, null));
}
