using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Simulation;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>
/// Everything that happens to a database while it is loaded. After each: the store holds exactly what the journal says, and the journal
/// was written as if nothing had been.
/// </summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[Parallelizable(ParallelScope.All)]
internal sealed class LoaderFaultTest
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private PostgresServer _server = null!;
    private LoaderRig _rig = null!;
    private Random _random = null!;
    private string _dsn = "";

    [SetUp]
    public async Task SetUp()
    {
        _random = Seeds.New(out _);
        _rig = new LoaderRig(_random);
        _server = PostgresServer.New(durable: true);
        _dsn = await _server.CreateDatabaseAsync();
    }

    [TearDown]
    public void TearDown()
    {
        _rig.Dispose();
        _server.Dispose();
    }

    [TestCase(1)]
    [TestCase(3)]
    public async Task A_server_that_is_killed_and_restarted_in_any_way_loses_and_doubles_nothing(int writers)
    {
        var loader = await BeginAsync(new RigLoader { Writers = writers });
        foreach (var stop in (Action[])[_server.Kill, _server.StopFast, _server.StopImmediate])
        {
            stop();
            Thread.Sleep(_random.Next(100));
            _server.Start();
            await ProgressAsync(loader);
        }

        Assert.That(loader.Counters.Failures, Is.GreaterThanOrEqualTo(3));
        await EndAsync(loader);
    }

    /// <summary>Commits wait for no disk; this server hardly goes to it by itself.</summary>
    [TestCase(1)]
    [TestCase(3)]
    public async Task Commits_that_a_crash_takes_back_are_loaded_again_and_the_journal_is_kept_for_them(int writers)
    {
        using var server = PostgresServer.New(durable: true, settings: [("wal_writer_delay", "10s"), ("wal_writer_flush_after", "1GB"), ("autovacuum", "off")]);
        _dsn = await server.CreateDatabaseAsync();
        var loader = await BeginAsync(new RigLoader { Writers = writers });
        var takenBack = 0;
        for (var kill = 0; kill < 30 && (kill < 2 || takenBack == 0); kill++)
        {
            await ProgressAsync(loader, batches: 20);
            var before = await StoreContents.CursorAsync(_dsn);
            server.Kill();
            var kept = Cursors.Beside(_rig.Journal).Single(cursor => cursor.Name == Loader.CursorName).Position;
            server.Start();
            // The loader may have begun again by now: then this kill tells nothing.
            var after = await StoreContents.CursorAsync(_dsn);
            takenBack += after < before ? 1 : 0;
            Assert.That(kept, Is.LessThanOrEqualTo(after), "the journal may be deleted only up to what no crash takes back");
        }

        _rig.StopAppending();
        _rig.Finish();
        LoaderRig.Drain(loader);
        await DecodedJournal.AssertLoadedAsync(_rig.Journal, _dsn);
        await StoreContents.AssertWholeAsync(_dsn, _rig.End);
        var again = await server.CreateDatabaseAsync();
        _rig.Load(again, new RigLoader { BatchRows = 5_000 });
        await StoreContents.AssertSameAsync(_dsn, again);
        Assert.That(takenBack, Is.Positive, "a crash of the server takes back what it had not written");
    }

    [Test]
    public async Task A_pause_shorter_than_the_timeout_is_waited_for()
    {
        var loader = await BeginAsync();
        _server.Pause();
        await Task.Delay(500);
        _server.Resume();
        await ProgressAsync(loader);
        Assert.That(loader.Counters.Failures, Is.Zero);
        await EndAsync(loader);
    }

    [Test]
    public async Task A_pause_longer_than_the_timeout_is_a_failure_that_says_so()
    {
        var loader = await BeginAsync(new RigLoader { Timeout = Patience, Writers = 2 });
        var before = loader.Counters.Failures;
        _server.Pause();
        await Eventually.BecomesTrue(() => loader.Counters.Failures >= before + 2, 20_000);
        var state = loader.Counters.State;
        _server.Resume();
        Assert.That(state, Does.Contain("127.0.0.1").And.Contain("time").IgnoreCase);
        await ProgressAsync(loader);
        await EndAsync(loader);
    }

    [Test]
    public async Task A_loader_ends_though_its_server_does_not_answer()
    {
        var loader = await BeginAsync(new RigLoader { Timeout = Patience });
        _server.Pause();
        try
        {
            _rig.StopAppending();
            var clock = System.Diagnostics.Stopwatch.StartNew();
            Assert.That(loader.Stop(TimeSpan.FromMilliseconds(200)), Is.False);
            Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(15)));
        }
        finally
        {
            _server.Resume();
        }

        await EndAsync(_rig.Start(_dsn));
    }

    [Test]
    public async Task Connections_that_are_terminated_lose_and_double_nothing()
    {
        var loader = await BeginAsync(new RigLoader { Writers = 2 });
        for (var i = 0; i < 12; i++)
        {
            await Sql.ExecuteAsync(_dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kalshid' AND datname = current_database()");
            await ProgressAsync(loader);
        }

        await EndAsync(loader);
    }

    [Test]
    public async Task A_connection_terminated_between_its_copies_and_its_commit_loses_and_doubles_nothing()
    {
        var loader = await BeginAsync();
        for (var i = 0; i < 3; i++)
        {
            await using var holder = await Sql.HoldAsync(_dsn, "SELECT FROM kalshid.cursors WHERE name = 'loader' FOR UPDATE");
            // The loader has copied everything and waits for the cursor.
            const string waiting = "FROM pg_stat_activity WHERE application_name = 'kalshid' AND wait_event_type = 'Lock' AND datname = current_database()";
            await Eventually.BecomesTrue(async () => await Sql.ScalarAsync(_dsn, $"SELECT 1 {waiting}") is not null);
            await Sql.ExecuteAsync(_dsn, $"SELECT pg_terminate_backend(pid) {waiting}");
            await Sql.ExecuteAsync(holder, "COMMIT");
            await ProgressAsync(loader);
        }

        Assert.That(loader.Counters.Failures, Is.GreaterThanOrEqualTo(3));
        await EndAsync(loader);
    }

    [Test]
    public async Task A_table_that_somebody_locks_for_longer_than_the_timeout_is_waited_out()
    {
        var loader = await BeginAsync(new RigLoader { Timeout = Patience });
        var before = loader.Counters.Failures;
        await using (await Sql.HoldAsync(_dsn, "LOCK TABLE kalshid.orderbook_deltas"))
        {
            // Each time the loader connects first, and is loading for the timeout.
            await Eventually.BecomesTrue(
                () => loader.Counters.Failures >= before + 3 && loader.Counters.State.Contains("store.timeout", StringComparison.Ordinal), 40_000);
        }

        await ProgressAsync(loader);
        await EndAsync(loader);
    }

    [Test]
    public async Task A_server_that_always_takes_longer_than_the_timeout_is_given_more_time_until_it_makes_it()
    {
        var loader = await BeginAsync(new RigLoader { Timeout = Patience });
        // Each commit takes more than two timeouts: the third try has four.
        await Sql.ExecuteAsync(_dsn, """
            CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(2.2); RETURN NEW; END';
            CREATE TRIGGER slow BEFORE UPDATE ON kalshid.cursors FOR EACH ROW EXECUTE FUNCTION slow();
            """);
        var failures = loader.Counters.Failures;
        await ProgressAsync(loader);
        Assert.That(loader.Counters.Failures - failures, Is.InRange(2, 8), "it keeps the time that was enough, or nearly so on a busy machine");
        await Sql.ExecuteAsync(_dsn, "DROP TRIGGER slow ON kalshid.cursors");
        await EndAsync(loader);
    }

    [Test]
    public async Task A_database_dropped_and_made_again_is_loaded_from_the_journal_with_the_same_rows()
    {
        var loader = await BeginAsync();
        var name = new NpgsqlConnectionStringBuilder(_dsn).Database;
        await Sql.ExecuteAsync(_server.Dsn("postgres"), $"DROP DATABASE {name} WITH (FORCE)");
        await Eventually.BecomesTrue(() => loader.Counters.State.Contains("does not exist", StringComparison.Ordinal));
        Assert.That(loader.Counters.State, Does.Contain("createdb"));
        await Sql.ExecuteAsync(_server.Dsn("postgres"), $"CREATE DATABASE {name}");
        await ProgressAsync(loader);
        await EndAsync(loader);
    }

    [Test]
    public async Task A_database_that_is_an_older_copy_is_loaded_on_from_its_own_cursor()
    {
        var loader = await BeginAsync();
        await _server.FailOverAsync(_dsn, () => ProgressAsync(loader, batches: 30));
        await ProgressAsync(loader);
        await EndAsync(loader);
    }

    [Test]
    public async Task Two_loaders_of_one_store_take_turns_and_double_nothing()
    {
        _rig.StartAppending();
        var loaders = new[] { _rig.Start(_dsn), _rig.Start(_dsn, new RigLoader { BatchRows = 70, Writers = 2 }) };
        await Eventually.BecomesTrue(() => loaders.Sum(loader => loader.Counters.Batches) > 40 && loaders.Sum(loader => loader.Counters.Failures) > 2, 60_000);
        _rig.StopAppending();
        _rig.Finish();
        Array.ForEach(loaders, loader => LoaderRig.Drain(loader));
        await AssertExactAsync();
    }

    [Test]
    public async Task A_full_disk_of_the_database_is_said_and_waited_out()
    {
        using var disk = SmallDisk.MountOrSkip(megabytes: 64);
        _dsn = await _server.CreateDatabaseInAsync(Path.Combine(disk.Path, "space"));
        try
        {
            var loader = await BeginAsync(new RigLoader { BatchRows = 2_000 });
            disk.Fill(leaveBytes: 0);
            await Eventually.BecomesTrue(() => loader.Counters.State.Contains("disk is full", StringComparison.Ordinal), 30_000);
            disk.Free();
            await ProgressAsync(loader);
            await EndAsync(loader);
        }
        finally
        {
            disk.Free();
            _rig.StopLoaders();
            await _server.DropDatabaseInFolderAsync();
        }
    }

    [Test]
    public async Task A_store_that_cannot_be_used_is_explained()
    {
        _rig.Append(100);
        await Sql.ExecuteAsync(_server.Dsn("postgres"), "DO $$ BEGIN CREATE ROLE guest LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
        await Sql.ExecuteAsync(_dsn, "REVOKE CREATE ON DATABASE \"" + new NpgsqlConnectionStringBuilder(_dsn).Database + "\" FROM guest");
        foreach (var (dsn, how, says) in ((string, RigLoader, string)[])
        [
            (_server.Dsn("nowhere"), new(), "database \"nowhere\" does not exist: create it (createdb)"),
            (_dsn.Replace("postgres", "nobody", StringComparison.Ordinal), new(), "role \"nobody\" does not exist: check user and password"),
            (_dsn.Replace("postgres", "guest", StringComparison.Ordinal), new(), "permission denied"),
            ("Host=127.0.0.1;Port=1;Username=postgres;Database=x", new(), "127.0.0.1:1/x: Failed to connect"),
            (_dsn, new() { Timescale = "on" }, "store.timescale is on, but the extension cannot be created"),
        ])
        {
            var loader = _rig.Start(dsn, how);
            await Eventually.BecomesTrue(() => loader.Counters.Failures > 0);
            Assert.That(loader.Counters.State, Does.Contain(says));
            Assert.That(loader.Stop(TimeSpan.Zero), Is.False);
        }

        _rig.Load(_dsn);
        var other = _rig.Start(_dsn, new RigLoader { Gatherer = "other" });
        await Eventually.BecomesTrue(() => other.Counters.Failures > 0);
        Assert.That(other.Counters.State, Does.Contain("belongs to the gatherer \"test\"; this one is \"other\""));
    }

    private async Task<Loader> BeginAsync(RigLoader? how = null)
    {
        _rig.StartAppending();
        var loader = _rig.Start(_dsn, how);
        await ProgressAsync(loader);
        return loader;
    }

    /// <summary>It goes on loading what is new.</summary>
    private static async Task ProgressAsync(Loader loader, int batches = 5)
    {
        var goal = loader.Counters.Batches + batches;
        await Eventually.BecomesTrue(() => loader.Fault is not null || loader.Counters.Batches >= goal, 60_000);
        Assert.That(loader.Fault, Is.Null);
    }

    private async Task EndAsync(Loader loader)
    {
        _rig.StopAppending();
        _rig.Finish();
        LoaderRig.Drain(loader);
        await AssertExactAsync();
        Assert.That(_rig.SlowestAppend, Is.LessThan(TimeSpan.FromSeconds(5)), "the journal waits for no store");
    }

    private async Task AssertExactAsync()
    {
        await DecodedJournal.AssertLoadedAsync(_rig.Journal, _dsn);
        await StoreContents.AssertWholeAsync(_dsn, _rig.End);
        var again = await _server.CreateDatabaseAsync();
        _rig.Load(again, new RigLoader { BatchRows = 5_000 });
        await StoreContents.AssertSameAsync(_dsn, again);
    }
}
