using Kalshi.Daemon.Tests.Simulation;
using Kalshi.Daemon.Tests.Store;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// Everything that happens to production while it is written. After each: it holds every turn once, and wherever it was opened anew its rows,
/// positions and memory were of one turn (<see cref="ProductionRig"/> checks that).
/// </summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Parallelizable(ParallelScope.All)]
internal sealed class ProductionFaultTest
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private PostgresServer _server = null!;
    private Random _random = null!;
    private string _dsn = "";
    private ProductionRig? _rig;

    private ProductionRig Rig => _rig!;

    [SetUp]
    public async Task SetUp()
    {
        _random = Seeds.New(out _);
        _server = PostgresServer.New(durable: true);
        _dsn = await _server.CreateDatabaseAsync();
    }

    [TearDown]
    public void TearDown()
    {
        _rig?.Dispose();
        _rig = null;
        _server.Dispose();
    }

    [TestCase(1)]
    [TestCase(3)]
    public async Task A_server_that_is_killed_and_restarted_in_any_way_loses_and_doubles_nothing(int writers)
    {
        await BeginAsync(writers);
        foreach (var stop in (Action[])[_server.Kill, _server.StopFast, _server.StopImmediate, _server.Kill])
        {
            stop();
            Thread.Sleep(_random.Next(100));
            _server.Start();
            await Rig.ProgressAsync();
        }

        Assert.That(Rig.Opened, Is.EqualTo(1), "what was under way is written again, nothing is restored");
        await EndAsync();
    }

    [Test]
    public async Task A_server_killed_between_the_copies_and_the_commit_loses_and_doubles_nothing()
    {
        await BeginAsync();
        for (var i = 0; i < 2; i++)
        {
            await using var holder = await HoldTurnAsync();
            _server.Kill();
            _server.Start();
            await Rig.ProgressAsync();
        }

        await EndAsync();
    }

    [Test]
    public async Task A_connection_terminated_between_its_copies_and_its_commit_loses_and_doubles_nothing()
    {
        await BeginAsync(writers: 2);
        for (var i = 0; i < 3; i++)
        {
            await using var holder = await HoldTurnAsync();
            await Sql.ExecuteAsync(_dsn, $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {Sql.OfWaitingKalshid}");
            await Sql.ExecuteAsync(holder, "COMMIT");
            await Rig.ProgressAsync();
        }

        Assert.That(Rig.Store.Counters.Failures, Is.GreaterThanOrEqualTo(3));
        await EndAsync();
    }

    [Test]
    public async Task Connections_that_are_terminated_lose_and_double_nothing()
    {
        await BeginAsync(writers: 2);
        for (var i = 0; i < 8; i++)
        {
            await Sql.ExecuteAsync(_dsn, $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {Sql.OfKalshid}");
            await Rig.ProgressAsync();
        }

        Assert.That(Rig.Opened, Is.EqualTo(1));
        await EndAsync();
    }

    [Test]
    public async Task A_dedup_that_ends_anywhere_is_followed_by_one_that_goes_on_behind_the_last_turn()
    {
        var turns = new RandomTurns(_random);
        for (var i = 0; i < 6; i++)
        {
            await BeginAsync(writers: _random.Next(1, 3), turns);
            Rig.StopTurning(giveUp: true);
            Rig.Dispose();
        }

        await BeginAsync(turns: turns);
        await EndAsync();
    }

    [Test]
    public async Task A_table_that_somebody_locks_for_longer_than_the_timeout_is_waited_out()
    {
        await BeginAsync(timeout: Patience);
        var before = Rig.Store.Counters.Failures;
        await using (await Sql.HoldAsync(_dsn, "LOCK TABLE kalshid.orderbook_deltas"))
        {
            // Each time it connects first, and is writing for the timeout.
            await Eventually.BecomesTrue(
                () => Rig.Store.Counters.Failures >= before + 2 && Rig.Store.Counters.State.Contains("dedup.timeout", StringComparison.Ordinal), 30_000);
        }

        await Rig.ProgressAsync();
        await EndAsync();
    }

    [Test]
    public async Task A_dedup_ends_though_its_server_does_not_answer()
    {
        await BeginAsync(timeout: Patience);
        _server.Pause();
        try
        {
            var clock = System.Diagnostics.Stopwatch.StartNew();
            Rig.StopTurning(giveUp: true);
            Rig.Dispose();
            Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(15)));
        }
        finally
        {
            _server.Resume();
        }

        await BeginAsync(turns: Rig.Turns);
        await EndAsync();
    }

    [Test]
    public async Task A_second_dedup_waits_and_takes_over_where_the_first_one_ended()
    {
        await BeginAsync();
        using var second = new ProductionRig(_dsn, _random, turns: Rig.Turns);
        var opening = Task.Run(() => second.Open());
        await Eventually.BecomesTrue(() => second.Store.Counters.Failures > 1);
        Assert.That(second.Store.Counters.State, Does.Contain("another dedup writes this production (process "));
        await Rig.ProgressAsync();
        Rig.StopTurning();
        Rig.Store.Flush(default);
        Rig.Dispose();
        await opening;
        await second.Run(10).AssertExactAsync(_dsn);
    }

    [Test]
    public async Task A_dedup_that_lost_its_lock_without_knowing_commits_nothing_more()
    {
        await BeginAsync();
        // Its first connection goes; another dedup comes before it notices.
        await Sql.ExecuteAsync(_dsn, $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {Sql.OfKalshid} AND application_name LIKE 'kalshid dedup%'");
        Rig.StopTurning();
        using var second = new ProductionRig(_dsn, _random, turns: Rig.Turns);
        second.Open();
        second.Run(3);
        second.Store.Flush(default);
        var batch = Rig.Store.Begin();
        Assert.That(
            () =>
            {
                Rig.Store.Commit(batch, default);
                second.Dispose();
                Rig.Store.Flush(default);
            },
            Throws.TypeOf<Kalshi.Daemon.Dedup.ProductionMovedException>().With.Message.Contains("another dedup"));
        Rig.Open();
        await EndAsync();
    }

    [Test]
    public async Task A_database_dropped_and_made_again_is_begun_anew()
    {
        await BeginAsync();
        var name = new NpgsqlConnectionStringBuilder(_dsn).Database;
        await Sql.ExecuteAsync(_server.Dsn("postgres"), $"DROP DATABASE {name} WITH (FORCE)");
        await Eventually.BecomesTrue(() => Rig.Store.Counters.State.Contains("does not exist", StringComparison.Ordinal), 30_000);
        await Sql.ExecuteAsync(_server.Dsn("postgres"), $"CREATE DATABASE {name}");
        await Rig.ProgressAsync();
        Assert.That(Rig.Opened, Is.EqualTo(2));
        await EndAsync();
    }

    [Test]
    public async Task A_failover_to_an_older_copy_is_noticed_and_written_on_from_there()
    {
        await BeginAsync();
        await _server.FailOverAsync(_dsn, () => Rig.ProgressAsync(30));
        await Rig.ProgressAsync();
        Assert.That(Rig.Opened, Is.EqualTo(2));
        await EndAsync();
    }

    [Test]
    public async Task A_full_disk_of_the_database_is_said_and_waited_out()
    {
        using var disk = SmallDisk.MountOrSkip(megabytes: 64);
        _dsn = await _server.CreateDatabaseInAsync(Path.Combine(disk.Path, "space"));
        try
        {
            await BeginAsync();
            disk.Fill(leaveBytes: 0);
            await Eventually.BecomesTrue(() => Rig.Store.Counters.State.Contains("disk is full", StringComparison.Ordinal), 60_000);
            disk.Free();
            await Rig.ProgressAsync();
            await EndAsync();
        }
        finally
        {
            disk.Free();
            _rig?.Dispose();
            await _server.DropDatabaseInFolderAsync();
        }
    }

    [Test]
    public async Task A_gatherers_store_is_refused()
    {
        using var rig = new LoaderRig(_random);
        rig.Append(100);
        rig.Load(_dsn);
        using var dedup = new ProductionRig(_dsn, _random);
        Assert.That(() => dedup.Open(), Throws.TypeOf<Kalshi.Daemon.Primitives.SetupException>().With.Message.Contains("names a gatherer's database"));
    }

    private async Task BeginAsync(int writers = 1, RandomTurns? turns = null, TimeSpan? timeout = null)
    {
        _rig = new ProductionRig(_dsn, _random, writers, timeout, turns).StartTurning();
        await Rig.ProgressAsync();
    }

    private async Task EndAsync()
    {
        Rig.StopTurning();
        await Rig.AssertExactAsync(_dsn);
    }

    /// <summary>A turn has copied everything and waits for the row that the returned connection holds.</summary>
    private async Task<NpgsqlConnection> HoldTurnAsync()
    {
        var holder = await Sql.HoldAsync(_dsn, "SELECT FROM kalshid.store FOR UPDATE");
        await Eventually.BecomesTrue(() => Sql.IsKalshidWaitingAsync(_dsn));
        return holder;
    }
}
