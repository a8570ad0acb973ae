using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Store;
using Npgsql;
using NUnit.Framework;
using Sql = Kalshi.Daemon.Tests.Store.Sql;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Production's kalshid_writer can do what a merge does, its kalshid_reader can read; kalshid_dedup reads a gatherer's store and tells how far it got.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
internal sealed class ProductionRolesTest(StoreFlavour flavour)
{
    private readonly string _suffix = Guid.NewGuid().ToString("n")[..12];
    private string _dsn = "";

    private string Owner => $"kalshid_test_owner_{_suffix}";

    private string Login => $"kalshid_test_login_{_suffix}";

    [SetUp]
    public async Task MakeLogins()
    {
        if (!flavour.HasConcurrency)
        {
            Assert.Ignore("its connections are all of one user");
        }

        _dsn = await flavour.NewDatabaseAsync();
        var database = new NpgsqlConnectionStringBuilder(_dsn).Database;
        await Sql.ExecuteAsync(_dsn, $"create role {Owner} login createrole; create role {Login} login; grant create, temporary on database {database} to {Owner} with grant option; revoke temporary on database {database} from public");
    }

    [TearDown]
    public async Task DropLogins()
    {
        if (_dsn.Length > 0)
        {
            await Sql.ExecuteAsync(_dsn, "drop schema kalshid, kalshi cascade");
            await Sql.ExecuteAsync(_dsn, $"drop owned by {Owner}, {Login} cascade; drop role {Owner}, {Login}");
        }
    }

    [Test]
    public async Task A_writer_merges_into_production_and_keeps_it()
    {
        await MigrateAsync(Migrations.Production, "kalshid_writer");
        await using (var connection = await Sql.OpenAsync(As(Login)))
        {
            foreach (var sql in (string[])[
                "create temporary table staged (like kalshid.coverage) on commit drop",
                "insert into kalshid.gatherers (gatherer_id, name) values (0, 'one')", "update kalshid.gatherers set position = now(), first_record_at = now()",
                "update kalshid.store set turn = 1, watermark = now(), margin = '1 second'",
                "insert into kalshid.merge_log values (1, '')", "delete from kalshid.merge_log", "insert into kalshid.merge_state values (1, 1, '')", "delete from kalshid.merge_state",
                "select kalshid.make_partitions('2026-11-20', '2026-11-21')", "select kalshid.make_partitions_at('trades', '{2020-01-01}')",
                "insert into kalshid.orderbook_deltas values ('2026-11-20', now(), 1, 1, 0, 1, 'y')", "update kalshid.orderbook_deltas set ordinal = 1 where market_id = 1", "delete from kalshid.orderbook_deltas where market_id = 1",
                "insert into kalshid.orderbook_snapshots values ('2026-11-20', 1, 1, null, null, '{}', '{}', '{}', '{}')", "update kalshid.orderbook_snapshots set coverage_number = 2", "delete from kalshid.orderbook_snapshots",
                "insert into kalshid.coverage (market_id, number, state, from_at, to_at, reason) values (1, 1, 'whole', now(), 'infinity', '') on conflict (market_id, number) do update set to_at = excluded.to_at", "delete from kalshid.coverage",
                "insert into kalshid.vouches (market_id, number, gatherer_id, epoch_id, from_at) values (1, 1, 0, now(), now()) on conflict (market_id, number) do update set to_at = excluded.to_at", "update kalshid.vouches set to_at = now()",
                "insert into kalshid.channel_coverage (gatherer_id, channel, from_at, to_at, state, reason) values (0, 'trade', now(), 'infinity', 'whole', '')", "update kalshid.channel_coverage set to_at = now()", "delete from kalshid.channel_coverage",
                "insert into kalshid.disagreements (market_id, number, found_at, held_by, other_by, verdict) values (1, 1, now(), '', '', '')", "update kalshid.disagreements set verdict = 'held'",
                "insert into kalshid.markets (market_id, ticker, first_seen_at, changed_at) values (1, 'KX-A', now(), now())", "update kalshid.markets set title = 'A'",
                "insert into kalshid.cursors (name, position) values ('export', now())", "update kalshid.cursors set position = now()",
                "select kalshid.summarize_partitions('2026-11-20', '2026-11-21')", "select kalshid.set_market_index('orderbook_deltas', 'closed')", "select kalshid.index_partition('2026-11-21')",
                "select kalshid.set_compression('2 days')", "select kalshid.drop_partitions('2026-11-21')"])
            {
                Assert.That(async () => await Sql.ExecuteAsync(connection, sql), Throws.Nothing, sql);
            }
        }

        foreach (var sql in (string[])["truncate kalshid.trades", "drop table kalshid.trades", "delete from kalshid.trades", "update kalshid.trades set count = 1", "create table kalshid.mine ()", "update kalshid.store set kind = 'gatherer'",
            "delete from kalshid.gatherers", "insert into kalshid.migrations (version, name) values (9, '')", "insert into kalshid.store (is_timescale) values (true)"])
        {
            await AssertDenied(sql);
        }
    }

