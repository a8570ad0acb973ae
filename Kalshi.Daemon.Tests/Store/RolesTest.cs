using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Books;
using Kalshi.Daemon.Tests.Export;
using Kalshi.Daemon.Tests.Verify;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>kalshid_writer can do what the loader and its upkeep do, kalshid_reader can read, and neither can do more.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
internal sealed class RolesTest(StoreFlavour flavour)
{
    private readonly string _suffix = Guid.NewGuid().ToString("n")[..12];
    private string _dsn = "";

    private string Owner => $"kalshid_test_owner_{_suffix}";

    private string Writer => $"kalshid_test_writer_{_suffix}";

    private string Reader => $"kalshid_test_reader_{_suffix}";

    [SetUp]
    public async Task MakeLoginsAndMigrateAsTheirOwner()
    {
        if (!flavour.HasConcurrency)
        {
            Assert.Ignore("its connections are all of one user");
        }

        _dsn = await flavour.NewDatabaseAsync();
        var database = new NpgsqlConnectionStringBuilder(_dsn).Database;
        await Sql.ExecuteAsync(_dsn, $"create role {Owner} login createrole; create role {Writer} login; create role {Reader} login; grant create, temporary on database {database} to {Owner} with grant option; revoke temporary on database {database} from public");
        using var store = As(Owner);
        await Migrations.Gatherer.ApplyAsync(store, "auto");
        await Sql.ExecuteAsync(_dsn, $"grant kalshid_writer to {Writer}; grant kalshid_reader to {Reader}");
    }

