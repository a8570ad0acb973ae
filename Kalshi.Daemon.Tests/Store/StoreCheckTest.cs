using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Books;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>The store's lines of `kalshid check`: each says ok, or what to do.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
internal sealed class StoreCheckTest(StoreFlavour flavour)
{
    [Test]
    public async Task An_empty_database_a_new_schema_and_a_loaded_store()
    {
        using var rig = await StoreRig.NewAsync(flavour);
        var empty = await CheckAsync(rig.Dsn);
        Assert.That(empty.Keys, Is.EqualTo(new[] { "store", "schema" }));
        Assert.That(empty["store"], Does.Match("^ok .+, PostgreSQL 1"));
        Assert.That(empty["schema"], Does.StartWith("ok none yet: gather and load create it"));

        var migrated = await CheckAsync(rig.Dsn, migrate: true);
        Assert.That(migrated.GetValueOrDefault("migrate"), Does.StartWith("ok schema created: 001-tables, 002-partitions"), string.Join("; ", migrated));
        Assert.That(migrated["schema"], Is.EqualTo($"ok version {Migrations.Gatherer.Latest}"));
        Assert.That(migrated["timescale"], Does.Match(flavour.HasTimescale ? @"^ok 2\..*, in use$" : "^ok not in this database: native partitions$"));
        Assert.That(migrated["roles"], Is.EqualTo("ok kalshid_writer, kalshid_reader and kalshid_dedup: grant them to logins"));
        Assert.That(migrated["rights"], Is.EqualTo("ok postgres may load, make partitions and drop them"));
        Assert.That(migrated["loader"], Is.EqualTo("ok nothing is loaded yet"));
        Assert.That(migrated["size"], Does.Match(@"^ok \d+ (kB|MB)"));
        var again = await CheckAsync(rig.Dsn, migrate: true);
        Assert.That(again.GetValueOrDefault("migrate"), Is.EqualTo("ok nothing to do"), string.Join("; ", again));

        rig.Append(new Script().SubscribeBooks().Snapshot(1, "KX-A")).Load();
        Assert.That((await CheckAsync(rig.Dsn))["loader"], Does.Match(@"^ok holds everything up to 2026-08-05T03:00:00.00003.*, \w+ ago$"));
    }

    [Test]
    public async Task Older_and_newer_schemas()
    {
        using var rig = await StoreRig.NewAsync(flavour);
        await Migrations.Gatherer.ApplyAsync(rig.Database, "auto");
        await rig.ExecuteAsync("insert into kalshid.migrations (version, name) values (999, 'later')");
        Assert.That((await CheckAsync(rig.Dsn))["schema"], Does.Match("^FAIL .*version 999; this kalshid knows .*: use the newer kalshid"));
        await rig.ExecuteAsync("delete from kalshid.migrations where version > 1");
        Assert.That((await CheckAsync(rig.Dsn))["schema"], Does.StartWith($"ok version 1: gather and load bring it to {Migrations.Gatherer.Latest}"));
    }

    [Test]
    public async Task A_login_without_rights_is_told_the_statements()
    {
        if (!flavour.HasConcurrency)
        {
            Assert.Ignore("its connections are all of one user");
        }

        using var rig = await StoreRig.NewAsync(flavour);
        var login = $"kalshid_test_{Guid.NewGuid():n}";
        await rig.ExecuteAsync($"create role {login} login");
        var dsn = new NpgsqlConnectionStringBuilder(rig.Dsn) { Username = login }.ConnectionString;
        try
        {
            Assert.That((await CheckAsync(dsn))["schema"], Does.StartWith("FAIL none, and this user may not create it").And.EndsWith($"to {login};"));
            Assert.That((await CheckAsync(dsn, migrate: true))["migrate"], Does.StartWith("FAIL permission denied for database").And.EndsWith($"to {login};"));
            await Migrations.Gatherer.ApplyAsync(rig.Database, "auto");
            Assert.That((await CheckAsync(dsn))["schema"], Does.StartWith("FAIL").And.Contains("grant kalshid_writer to this user"));
            await rig.ExecuteAsync($"grant kalshid_reader to {login}");
            Assert.That((await CheckAsync(dsn))["rights"], Is.EqualTo($"FAIL {login} may not load this store; as its owner: grant kalshid_writer to {login};"));
            await rig.ExecuteAsync($"grant kalshid_writer to {login}");
            Assert.That((await CheckAsync(dsn)).Values, Has.None.StartsWith("FAIL"));
        }
        finally
        {
            await rig.ExecuteAsync($"drop owned by {login}; drop role {login}");
        }
    }

    [Test]
    public async Task A_server_that_does_not_answer_is_named()
    {
        var lines = await CheckAsync("Host=127.0.0.1;Port=1;Username=nobody;Database=none");
        Assert.That(lines["store"], Does.StartWith("FAIL 127.0.0.1:1/none: "));
    }

    private static async Task<Dictionary<string, string>> CheckAsync(string dsn, bool migrate = false)
    {
        var lines = new Dictionary<string, string>();
        var options = new Options { StoreDsn = dsn, StoreTimeout = TimeSpan.FromMinutes(1) };
        await DatabaseCheck.StoreAsync(options, migrate, (what, ok, text) => lines.Add(what, $"{(ok ? "ok" : "FAIL")} {text}"));
        return lines;
    }
}
