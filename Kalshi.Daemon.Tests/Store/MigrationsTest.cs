using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>Schemas made from nothing, brought up, made by several at once, and refused as another's.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
internal sealed class MigrationsTest(StoreFlavour flavour)
{
    [Test]
    public async Task Both_kinds_are_made_from_nothing_and_refused_as_the_other()
    {
        using var gatherer = await NewAsync("dedup.production_dsn");
        using var production = await NewAsync("store.dsn");
        Assert.That(await Migrations.Gatherer.ApplyAsync(gatherer, "auto"), Is.EqualTo(Migrations.Gatherer.Latest));
        Assert.That(await Migrations.Gatherer.ApplyAsync(gatherer, "auto"), Is.Zero);
        Assert.That(await Migrations.Production.ApplyAsync(production, "auto"), Is.EqualTo(Migrations.Production.Latest));
        Assert.That(await Migrations.Production.ApplyAsync(production, "auto"), Is.Zero);
        await AssertRefused(Migrations.Gatherer, production, "store.dsn names production's database (");
        await AssertRefused(Migrations.Production, gatherer, "dedup.production_dsn names a gatherer's database (");
        await using var connection = await production.OpenAsync(CancellationToken.None);
        Assert.That(await Migrations.Gatherer.IsCurrentAsync(connection, CancellationToken.None), Is.False);
        Assert.That(await Migrations.Production.IsCurrentAsync(connection, CancellationToken.None), Is.True);
        var e = Assert.Throws<SetupException>(() => StoreReader.Open(production).Dispose());
        Assert.That(e!.Message, Does.StartWith("store.dsn names production's database ("));
    }

    [Test]
    public async Task A_production_database_of_a_newer_kalshid_is_refused()
    {
        using var production = await NewAsync("dedup.production_dsn");
        await Migrations.Production.ApplyAsync(production, "auto");
        await using (var connection = await production.OpenAsync(CancellationToken.None))
        {
            await connection.ExecuteAsync("insert into kalshid.migrations (version, name) values (999, 'later')");
        }

        await AssertRefused(Migrations.Production, production, "The schema in ");
    }

    [Test]
    public async Task A_gatherers_store_of_version_5_is_brought_up_and_keeps_what_it_has()
    {
        using var database = await NewAsync("store.dsn");
        await using var connection = await database.OpenAsync(CancellationToken.None);
        await connection.ExecuteAsync($"select set_config('kalshid.timescale', '{(flavour.HasTimescale ? "on" : "off")}', false)");
        foreach (var (version, name, sql) in Migrations.Gatherer.All.Take(5))
        {
            await connection.ExecuteAsync(sql);
            await connection.ExecuteAsync($"create table if not exists kalshid.migrations (version int primary key, name text not null, applied_at timestamptz not null default clock_timestamp()); insert into kalshid.migrations (version, name) values ({version}, '{name}')");
        }

        await connection.ExecuteAsync(
            """
            select kalshid.grant_roles();
            select kalshid.make_partitions('2026-11-01 00:00Z', '2026-11-01 01:00Z');
            insert into kalshid.markets (market_id, ticker, exchange_id, first_seen_at, changed_at) values (1, 'KX-A', 'c0ffee00-0000-4000-8000-000000000001', '2026-11-01', '2026-11-01');
            insert into kalshid.cursors (name, position) values ('loader', '2026-11-01 01:30Z');
            insert into kalshid.coverage (known_at, recorded_at, from_at, to_at, epoch_id, from_seq, market_id, channel, state, reason)
                values ('2026-11-01 00:10Z', '2026-11-01 00:10Z', '2026-11-01 00:10Z', 'infinity', '2026-11-01 00:10Z', 1, 1, 'orderbook_delta', 'whole', '');
            insert into kalshid.orderbook_snapshots values ('2026-11-01 00:10Z', '2026-11-01 00:10Z', 1, 1, '{400000}', '{500}', '{}', '{}');
            insert into kalshid.orderbook_deltas (received_at, epoch_id, seq, delta, market_id, price, side)
                select '2026-11-01 00:10Z'::timestamptz + n * interval '1 minute', '2026-11-01 00:10Z', n + 1, 100, 1, 410000, 'y' from generate_series(1, 60) n;
            """);
        var before = await ContentsAsync(connection);
        Assert.That(await Migrations.Gatherer.ApplyAsync(database, "auto"), Is.EqualTo(Migrations.Gatherer.Latest - 5));
        Assert.That(await ContentsAsync(connection), Is.EqualTo(before));
        Assert.That(await Sql.ScalarAsync(connection, "select count(*) from kalshi.top_of_book('KX-A', '2026-11-01 00:10Z', '2026-11-01 01:30Z')"), Is.EqualTo(61));
        Assert.That(await Sql.ScalarAsync(connection, "select size from kalshi.orderbook_at('KX-A', '2026-11-01 01:20Z') where price = 0.41"), Is.EqualTo(60));
        Assert.That(await Sql.ScalarAsync(connection, "select string_agg(state, ' ') from kalshi.coverage_of('KX-A', '2026-11-01 00:00Z', '2026-11-01 02:00Z')"), Is.EqualTo("gap whole gap"));
        Assert.That(await Sql.ScalarAsync(connection, "select exchange_id::text from kalshid.exchange_ids where known_at > '2026-11-01 01:30Z'"), Is.EqualTo("c0ffee00-0000-4000-8000-000000000001"));
        Assert.That(await Sql.ScalarAsync(connection, "select kalshid.make_partitions('2026-11-01 02:00Z', '2026-11-01 02:00Z')"), Is.EqualTo(1));
        Assert.That(await Sql.ScalarAsync(connection, "select kalshid.index_partition('2026-11-01 02:00Z')"), Is.True);
    }

