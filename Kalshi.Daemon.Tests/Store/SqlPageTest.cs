using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Books;
using Kalshi.Daemon.Tests.Export;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>The queries of SQL.md run as they stand there, and answer.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
[Parallelizable(ParallelScope.Self)]
internal sealed class SqlPageTest(StoreFlavour flavour)
{
    private const string Market = "KXBTCD-26NOV2317-T90000";

    private static readonly string Page = Path.Combine(Repository.Root, "SQL.md");

    private const string ProductionHeading = "\n## Production\n";

    /// <summary>The hour in production, of two gatherers: one was away for some minutes, both at the end; and a day's other news.</summary>
    private const string Production =
        $"""
        select kalshid.make_partitions('2026-11-23', '2026-11-23');
        update kalshid.store set watermark = '2026-11-23 15:01Z', margin = '10 seconds';
        insert into kalshid.gatherers (gatherer_id, name, position) values (0, 'one', '2026-11-23 15:01Z'), (1, 'two', '2026-11-23 15:00Z');
        insert into kalshid.markets (market_id, ticker, first_seen_at, changed_at) values (1, '{Market}', '2026-11-23Z', '2026-11-23Z'), (2, 'KX-OTHER', '2026-11-23Z', '2026-11-23Z');
        insert into kalshid.orderbook_snapshots values ('2026-11-23 13:59Z', 1, 1, null, null, array[400000, 410000], array[10000, 5000], array[550000], array[7000]);
        insert into kalshid.orderbook_deltas (exchange_at, received_at, delta, market_id, ordinal, price, side)
        select timestamptz '2026-11-23 14:00Z' + n * interval '1 minute', timestamptz '2026-11-23 14:00:00.02Z' + n * interval '1 minute', 100, 1, o, 400000 + 10000 * (n % 2), 'y'
        from generate_series(1, 59) n, generate_series(0, 1) o;
        insert into kalshid.coverage (market_id, number, state, from_at, to_at, first_at, first_ordinal, reason) values
            (1, 1, 'whole', '2026-11-23 13:59Z', 'infinity', '2026-11-23 14:01Z', 0, ''), (2, 1, 'gap', '2026-11-23 14:00Z', '2026-11-23 14:05Z', null, null, 'session closed');
        insert into kalshid.vouches (market_id, number, gatherer_id, epoch_id, from_at, to_at, after_at, after_ordinal, last_at, last_ordinal) values
            (1, 1, 0, '2026-11-23 13:59Z', '2026-11-23 13:59Z', 'infinity', '2026-11-23 14:01Z', -1, null, null),
            (1, 2, 1, '2026-11-23 14:10Z', '2026-11-23 14:10Z', '2026-11-23 14:40Z', '2026-11-23 14:11Z', -1, '2026-11-23 14:39Z', 1);
        insert into kalshid.channel_coverage (gatherer_id, channel, from_at, to_at, epoch_id, state, reason) values (0, 'trade', '2026-11-23Z', 'infinity', '2026-11-23Z', 'whole', '');
        insert into kalshid.trades (exchange_at, received_at, count, market_id, yes_price, no_price, taker_side, origin, trade_id)
        select timestamptz '2026-11-23 14:00Z' + n * interval '10 minutes', timestamptz '2026-11-23 14:00Z' + n * interval '10 minutes', 300, 1, 450000, 550000, 'y', 's', n::text from generate_series(1, 5) n;
        insert into kalshid.disagreements (market_id, number, found_at, held_by, other_by, verdict) values (1, 1, '2026-11-23 14:30Z', 'one', 'two', 'undecided: the other one''s run ended');
        """;

    private static (string Gatherer, string Production) Pages() => File.ReadAllText(Page).Split(ProductionHeading) is [var gatherer, var production] ? (gatherer, production)
        : throw new InvalidOperationException($"one heading{ProductionHeading}is expected");

