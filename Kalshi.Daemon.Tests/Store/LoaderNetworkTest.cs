using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Simulation;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>A loader and its database with a bad network between them.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Parallelizable(ParallelScope.All)]
internal sealed class LoaderNetworkTest
{
    private LoaderRig _rig = null!;
    private TcpProxy _proxy = null!;
    private string _direct = "";
    private string _dsn = "";

    [SetUp]
    public async Task SetUp()
    {
        _rig = new LoaderRig(Seeds.New(out _));
        _direct = await StoreServers.Postgres.CreateDatabaseAsync();
        _proxy = new TcpProxy(StoreServers.Postgres.Port);
        _dsn = new NpgsqlConnectionStringBuilder(_direct) { Port = _proxy.Port }.ConnectionString;
        _rig.StartAppending();
    }

    [TearDown]
    public void TearDown()
    {
        _proxy.Resume();
        _rig.Dispose();
        _proxy.Dispose();
    }

    [Test]
    public async Task A_commit_whose_answer_is_lost_is_not_done_twice([Values(1, 4)] int writers)
    {
        var loader = _rig.Start(_dsn, new RigLoader { Writers = writers });
        for (var lost = 1; lost <= 3; lost++)
        {
            await ProgressAsync(loader);
            _proxy.LoseAnswerToCommit();
            await Eventually.BecomesTrue(() => _proxy.CommitsLost == lost, 30_000);
        }

        await ProgressAsync(loader);
        await EndAsync(loader);
    }

    [Test]
    public async Task Connections_that_break_anywhere_lose_and_double_nothing()
    {
        var loader = _rig.Start(_dsn, new RigLoader { Writers = 2 });
        for (var cut = 0; cut < 8; cut++)
        {
            await ProgressAsync(loader);
            _proxy.Cut();
        }

        _proxy.IsRefusing = true;
        _proxy.Cut();
        await Eventually.BecomesTrue(() => loader.Counters.State != "loading");
        _proxy.IsRefusing = false;
        await ProgressAsync(loader);
        await EndAsync(loader);
    }

    [Test]
    public async Task A_network_that_stalls_for_longer_than_the_timeout_is_given_up_and_taken_again()
    {
        var loader = _rig.Start(_dsn, new RigLoader { Writers = 2, Timeout = TimeSpan.FromSeconds(1) });
        await ProgressAsync(loader);
        var before = loader.Counters.Failures;
        _proxy.Stall();
        await Eventually.BecomesTrue(() => loader.Counters.Failures > before, 20_000);
        _proxy.Resume();
        await ProgressAsync(loader);
        await EndAsync(loader);
    }

    [Test]
    public async Task A_loader_ends_though_its_network_stalls()
    {
        var loader = _rig.Start(_dsn, new RigLoader { Timeout = TimeSpan.FromMinutes(1) });
        await ProgressAsync(loader);
        _proxy.Stall();
        await Task.Delay(100);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        Assert.That(loader.Stop(TimeSpan.FromMilliseconds(300)), Is.False);
        loader.Dispose();
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(15)));
        _proxy.Resume();
        await EndAsync(_rig.Start(_dsn));
    }

    [Test]
    public async Task Connections_are_closed_when_a_session_cannot_be_opened_whole()
    {
        var loader = _rig.Start(_dsn, new RigLoader { Writers = 2 });
        await ProgressAsync(loader);
        for (var i = 0; i < 6; i++)
        {
            _proxy.Cut();
            await ProgressAsync(loader);
        }

        Assert.That(_proxy.Connections, Is.LessThanOrEqualTo(3 + 1), "a session, two writers, perhaps one that is being closed");
        await EndAsync(loader);
    }

    private static async Task ProgressAsync(Loader loader)
    {
        var goal = loader.Counters.Batches + 3;
        await Eventually.BecomesTrue(() => loader.Fault is not null || loader.Counters.Batches >= goal, 60_000);
        Assert.That(loader.Fault, Is.Null);
    }

    private async Task EndAsync(Loader loader)
    {
        _rig.StopAppending();
        _rig.Finish();
        LoaderRig.Drain(loader);
        await DecodedJournal.AssertLoadedAsync(_rig.Journal, _direct);
        await StoreContents.AssertWholeAsync(_direct, _rig.End);
    }
}
