using Kalshi.Daemon.Tests.Simulation;
using Kalshi.Daemon.Tests.Store;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Production with a bad network before it.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class ProductionNetworkTest
{
    private TcpProxy _proxy = null!;
    private Random _random = null!;
    private string _direct = "";
    private string _dsn = "";

    [SetUp]
    public async Task SetUp()
    {
        _random = Seeds.New(out _);
        _direct = await StoreServers.Postgres.CreateDatabaseAsync();
        _proxy = new TcpProxy(StoreServers.Postgres.Port);
        _dsn = new NpgsqlConnectionStringBuilder(_direct) { Port = _proxy.Port }.ConnectionString;
    }

    [TearDown]
    public void TearDown()
    {
        _proxy.Resume();
        _proxy.Dispose();
    }

    [Test]
    public async Task A_turn_whose_answer_is_lost_is_not_written_twice([Values(1, 3)] int writers)
    {
        using var rig = new ProductionRig(_dsn, _random, writers).StartTurning();
        await rig.ProgressAsync();
        for (var lost = 1; lost <= 4; lost++)
        {
            _proxy.LoseAnswerToCommit();
            await Eventually.BecomesTrue(() => _proxy.CommitsLost == lost, 30_000);
            await rig.ProgressAsync();
        }

        Assert.That(rig.Opened, Is.EqualTo(1), "the turn is recognised as committed");
        await EndAsync(rig);
    }

    [Test]
    public async Task Connections_that_break_anywhere_lose_and_double_nothing()
    {
        using var rig = new ProductionRig(_dsn, _random, writers: 2).StartTurning();
        for (var cut = 0; cut < 8; cut++)
        {
            await rig.ProgressAsync();
            _proxy.Cut();
        }

        _proxy.IsRefusing = true;
        _proxy.Cut();
        await Eventually.BecomesTrue(() => rig.Store.Counters.State != "writing");
        _proxy.IsRefusing = false;
        await rig.ProgressAsync();
        Assert.That(_proxy.Connections, Is.LessThanOrEqualTo(3 + 1), "the first, two writers, perhaps one that is being closed");
        await EndAsync(rig);
    }

    [Test]
    public async Task A_network_that_stalls_for_longer_than_the_timeout_is_given_up_and_taken_again()
    {
        using var rig = new ProductionRig(_dsn, _random, writers: 2, TimeSpan.FromSeconds(1)).StartTurning();
        await rig.ProgressAsync();
        var before = rig.Store.Counters.Failures;
        _proxy.Stall();
        await Eventually.BecomesTrue(() => rig.Store.Counters.Failures > before, 20_000);
        _proxy.Resume();
        await rig.ProgressAsync();
        await EndAsync(rig);
    }

    private async Task EndAsync(ProductionRig rig)
    {
        rig.StopTurning();
        await rig.AssertExactAsync(_direct);
    }
}