    [Test]
    public async Task Every_query_of_a_gatherers_store_answers()
    {
        using var rig = await StoreRig.NewAsync(flavour);
        Append(rig.Fixture);
        rig.Load();
        await AssertAnswersAsync(rig.Database, Pages().Gatherer, 10);
    }

    [Test]
    public async Task Every_query_of_production_answers()
    {
        using var database = new StoreDatabase(await flavour.NewDatabaseAsync(), TimeSpan.FromSeconds(30));
        await Migrations.Production.ApplyAsync(database, "auto");
        await using (var connection = await database.OpenAsync(CancellationToken.None))
        {
            await Sql.ExecuteAsync(connection, Production);
        }

        await AssertAnswersAsync(database, Pages().Production, 8);
    }

    private static async Task AssertAnswersAsync(StoreDatabase database, string page, int queriesMin)
    {
        var queries = page.Split("```sql\n").Skip(1).Select(rest => rest[..rest.IndexOf("```", StringComparison.Ordinal)]).ToArray();
        Assert.That(queries, Has.Length.GreaterThanOrEqualTo(queriesMin));
        await using var connection = await database.OpenAsync(CancellationToken.None);
        await Sql.ExecuteAsync(connection, "set search_path = kalshi, public");
        foreach (var query in queries)
        {
            await using var command = new NpgsqlCommand(query, connection);
            await using var reader = await command.ExecuteReaderAsync();
            Assert.That(await reader.ReadAsync(), query);
            Assert.That(reader.GetValue(reader.FieldCount - 1), Is.Not.EqualTo(DBNull.Value).Or.Null, query);
        }
    }

    [Test]
    public async Task Every_view_and_function_for_people_is_on_the_page()
    {
        var text = File.ReadAllText(Page);
        foreach (var migrations in (Migrations[])[Migrations.Gatherer, Migrations.Production])
        {
            using var database = new StoreDatabase(await flavour.NewDatabaseAsync(), TimeSpan.FromSeconds(30));
            await migrations.ApplyAsync(database, "auto");
            await using var connection = await database.OpenAsync(CancellationToken.None);
            await using var command = new NpgsqlCommand("select relname::text from pg_class where relnamespace = 'kalshi'::regnamespace and relkind = 'v' union select proname from pg_proc where pronamespace = 'kalshi'::regnamespace", connection);
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                Assert.That(text, Does.Contain($"`{reader.GetString(0)}"));
            }
        }
    }

    /// <summary>An hour of one market: a book, changes, trades, a gap, and what REST says of it.</summary>
    private static void Append(ExportFixture fixture)
    {
        var script = new Script();
        script.Add(RecordKind.RestPage, 0, """{"path":"/markets","status":200,"purpose":"registry"}""" + "\n"
            + $$"""{"markets":[{"ticker":"{{Market}}","event_ticker":"KXBTCD-26NOV2317","title":"Bitcoin","status":"active"}],"cursor":""}""");
        var start = Micros.FromDateTime(new DateTime(2026, 11, 23, 14, 0, 0, DateTimeKind.Utc));
        script.SubscribeBooks().SubscribeGlobal("trade").Snapshot(1, Market, "[\"0.4000\",\"100.00\"],[\"0.3800\",\"50.00\"]", "[\"0.5500\",\"70.00\"]");
        for (var seq = 2; seq < 60; seq++)
        {
            script.Delta(seq, Market, seq % 2 == 0 ? "yes" : "no", seq % 2 == 0 ? "0.4000" : "0.5500", seq % 3 == 0 ? "-1.00" : "2.00", exchangeAt: start + (seq * Micros.PerMinute) - 20_000);
            script.Trade(seq - 1, Market, $"t{seq}", exchangeAt: start + (seq * Micros.PerMinute));
        }

        script.SessionClosed(1, "test").SubscribeBooks(session: 2).Snapshot(1, Market, "[\"0.4000\",\"100.00\"]", session: 2);
        var step = Micros.PerHour / (script.At + 100);
        foreach (var (at, session, kind, bytes, _) in script.Records)
        {
            fixture.Append(start + (at * step), session, kind, bytes);
        }
    }
}
