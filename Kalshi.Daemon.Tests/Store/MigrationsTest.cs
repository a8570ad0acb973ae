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
        using var gatherer = await NewAsync("store.dsn");
        using var production = await NewAsync("dedup.production_dsn");
        Assert.That(await Migrations.Gatherer.ApplyAsync(gatherer, "auto"), Is.EqualTo(Migrations.Gatherer.Latest));
        Assert.That(await Migrations.Production.ApplyAsync(production, "auto"), Is.EqualTo(Migrations.Production.Latest));
        Assert.That(await Migrations.Production.ApplyAsync(production, "auto"), Is.Zero);
        await AssertRefused(Migrations.Gatherer, production, "dedup.production_dsn names production's database");
        await AssertRefused(Migrations.Production, gatherer, "store.dsn names a gatherer's database");
    }

    private async Task<StoreDatabase> NewAsync(string setting) => new(await flavour.NewDatabaseAsync(), TimeSpan.FromSeconds(30), setting);

    private static async Task AssertRefused(Migrations migrations, StoreDatabase database, string because)
    {
        var e = await Assert.ThrowsAsync<SetupException>(() => migrations.ApplyAsync(database, "auto"));
        Assert.That(e!.Message, Does.StartWith(because));
    }
}