    [TearDown]
    public async Task DropLogins()
    {
        if (_dsn.Length > 0)
        {
            // With the rights they were granted; the database is the test run's.
            await Repeat(() => Sql.ExecuteAsync(_dsn, "drop schema kalshid, kalshi cascade"));
            await Sql.ExecuteAsync(_dsn, $"drop owned by {Owner}, {Writer}, {Reader} cascade; drop role {Owner}, {Writer}, {Reader}");
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_writer_loads_and_keeps_a_store(bool directCompress)
    {
        var random = Seeds.New(out var seed);
        using var rig = new StoreRig(new NpgsqlConnectionStringBuilder(_dsn) { Username = Writer }.ConnectionString);
        rig.Append(new MiniExchange(random.Next(), steps: 6_000).Script, 1_000_000);
        rig.Load(batchRowsMax: 5_000, directCompress);
        using (var upkeep = new StoreUpkeep(rig.Database, new UpkeepSettings(TimeSpan.FromDays(1), TimeSpan.FromHours(2), directCompress, MarketIndex: true, TimeSpan.FromHours(1), TimeSpan.FromHours(1)), NullLogger.Instance, UpkeepKind.Gatherer))
        {
            await upkeep.FinishAsync(CancellationToken.None);
            if (flavour.HasTimescale)
            {
                var compressed = await rig.NumberAsync("select count(*) from timescaledb_information.chunks where hypertable_name = 'orderbook_deltas' and is_compressed");
                Assert.That(compressed, directCompress ? Is.GreaterThan(3) : Is.Zero);
            }

            Assert.That(rig.Verify().IsSound, $"seed {seed}");
            await upkeep.TurnAsync(ExportFixture.Start, CancellationToken.None);
            Assert.That(await rig.NumberAsync("select count(*) from kalshid.partitions() where stream = 'orderbook_deltas'"), Is.GreaterThan(3));
            await Repeat(() => upkeep.TurnAsync(ExportFixture.Start + (30 * Kalshi.Daemon.Primitives.Micros.PerDay), CancellationToken.None));
        }

        Assert.That(await rig.NumberAsync("select count(*) from kalshid.orderbook_deltas where received_at < (select dropped_before from kalshid.store)"), Is.Zero);
        Assert.That(await Sql.ScalarAsync(_dsn, "select dropped_before is not null from kalshid.store"), Is.True);
        if (flavour.HasTimescale)
        {
            Assert.That(await Sql.ScalarAsync(_dsn, "select count(*) from timescaledb_information.jobs where proc_name = 'policy_compression' and hypertable_schema = 'kalshid'"), Is.EqualTo(7));
        }

        foreach (var sql in (string[])["delete from kalshid.orderbook_deltas", "update kalshid.orderbook_deltas set price = 1", "truncate kalshid.trades", "drop table kalshid.trades",
            "create table kalshid.mine ()", "update kalshid.store set dropped_before = null", "delete from kalshid.cursors", "insert into kalshid.migrations (version, name) values (9, '')"])
        {
            await AssertDenied(Writer, sql);
        }
    }

    [Test]
    public async Task A_reader_reads_everything_and_writes_nothing()
    {
        using (var rig = new StoreRig(new NpgsqlConnectionStringBuilder(_dsn) { Username = Writer }.ConnectionString))
        {
            rig.Append(new Script().SubscribeBooks().Snapshot(1, "KX-A", "[\"0.5000\",\"1.00\"]").Delta(2, "KX-A").SubscribeGlobal("trade").Trade(1, "KX-A", "t").Frame("""{"type":"orderbook_delta","sid":1,"seq":3,"msg":{"market_ticker":"KX-A","x":1}}"""));
            rig.Load();
        }

        var reader = new NpgsqlConnectionStringBuilder(_dsn) { Username = Reader }.ConnectionString;
        await using var connection = await Sql.OpenAsync(reader);
        await using (var views = new NpgsqlCommand("select format('select count(*) from (select * from %s) v', c.oid::regclass) from pg_class c where c.relnamespace in ('kalshi'::regnamespace, 'kalshid'::regnamespace) and c.relkind in ('r', 'p', 'v')", connection))
        {
            var queries = new List<string>();
            await using (var rows = await views.ExecuteReaderAsync())
            {
                while (await rows.ReadAsync())
                {
                    queries.Add(rows.GetString(0));
                }
            }

            Assert.That(queries, Has.Count.GreaterThan(30));
            queries.ForEach(query => Assert.That(async () => await Sql.ExecuteAsync(connection, query), Throws.Nothing, query));
        }

        var at = StoreReader.Spell(ExportFixture.Start + 35);
        Assert.That(await Sql.ScalarAsync(connection, $"select count(*) from kalshi.orderbook_at('KX-A', {at})"), Is.EqualTo(1));
        Assert.That(await Sql.ScalarAsync(connection, $"select count(*) from kalshi.top_of_book('KX-A', {at}, {at})"), Is.EqualTo(1));
        Assert.That(await Sql.ScalarAsync(connection, $"select state from kalshi.coverage_of('KX-A', {at}, {at})"), Is.EqualTo("whole"));
        Assert.That(await Sql.ScalarAsync(connection, $"select count(*) from kalshi.orderbook_deltas_of('KX-A', {at}, {at})"), Is.EqualTo(0));
        foreach (var sql in (string[])["insert into kalshid.cursors (name, position) values ('me', now())", "delete from kalshid.trades", "update kalshid.markets set ticker = ''",
            "select kalshid.drop_partitions(now())", "select kalshid.make_partitions(now(), now())", "select kalshid.set_compression('1 hour')", "create view kalshi.mine as select 1", "delete from kalshi.trades"])
        {
            await AssertDenied(Reader, sql);
        }
    }

    /// <summary>The extension's own compression, just begun, may be in the way of dropping: then another try does it.</summary>
    private static async Task Repeat(Func<Task> turn)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await turn();
                return;
            }
            catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.LockNotAvailable && tries < 10)
            {
                TestContext.Out.WriteLine($"again: {e.MessageText}");
            }
        }
    }

    private StoreDatabase As(string user) => new(new NpgsqlConnectionStringBuilder(_dsn) { Username = user }.ConnectionString, TimeSpan.FromSeconds(30));

    private async Task AssertDenied(string user, string sql)
    {
        var e = await Assert.ThrowsAsync<PostgresException>(() => Sql.ExecuteAsync(new NpgsqlConnectionStringBuilder(_dsn) { Username = user }.ConnectionString, sql));
        Assert.That(e!.SqlState, Is.EqualTo(PostgresErrorCodes.InsufficientPrivilege).Or.EqualTo(PostgresErrorCodes.ObjectNotInPrerequisiteState), $"{sql}: {e.MessageText}");
    }
}