    [Test]
    public async Task Processes_that_start_together_make_one_schema()
    {
        if (!flavour.HasConcurrency)
        {
            Assert.Ignore("its connections take turns");
        }

        // Several databases at once as well: they share the server's roles.
        (Migrations Kind, string Setting)[] kinds = [(Migrations.Gatherer, "store.dsn"), (Migrations.Production, "dedup.production_dsn")];
        await Task.WhenAll(Enumerable.Repeat(kinds, 3).SelectMany(each => each).Select(async kind =>
        {
            using var database = await NewAsync(kind.Setting);
            var applied = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Task.Run(() => StartAsync(kind.Kind, database))));
            Assert.That(applied.Sum(), Is.EqualTo(kind.Kind.Latest));
        }));
    }

    /// <summary>As a process starts: whoever finds the schema current makes partitions at once, and nobody's rights come in its way.</summary>
    private static async Task<int> StartAsync(Migrations kind, StoreDatabase database)
    {
        var applied = await kind.ApplyAsync(database, "auto");
        await using var connection = await database.OpenAsync(CancellationToken.None);
        Assert.That(await Sql.ScalarAsync(connection, "select bool_and(has_table_privilege('kalshid_reader', t, 'select')) from unnest(array['kalshid.markets', 'kalshi.trades']) t"), Is.True);
        await connection.ExecuteAsync("select kalshid.make_partitions('2026-11-20 22:00Z', '2026-11-20 23:00Z')");
        return applied;
    }

    [Test]
    public async Task Partitions_of_production_are_made_for_any_instant()
    {
        using var production = await NewAsync("dedup.production_dsn");
        await Migrations.Production.ApplyAsync(production, "auto");
        await using var connection = await production.OpenAsync(CancellationToken.None);
        Assert.That(await Sql.ScalarAsync(connection, "select kalshid.make_partitions('2026-11-20 22:00Z', '2026-11-21 01:00Z')"), Is.EqualTo(12));
        const string old = "select kalshid.make_partitions_at('trades', array['2020-02-29 23:59Z', '2020-02-29 00:00Z', '2026-11-20 12:00Z', '2024-01-01 12:00Z']::timestamptz[])";
        Assert.That(await Sql.ScalarAsync(connection, old), Is.EqualTo(2));
        Assert.That(await Sql.ScalarAsync(connection, old), Is.Zero);
        await connection.ExecuteAsync("insert into kalshid.trades (exchange_at, received_at, count, market_id, yes_price, no_price, origin, trade_id) values ('2020-02-29 12:00Z', now(), 1, 1, 1, 1, 'b', 't')");
        Assert.That(await Sql.ScalarAsync(connection, "select count(*) from kalshid.partitions()"), Is.EqualTo(14));
        Assert.That(await Sql.ScalarAsync(connection, "select kalshid.drop_partitions('2026-11-21')"), Is.EqualTo(8));
        Assert.That(await Sql.ScalarAsync(connection, "select count(*) from kalshid.trades"), Is.Zero);
    }

    [Test]
    public async Task The_index_by_market_can_be_left_out_and_had_again()
    {
        using var production = await NewAsync("dedup.production_dsn");
        await Migrations.Production.ApplyAsync(production, "auto");
        await using var connection = await production.OpenAsync(CancellationToken.None);
        await connection.ExecuteAsync("select kalshid.make_partitions('2026-11-20', '2026-11-21')");
        Assert.That(await IndexesAsync(), Is.EqualTo(2));
        await connection.ExecuteAsync("select kalshid.set_market_index('orderbook_deltas', 'closed')");
        Assert.That(await IndexesAsync(), Is.Zero);
        Assert.That(await Sql.ScalarAsync(connection, "select kalshid.index_partition('2026-11-21')"), Is.True);
        Assert.That(await Sql.ScalarAsync(connection, "select kalshid.index_partition('2026-11-21')"), Is.False);
        Assert.That(await IndexesAsync(), Is.EqualTo(1));
        await connection.ExecuteAsync("select kalshid.set_market_index('orderbook_deltas', 'always')");
        Assert.That(await IndexesAsync(), Is.GreaterThanOrEqualTo(2));

        async Task<long> IndexesAsync() => (long)(await Sql.ScalarAsync(
            connection, "select count(*) from kalshid.partitions() p join pg_index i on i.indrelid = p.partition where p.stream = 'orderbook_deltas' and pg_get_indexdef(i.indexrelid) like '%(market_id, exchange_at, ordinal)'"))!;
    }

    private async Task<StoreDatabase> NewAsync(string setting) => new(await flavour.NewDatabaseAsync(), TimeSpan.FromSeconds(30), setting);

    private static async Task<string> ContentsAsync(Npgsql.NpgsqlConnection connection) => (string)(await Sql.ScalarAsync(
        connection,
        """
        select md5((select string_agg(d::text, ',' order by d.received_at) from kalshid.orderbook_deltas d) || (select string_agg(s::text, ',') from kalshid.orderbook_snapshots s)
            || (select string_agg(c::text, ',') from kalshid.coverage c) || (select string_agg(m::text, ',') from kalshid.markets m))
        """))!;

    private static async Task AssertRefused(Migrations migrations, StoreDatabase database, string because)
    {
        var e = await Assert.ThrowsAsync<SetupException>(() => migrations.ApplyAsync(database, "auto"));
        Assert.That(e!.Message, Does.StartWith(because));
        Assert.That(e.ExitCode, Is.EqualTo(ExitCode.Config));
    }
}