    [Test]
    public async Task A_reader_of_production_reads_everything_and_writes_nothing()
    {
        await MigrateAsync(Migrations.Production, "kalshid_reader");
        await Sql.ExecuteAsync(_dsn, new RandomProduction(new Random(1), markets: 1).Sql);
        await using var connection = await Sql.OpenAsync(As(Login));
        Assert.That(await ReadAllAsync(connection), Is.GreaterThan(40));
        const string instant = "kalshi.loaded_to()";
        foreach (var sql in (string[])[$"select * from kalshi.orderbook_at('KX-1', {instant}, false)", $"select * from kalshi.top_of_book('KX-1', '2026-11-20', {instant})", $"select * from kalshi.coverage_of('KX-1', '2026-11-20', {instant})",
            $"select * from kalshi.coverage_of('', '2026-11-20', {instant}, 'trade')", $"select * from kalshi.orderbook_deltas_of('KX-1', '2026-11-20', {instant})", $"select * from kalshi.trades_of('KX-1', '2026-11-20', {instant})", $"select * from kalshi.tickers_of('KX-1', '2026-11-20', {instant})"])
        {
            Assert.That(async () => await Sql.ExecuteAsync(connection, sql), Throws.Nothing, sql);
        }

        foreach (var sql in (string[])["insert into kalshid.cursors (name, position) values ('me', now())", "delete from kalshid.trades", "update kalshid.markets set ticker = ''", "select kalshid.drop_partitions(now())",
            "select kalshid.make_partitions(now(), now())", "select kalshid.make_partitions_at('trades', '{2020-01-01}')", "select kalshid.set_market_index('trades', 'none')", "create view kalshi.mine as select 1"])
        {
            await AssertDenied(sql);
        }
    }

    [Test]
    public async Task Dedup_reads_a_gatherers_store_and_publishes_its_cursor_only()
    {
        await MigrateAsync(Migrations.Gatherer, "kalshid_dedup");
        await using var connection = await Sql.OpenAsync(As(Login));
        Assert.That(await ReadAllAsync(connection), Is.GreaterThan(30));
        await Sql.ExecuteAsync(connection, "select kalshid.publish_cursor('dedup', '2026-11-20 01:00Z')");
        await Sql.ExecuteAsync(connection, "select kalshid.publish_cursor('dedup', '2026-11-20 02:00Z')");
        await Sql.ExecuteAsync(connection, "select kalshid.publish_cursor('other', '2026-11-20 03:00Z')");
        Assert.That(await Sql.ScalarAsync(connection, "select string_agg(name || to_char(position at time zone 'UTC', ' HH24'), ', ' order by name) from kalshid.cursors"), Is.EqualTo("dedup 02, other 03"));
        foreach (var sql in (string[])["select kalshid.publish_cursor('loader', now())", "insert into kalshid.cursors (name, position) values ('mine', now())", "update kalshid.cursors set position = now()", "delete from kalshid.cursors",
            "delete from kalshid.trades", "select kalshid.drop_partitions(now())", "update kalshid.store set gatherer = ''", "create table kalshid.mine ()"])
        {
            await AssertDenied(sql);
        }
    }

    [TestCase("kalshid_reader")]
    [TestCase("kalshid_writer")]
    public async Task Others_publish_no_cursor(string role)
    {
        await MigrateAsync(Migrations.Gatherer, role);
        await AssertDenied("select kalshid.publish_cursor('dedup', now())");
    }

    private async Task MigrateAsync(Migrations migrations, string role)
    {
        using (var database = new StoreDatabase(As(Owner), TimeSpan.FromSeconds(30)))
        {
            await migrations.ApplyAsync(database, "auto");
        }

        await Sql.ExecuteAsync(_dsn, $"grant {role} to {Login}");
    }

    private string As(string user) => new NpgsqlConnectionStringBuilder(_dsn) { Username = user }.ConnectionString;

    /// <summary>Reads every table and view; returns how many there are.</summary>
    private static async Task<int> ReadAllAsync(NpgsqlConnection connection)
    {
        var queries = ((string)(await Sql.ScalarAsync(connection, "select string_agg(format('select count(*) from (select * from %s) v', c.oid::regclass), ';') from pg_class c where c.relnamespace in ('kalshi'::regnamespace, 'kalshid'::regnamespace) and c.relkind in ('r', 'p', 'v')"))!).Split(';');
        foreach (var query in queries)
        {
            Assert.That(async () => await Sql.ExecuteAsync(connection, query), Throws.Nothing, query);
        }

        return queries.Length;
    }

    private async Task AssertDenied(string sql)
    {
        var e = await Assert.ThrowsAsync<PostgresException>(() => Sql.ExecuteAsync(As(Login), sql));
        Assert.That(e!.SqlState, Is.EqualTo(PostgresErrorCodes.InsufficientPrivilege).Or.EqualTo(PostgresErrorCodes.ObjectNotInPrerequisiteState), $"{sql}: {e.MessageText}");
    }
}
