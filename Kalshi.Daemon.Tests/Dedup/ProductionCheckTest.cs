using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Store;
using Npgsql;
using NUnit.Framework;
using Sql = Kalshi.Daemon.Tests.Store.Sql;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Dedup's lines of `kalshid check`: of production, and of each gatherer's store.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
internal sealed class ProductionCheckTest(StoreFlavour flavour)
{
    private string _dsn = "";

    [SetUp]
    public async Task MakeDatabase() => _dsn = await flavour.NewDatabaseAsync();

    [Test]
    public async Task An_empty_database_a_new_schema_and_a_merge()
    {
        var empty = await CheckAsync();
        Assert.That(empty.Keys, Is.EqualTo(new[] { "production", "schema" }));
        Assert.That(empty["schema"], Is.EqualTo("ok none yet: dedup creates it, or kalshid check --migrate"));
        var migrated = await CheckAsync(migrate: true);
        Assert.That(migrated["migrate"], Does.StartWith("ok schema created: 001-tables, 002-views"), string.Join("; ", migrated));
        Assert.That(migrated["schema"], Is.EqualTo($"ok version {Migrations.Production.Latest}"));
        Assert.That(migrated["timescale"], Does.Match(flavour.HasTimescale ? @"^ok 2\..*, in use$" : "^ok not in this database: native partitions$"));
        Assert.That(migrated["roles"], Is.EqualTo("ok kalshid_writer and kalshid_reader: grant them to logins"));
        Assert.That(migrated["rights"], Is.EqualTo("ok postgres may merge, make partitions and drop them"));
        Assert.That(migrated["merge"], Is.EqualTo("ok nothing is merged yet"));
        Assert.That((await CheckAsync(migrate: true))["migrate"], Is.EqualTo("ok nothing to do"));
        await Sql.ExecuteAsync(_dsn, "update kalshid.store set watermark = '2026-11-23 14:00Z'");
        Assert.That((await CheckAsync())["merge"], Does.StartWith("ok holds what gatherers received up to 2026-11-23T14:00:00"));
    }

    [Test]
    public async Task Databases_the_wrong_way_round_are_told_in_a_sentence()
    {
        await CheckAsync(migrate: true);
        var production = _dsn;
        var store = await flavour.NewDatabaseAsync();
        using (var database = new StoreDatabase(store, TimeSpan.FromSeconds(30)))
        {
            await Migrations.Gatherer.ApplyAsync(database, "auto");
        }

        Assert.That((await GathererAsync(store))["gatherer"], Does.StartWith("ok one: "));
        Assert.That((await GathererAsync(production))["gatherer"], Does.StartWith("FAIL dedup.gatherer.one names production's database ("));
        Assert.That((await GathererAsync(await flavour.NewDatabaseAsync()))["gatherer"], Does.StartWith("FAIL one: ").And.EndsWith("holds no store yet: let kalshid gather fill it first"));
        _dsn = store;
        Assert.That((await CheckAsync())["schema"], Does.StartWith("FAIL dedup.production_dsn names a gatherer's database ("));
        Assert.That((await CheckAsync(migrate: true))["schema"], Does.StartWith("FAIL dedup.production_dsn names a gatherer's database ("));
        var lines = new Dictionary<string, string>();
        await DatabaseCheck.StoreAsync(new Options { StoreDsn = production }, migrate: true, (what, ok, text) => lines.Add(what, $"{(ok ? "ok" : "FAIL")} {text}"));
        Assert.That(lines["schema"], Does.StartWith("FAIL store.dsn names production's database ("));
    }

    [Test]
    public async Task A_login_without_rights_on_a_gatherers_store_is_told_the_role()
    {
        if (!flavour.HasConcurrency)
        {
            Assert.Ignore("its connections are all of one user");
        }

        using (var database = new StoreDatabase(_dsn, TimeSpan.FromSeconds(30)))
        {
            await Migrations.Gatherer.ApplyAsync(database, "auto");
        }

        var login = $"kalshid_test_{Guid.NewGuid():n}";
        await Sql.ExecuteAsync(_dsn, $"create role {login} login");
        var dsn = new NpgsqlConnectionStringBuilder(_dsn) { Username = login }.ConnectionString;
        try
        {
            Assert.That((await GathererAsync(dsn))["gatherer"], Does.StartWith("FAIL").And.Contains("grant kalshid_dedup to this user"));
            await Sql.ExecuteAsync(_dsn, $"grant kalshid_reader to {login}");
            Assert.That((await GathererAsync(dsn))["gatherer"], Does.StartWith("FAIL").And.EndsWith($"as its owner: grant kalshid_dedup to {login};"));
            await Sql.ExecuteAsync(_dsn, $"grant kalshid_dedup to {login}");
            Assert.That((await GathererAsync(dsn))["gatherer"], Does.StartWith("ok one: "));
        }
        finally
        {
            await Sql.ExecuteAsync(_dsn, $"drop owned by {login}; drop role {login}");
        }
    }

    private async Task<Dictionary<string, string>> CheckAsync(bool migrate = false)
    {
        var lines = new Dictionary<string, string>();
        await DatabaseCheck.ProductionAsync(new Options { ProductionDsn = _dsn }, migrate, (what, ok, text) => lines.Add(what, $"{(ok ? "ok" : "FAIL")} {text}"));
        return lines;
    }

    private static async Task<Dictionary<string, string>> GathererAsync(string dsn)
    {
        var lines = new Dictionary<string, string>();
        await DatabaseCheck.GathererAsync(new GathererDsn("one", dsn), TimeSpan.FromMinutes(1), (what, ok, text) => lines.Add(what, $"{(ok ? "ok" : "FAIL")} {text}"));
        return lines;
    }
}
