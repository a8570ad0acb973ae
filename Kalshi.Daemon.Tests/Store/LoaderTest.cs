using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Books;
using Kalshi.Daemon.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>What a loader makes of a journal, on every kind of database.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
internal sealed class LoaderTest(StoreFlavour flavour)
{
    [Test]
    public async Task The_store_holds_exactly_what_the_journal_says()
    {
        using var rig = new LoaderRig(Seeds.New(out _));
        var dsn = await flavour.NewDatabaseAsync();
        rig.Append(4_000).Finish();
        rig.Load(dsn);
        await DecodedJournal.AssertLoadedAsync(rig.Journal, dsn);
        await StoreContents.AssertWholeAsync(dsn, rig.End);
    }

    [Test]
    public async Task A_market_that_only_a_command_names_is_listed_as_well()
    {
        using var rig = (await StoreRig.NewAsync(flavour)).Append(new Script().SubscribeBooks().Snapshot(1, "KX-A").DeleteMarkets(2, "KX-B").Ok(2, 2));
        rig.Load();
        Assert.That(await rig.NumberAsync("select market_id from kalshid.markets where ticker = 'KX-B'"), Is.EqualTo(2));
    }

    [Test]
    public async Task A_bug_within_the_loader_makes_it_begin_again_from_what_the_store_holds()
    {
        using var rig = new LoaderRig(Seeds.New(out _));
        var dsn = await flavour.NewDatabaseAsync();
        rig.Append(1_000);
        var middle = rig.End;
        rig.Append(1_000).Finish();
        using var database = new StoreDatabase(dsn, TimeSpan.FromSeconds(30));
        var calls = 0;
        long Durable() => Interlocked.Increment(ref calls) switch
        {
            1 => middle,
            2 or 3 => throw new InvalidOperationException("a bug of the test"),
            _ => long.MaxValue,
        };
        using var loader = new Loader(database, rig.Settings(new RigLoader()), Durable, NullLogger.Instance);
        loader.Start();
        await Eventually.BecomesTrue(() => loader.Counters.Committed == rig.End, 60_000);
        Assert.That(loader.Counters.Failures, Is.EqualTo(2));
        LoaderRig.Drain(loader);
        await DecodedJournal.AssertLoadedAsync(rig.Journal, dsn);
    }
}
