using Kalshi.Daemon.Tests.Simulation;
using Kalshi.Daemon.Tests.Store;
using NUnit.Framework;
using Sql = Kalshi.Daemon.Tests.Store.Sql;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>When `--until-idle` may stop a dedup: what is slow is not idle.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class IdleTest
{
    private LoaderRig _rig = null!;
    private string _gatherer = "";
    private string _production = "";

    [SetUp]
    public async Task SetUp()
    {
        (_production, _gatherer) = (await StoreServers.Postgres.CreateDatabaseAsync(), await StoreServers.Postgres.CreateDatabaseAsync());
        _rig = new LoaderRig(Seeds.New(out _));
        await MergeMoreAsync();
    }

    [TearDown]
    public void TearDown() => _rig?.Dispose();

    [Test]
    public async Task A_commit_that_takes_long_is_work()
    {
        using var merge = new MergeRun(_production, _gatherer);
        await Eventually.BecomesTrue(() => merge.IdleFor > TimeSpan.FromSeconds(1), 60_000);
        await using (await Sql.HoldAsync(_production, "LOCK TABLE kalshid.store"))
        {
            Load();
            await merge.WaitsForLockAsync();
            await AssertWorksAsync(merge);
        }

        await merge.MergesToAsync(_rig.End);
    }

    [Test]
    public async Task A_store_that_takes_long_to_answer_is_waited_for()
    {
        Load();
        await using (await Sql.HoldAsync(_gatherer, "LOCK TABLE kalshid.orderbook_deltas"))
        {
            using var merge = new MergeRun(_production, _gatherer);
            await Eventually.BecomesTrue(() => merge.IsMerging, 60_000);
            await AssertWorksAsync(merge);
        }

        await MergeMoreAsync();
    }

    private async Task MergeMoreAsync()
    {
        Load();
        using var merge = new MergeRun(_production, _gatherer);
        await merge.MergesToAsync(_rig.End);
    }

    private void Load() => _rig.Append(300).Load(_gatherer);

    private static async Task AssertWorksAsync(MergeRun merge)
    {
        for (var looks = 0; looks < 30; looks++)
        {
            Assert.That(merge.IdleFor, Is.EqualTo(TimeSpan.Zero));
            await Task.Delay(50);
        }
    }
}
