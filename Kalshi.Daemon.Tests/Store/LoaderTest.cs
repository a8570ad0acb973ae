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
}
