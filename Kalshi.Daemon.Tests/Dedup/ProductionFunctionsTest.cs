using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Store;
using Npgsql;
using NUnit.Framework;
using Sql = Kalshi.Daemon.Tests.Store.Sql;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Production's functions for people say what a fold of the same rows says, in stretches and between, and who vouches for it.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.Native))]
internal sealed class ProductionFunctionsTest(StoreFlavour flavour)
{
    private const int Dollar = 1_000_000;

    private StoreDatabase _database = null!;
    private NpgsqlConnection _connection = null!;

    [SetUp]
    public async Task MakeProduction()
    {
        _database = new StoreDatabase(await flavour.NewDatabaseAsync(), TimeSpan.FromSeconds(30));
        await Migrations.Production.ApplyAsync(_database, "auto");
        _connection = await _database.OpenAsync(CancellationToken.None);
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

    [Test]
    public async Task Books_tops_coverage_and_sources_are_those_of_a_fold()
    {
        var random = Seeds.New(out var seed);
        var production = new RandomProduction(random, markets: 8);
        await _connection.ExecuteAsync(production.Sql);
        if (flavour.HasTimescale)
        {
            await _connection.ExecuteAsync("select compress_chunk(partition) from kalshid.partitions(until_at => '2026-11-21') where stream in ('orderbook_deltas', 'orderbook_snapshots')");
        }

        foreach (var market in production.Markets)
        {
            var loaded = production.LoadedTo(market);
            var (begin, end) = (RandomProduction.Start - Micros.PerHour, production.Watermark + Micros.PerHour);
            var tops = await TopsAsync(market.Ticker, begin, end);
            Assert.That(tops.Zip(tops.Skip(1), (one, next) => one.At < next.At && one.Top != next.Top), Is.All.True);
            var coverage = await CoverageAsync(market.Ticker, begin, end);
            Assert.That((coverage[0].From, coverage[^1].To), Is.EqualTo((begin, end)));
            Assert.That(coverage.Zip(coverage.Skip(1), (one, next) => one.To == next.From), Is.All.True, string.Join('\n', coverage));
            foreach (var at in Instants(random, market, end))
            {
                var why = $"seed {seed}, {market.Ticker} at {Micros.Format(at)}, loaded to {Micros.Format(loaded)}";
                var cover = market.Stretches.LastOrDefault(stretch => stretch.FromAt <= at && at <= stretch.ToAt);
                var known = market.Stretches.LastOrDefault(stretch => stretch.FromAt <= at);
                var isCovered = cover is not null && at <= loaded;
                Assert.That(await BookAsync(market.Ticker, at, requireCoverage: true), Is.EqualTo(isCovered ? cover!.BookAt(at) : null), why);
                Assert.That(await BookAsync(market.Ticker, at, requireCoverage: false), Is.EqualTo(known?.BookAt(at) ?? []), why);
                Assert.That(tops.LastOrDefault(top => top.At <= at).Top, Is.EqualTo(isCovered ? TopOf(cover!.BookAt(at)) : null), why);
                Assert.That(coverage.Any(piece => piece.State == "whole" && piece.From <= at && at <= piece.To), Is.EqualTo(isCovered), why);
                AssertSources(production, market, cover, coverage, at, why);
            }

            await AssertRowsAsync(production, market, begin, end);
        }
    }

    [Test]
    public async Task What_is_not_covered_not_loaded_or_not_known_is_an_error_that_says_why()
    {
        var production = new RandomProduction(new Random(7), markets: 6);
        await _connection.ExecuteAsync(production.Sql);
        var market = production.Markets.First(market => market.Stretches.Count > 1);
        await AssertRefused("select * from kalshi.orderbook_at('KX-B', now())", "there is no market \"KX-B\"");
        await AssertRefused($"select * from kalshi.orderbook_at('{market.Ticker}', {StoreReader.Spell(production.Watermark + 1)})", "the store holds its book until 2026-11-2");
        await AssertRefused($"select * from kalshi.orderbook_at('{market.Ticker}', {StoreReader.Spell(market.Stretches[0].FromAt - 1)})", "coverage begins 2026-11-20");
        await AssertRefused($"select * from kalshi.orderbook_at('{market.Ticker}', {StoreReader.Spell(market.Stretches[1].FromAt - 1)})", "is not covered at");
        await AssertRefused($"select * from kalshi.orderbook_at('{market.Ticker}', {StoreReader.Spell(market.Stretches[1].FromAt - 1)})", "nobody was there");
        await AssertRefused($"select * from kalshi.coverage_of('{market.Ticker}', now(), now() - interval '1 hour')", "is after until");
        await _connection.ExecuteAsync("select kalshid.drop_partitions('2026-11-21')");
        await AssertRefused($"select * from kalshi.orderbook_at('{market.Ticker}', {StoreReader.Spell(market.Stretches[0].FromAt)})", "were dropped by retention");
        Assert.That((await CoverageAsync(market.Ticker, market.Stretches[0].FromAt, market.Stretches[0].FromAt + 1)).Single().Reason, Is.EqualTo("dropped by retention"));

        async Task AssertRefused(string sql, string because)
        {
            var e = await Assert.ThrowsAsync<PostgresException>(() => _connection.ExecuteAsync(sql));
            Assert.That(e!.MessageText, Does.Contain(because));
        }
    }

    [Test]
    public async Task A_channel_is_whole_where_one_gatherer_has_it()
    {
        await _connection.ExecuteAsync(
            """
            update kalshid.store set watermark = '2026-11-20 10:00Z', margin = '10 seconds';
            insert into kalshid.gatherers (gatherer_id, name, position) values (0, 'one', '2026-11-20 10:00Z'), (1, 'two', '2026-11-20 09:00Z');
            insert into kalshid.channel_coverage (gatherer_id, channel, from_at, to_at, epoch_id, state, reason) values
                (0, 'trade', '2026-11-20 01:00Z', '2026-11-20 02:00Z', '2026-11-20 01:00Z', 'whole', ''),
                (0, 'trade', '2026-11-20 02:00Z', '2026-11-20 05:00Z', null, 'gap', 'session closed'),
                (0, 'trade', '2026-11-20 05:00Z', '2026-11-20 06:00Z', '2026-11-20 05:00Z', 'whole', ''),
                (1, 'trade', '2026-11-20 01:30Z', '2026-11-20 04:00Z', '2026-11-20 01:30Z', 'whole', ''),
                (1, 'trade', '2026-11-20 04:00Z', '2026-11-20 05:30Z', null, 'gap', 'cut'),
                (1, 'trade', '2026-11-20 05:30Z', 'infinity', '2026-11-20 05:30Z', 'whole', '');
            """);
        var coverage = await CoverageAsync("", RandomProduction.Start, RandomProduction.Start + (11 * Micros.PerHour), "trade");
        Assert.That(coverage.Select(piece => $"{(piece.From - RandomProduction.Start) / Micros.PerMinute} {piece.State} {piece.Reason}{string.Join(',', piece.Sources)}"), Is.EqualTo(new[]
        {
            "0 gap before the first snapshot", "60 whole one", "90 whole one,two", "120 whole two", "240 gap session closed",
            "300 gap cut", "300 whole one", "330 whole one,two", "360 whole two", "540 gap not covered", "600 gap not loaded yet",
        }));
        Assert.That(await Sql.ScalarAsync(_connection, "select string_agg(channel || ': ' || reason, '|') from kalshi.gaps"), Is.EqualTo("trade: one: session closed; two: cut"));
        Assert.That(await Sql.ScalarAsync(_connection, "select count(*) from kalshi.coverage where sources = '{one}'"), Is.EqualTo(3));
    }

    /// <summary>Both missed the same message, which their own clocks put beside each other.</summary>
    [Test]
    public async Task Where_gatherers_take_over_a_channel_from_each_other_their_clocks_are_doubted()
    {
        await _connection.ExecuteAsync(
            """
            update kalshid.store set watermark = '2026-11-20 10:00Z', margin = '10 seconds';
            insert into kalshid.gatherers (gatherer_id, name, position) values (0, 'one', '2026-11-20 10:00Z'), (1, 'two', '2026-11-20 10:00Z');
            insert into kalshid.channel_coverage (gatherer_id, channel, from_at, to_at, epoch_id, state, reason) values
                (0, 'market_lifecycle_v2', '2026-11-20 01:00:00Z', '2026-11-20 02:00:01.4Z', '2026-11-20 01:00Z', 'whole', ''),
                (0, 'market_lifecycle_v2', '2026-11-20 02:00:01.4Z', '2026-11-20 02:00:02.8Z', null, 'gap', 'seq 5 expected'),
                (0, 'market_lifecycle_v2', '2026-11-20 02:00:02.8Z', '2026-11-20 03:00:00Z', '2026-11-20 02:00:02.8Z', 'whole', ''),
                (0, 'market_lifecycle_v2', '2026-11-20 03:00:00Z', 'infinity', '2026-11-20 03:00Z', 'whole', ''),
                (1, 'market_lifecycle_v2', '2026-11-20 01:00:00Z', '2026-11-20 01:59:59.9Z', '2026-11-20 01:00Z', 'whole', ''),
                (1, 'market_lifecycle_v2', '2026-11-20 01:59:59.9Z', '2026-11-20 02:00:01.3Z', null, 'gap', 'seq 69 expected'),
                (1, 'market_lifecycle_v2', '2026-11-20 02:00:01.3Z', '2026-11-20 02:30:00Z', '2026-11-20 02:00:01.3Z', 'whole', '');
            """);
        Assert.That(
            await Sql.ScalarAsync(_connection, "select string_agg(format('%s to %s', to_char(from_at at time zone 'utc', 'HH24:MI:SS.MS'), to_char(to_at at time zone 'utc', 'HH24:MI:SS.MS')), '|') from kalshi.gaps"),
            Is.EqualTo("02:00:01.400 to 02:00:11.300"));
        var coverage = await CoverageAsync("", RandomProduction.Start, RandomProduction.Start + (9 * Micros.PerHour), "market_lifecycle_v2");
        Assert.That(coverage.Where(piece => piece.State == "gap" && piece.Reason != "before the first snapshot").Sum(piece => piece.To - piece.From), Is.EqualTo(9_900_000));
    }

    /// <summary>Random ones, and those where something changes.</summary>
    private static IEnumerable<long> Instants(Random random, RandomProduction.Market market, long end)
    {
        for (var i = 0; i < 12; i++)
        {
            yield return random.NextInt64(RandomProduction.Start, end);
            var stretch = market.Stretches[random.Next(market.Stretches.Count)];
            yield return stretch.Events[random.Next(stretch.Events.Count)].At;
            yield return stretch.Events[random.Next(stretch.Events.Count)].At - 1;
        }

        foreach (var stretch in market.Stretches)
        {
            yield return stretch.FromAt;
            yield return stretch.FromAt - 1;
            yield return Math.Min(stretch.ToAt, end);
        }
    }

    private static void AssertSources(
        RandomProduction production, RandomProduction.Market market, RandomProduction.Stretch? cover, List<(long From, long To, string State, string? Reason, string[] Sources)> coverage, long at, string why)
    {
        var piece = coverage.FirstOrDefault(piece => piece.From < at && at < piece.To);
        var watching = market.Stretches.SelectMany(stretch => stretch.Vouches).Where(vouch => RandomProduction.WatchBegin(vouch) < at && at < production.WatchEnd(vouch))
            .Select(vouch => RandomProduction.Gatherers[vouch.Gatherer]).Distinct().Order(StringComparer.Ordinal).ToArray();
        if (cover is null || piece.State != "whole")
        {
            Assert.That(piece.Sources ?? [], Is.Empty, why);
        }
        else if (watching.Length > 0 && !market.Stretches.SelectMany(stretch => stretch.Vouches).Any(vouch => RandomProduction.WatchBegin(vouch) == at || production.WatchEnd(vouch) == at))
        {
            Assert.That(piece.Sources, Is.EqualTo(watching), why);
        }
    }

    /// <summary>The rows of the view, of the function, and who saw each.</summary>
    private async Task AssertRowsAsync(RandomProduction production, RandomProduction.Market market, long begin, long end)
    {
        var expected = market.Stretches.SelectMany(stretch => stretch.Changes.Select(change =>
            (change.At, change.Ordinal, change.Side == 'y' ? "yes" : "no", change.Price, change.Delta, change.ReceivedAt, string.Join(',', production.SourcesOf(stretch, change))))).ToList();
        const string columns = "exchange_at, ordinal, side, price, delta, received_at, sources";
        Assert.That(await RowsAsync($"select {columns} from kalshi.orderbook_deltas_of('{market.Ticker}', {StoreReader.Spell(begin)}, {StoreReader.Spell(end)}) order by 1, 2"), Is.EqualTo(expected));
        Assert.That(await RowsAsync($"select {columns} from kalshi.orderbook_deltas where ticker = '{market.Ticker}' order by 1, 2"), Is.EqualTo(expected));
    }

    private Task<List<(long, int, string, int, long, long, string)>> RowsAsync(string sql) => ReadAsync(
        sql, reader => (reader.GetTime(0), reader.GetInt32(1), reader.GetString(2), (int)(reader.GetDecimal(3) * Dollar), (long)(reader.GetDecimal(4) * 100), reader.GetTime(5), string.Join(',', reader.GetFieldValue<string[]>(6))));

    private async Task<List<(string Side, int Price, long Size)>?> BookAsync(string ticker, long at, bool requireCoverage)
    {
        try
        {
            return await ReadAsync(
                $"select side, price, size from kalshi.orderbook_at('{ticker}', {StoreReader.Spell(at)}, {requireCoverage})",
                reader => (reader.GetString(0), (int)(reader.GetDecimal(1) * Dollar), (long)(reader.GetDecimal(2) * 100)));
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.NoDataFound)
        {
            return null;
        }
    }

    /// <summary>Best bid and ask of yes with their sizes; absent ones are 0.</summary>
    private static (int Bid, long BidSize, int Ask, long AskSize)? TopOf(List<(string Side, int Price, long Size)> levels)
    {
        var (yes, no) = (levels.FirstOrDefault(level => level.Side == "yes"), levels.FirstOrDefault(level => level.Side == "no"));
        return (yes.Price, yes.Size, no.Side is null ? 0 : Dollar - no.Price, no.Size);
    }

    private Task<List<(long At, (int Bid, long BidSize, int Ask, long AskSize)? Top)>> TopsAsync(string ticker, long since, long until) => ReadAsync(
        $"select at, coalesce(yes_bid, 0), coalesce(yes_bid_size, 0), coalesce(yes_ask, 0), coalesce(yes_ask_size, 0), is_covered from kalshi.top_of_book('{ticker}', {StoreReader.Spell(since)}, {StoreReader.Spell(until)})",
        reader => (reader.GetTime(0), reader.GetBoolean(5)
            ? ((int Bid, long BidSize, int Ask, long AskSize)?)((int)(reader.GetDecimal(1) * Dollar), (long)(reader.GetDecimal(2) * 100), (int)(reader.GetDecimal(3) * Dollar), (long)(reader.GetDecimal(4) * 100))
            : null));

    private Task<List<(long From, long To, string State, string? Reason, string[] Sources)>> CoverageAsync(string ticker, long since, long until, string channel = "orderbook_delta") => ReadAsync(
        $"select from_at, to_at, state, reason, sources from kalshi.coverage_of('{ticker}', {StoreReader.Spell(since)}, {StoreReader.Spell(until)}, '{channel}')",
        reader => (reader.GetTime(0), reader.GetTime(1), reader.GetString(2), reader.IsDBNull(3) ? null : reader.GetString(3), reader.GetFieldValue<string[]>(4)));

    private async Task<List<T>> ReadAsync<T>(string sql, Func<NpgsqlDataReader, T> read)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<T>();
        while (await reader.ReadAsync())
        {
            rows.Add(read(reader));
        }

        return rows;
    }
}
