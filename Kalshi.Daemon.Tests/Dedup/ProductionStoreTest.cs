using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Store;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;
using Sql = Kalshi.Daemon.Tests.Store.Sql;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>What the writing of production makes of turns, on every kind of database.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.Native))]
[Parallelizable(ParallelScope.Self)]
internal sealed class ProductionStoreTest(StoreFlavour flavour)
{
    private const int Market = 1;
    private const long At = RandomTurns.Start;

    private int Writers => flavour.HasConcurrency ? 3 : 1;

    [Test]
    public async Task Production_holds_what_it_was_told([Values(1, 3)] int writers)
    {
        var dsn = await flavour.NewDatabaseAsync();
        using var rig = new ProductionRig(dsn, Seeds.New(out _), Math.Min(writers, Writers));
        rig.Open();
        rig.Run(40);
        await rig.AssertExactAsync(dsn);
    }

    [Test]
    public async Task A_restart_at_any_turn_finds_rows_positions_and_memory_of_the_last_one([Values(0, 3)] int stateEvery)
    {
        var dsn = await flavour.NewDatabaseAsync();
        var random = Seeds.New(out _);
        var turns = new RandomTurns(random, rows: 20);
        for (var i = 0; i < 8; i++)
        {
            using var rig = new ProductionRig(dsn, random, random.Next(Writers) + 1, turns: turns, stateEvery: stateEvery);
            rig.Open(); // looks at everything
            rig.Run(random.Next(6));
            if (random.Next(3) == 0)
            {
                await rig.AssertExactAsync(dsn);
            }
        }

        using var last = new ProductionRig(dsn, random, turns: turns);
        last.Open();
        await last.AssertExactAsync(dsn);
    }

    [Test]
    public async Task Corrections_reach_into_compressed_chunks()
    {
        if (!flavour.HasTimescale)
        {
            Assert.Ignore("no chunks here");
        }

        var dsn = await flavour.NewDatabaseAsync();
        using var rig = new ProductionRig(dsn, Seeds.New(out _));
        rig.Open();
        for (var i = 0; i < 4; i++)
        {
            rig.Run(10);
            rig.Store.Flush(default);
            await CompressAsync(dsn);
        }

        rig.Run(10);
        await rig.AssertExactAsync(dsn);
    }

    [Test]
    public async Task A_correction_applies_to_what_was_told_before_it_and_to_nothing_after()
    {
        var dsn = await flavour.NewDatabaseAsync();
        using var database = new StoreDatabase(dsn, TimeSpan.FromSeconds(30));
        using var store = new ProductionStore(database, new ProductionSettings(["g0"], "auto", 1, TimeSpan.FromSeconds(30), 0), NullLogger.Instance);
        store.Open(default);
        for (var turn = 0; turn < 2; turn++)
        {
            var batch = store.Begin();
            if (turn == 0)
            {
                batch.AddMarket(Market, "KX"u8, At);
            }

            batch.OnChange(Market, new ChangeKey(At, 0), new MarketChange(At, At, Side.Yes, 1, 100 + turn));
            batch.OnChange(2, new ChangeKey(At, 0), new MarketChange(At, At, Side.Yes, 1, 1));
            batch.OnRenumbered(Market, At, 0, 1, 5 + turn);
            batch.OnChange(Market, new ChangeKey(At, 0), new MarketChange(At, At, Side.Yes, 1, 200 + turn));
            batch.OnWithdrawn(Market, new ChangeKey(At, 4), new ChangeKey(At, 5));
            batch.OnRenumbered(Market, At, 0, 1, 10 + turn);
            Assert.That(batch.StepCount, Is.EqualTo(4), "as many as corrections of one market, and one");
            store.Commit(batch, default);
        }

        store.Flush(default);
        // 100 → 5, withdrawn; 200 → 10; 101 → 6, stays; 201 → 11.
        Assert.That(await Sql.ScalarAsync(dsn, "select string_agg(delta || '@' || ordinal, ' ' order by delta) from kalshid.orderbook_deltas where market_id = 1"), Is.EqualTo("101@6 200@10 201@11"));
        Assert.That(await Sql.ScalarAsync(dsn, "select count(*) from kalshid.orderbook_deltas where market_id = 2 and ordinal = 0"), Is.EqualTo(2));
    }

    [Test]
    public async Task Corrections_of_many_markets_take_two_steps_and_look_into_few_partitions()
    {
        const int markets = 3_000;
        if (!flavour.HasConcurrency)
        {
            Assert.Ignore("The server of npm takes minutes for so many rows.");
        }

        var dsn = await flavour.NewDatabaseAsync();
        using var database = new StoreDatabase(dsn, TimeSpan.FromSeconds(60));
        using var store = new ProductionStore(database, new ProductionSettings(["g0"], "auto", 1, TimeSpan.FromSeconds(60), 0), NullLogger.Instance);
        store.Open(default);
        var batch = store.Begin();
        for (var market = 1; market <= markets; market++)
        {
            batch.OnCoverage(new ProductionCoverage(market, 1, CoverageState.Whole, At, long.MaxValue, ChangeKey.None, ChangeKey.None, ""));
            batch.OnCoverage(new ProductionCoverage(market, 2, CoverageState.Whole, At, long.MaxValue, ChangeKey.None, ChangeKey.None, ""));
            batch.OnSnapshot(market, 2, ChangeKey.None, At, [], []);
            batch.OnChange(market, new ChangeKey(At + market, 0), new MarketChange(At + market, At, Side.Yes, 1, 1));
        }

        // Others, of many days.
        for (var day = 1; day <= 60; day++)
        {
            batch.OnChange(1, new ChangeKey(At - (day * Micros.PerDay), 0), new MarketChange(At, At, Side.No, 1, 1));
            batch.OnSnapshot(1, 1, ChangeKey.None, At - (day * Micros.PerDay), [], []);
        }

        store.Commit(batch, default);
        store.Flush(default);
        batch = store.Begin();
        for (var market = 1; market <= markets; market++)
        {
            batch.OnRenumbered(market, At + market, 0, 1, 7);
            batch.OnJoined(market, 2, 1, new ChangeKey(At + market, 7));
            batch.OnCoverageRemoved(market, 2);
        }

        Assert.That(batch.StepCount, Is.EqualTo(3));
        var clock = System.Diagnostics.Stopwatch.StartNew();
        store.Commit(batch, default);
        store.Flush(default);
        TestContext.Out.WriteLine($"{2 * markets} corrections in {clock.ElapsedMilliseconds} ms");
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(20)));
        Assert.That(await Sql.ScalarAsync(dsn, "select count(*) from kalshid.orderbook_deltas where ordinal = 7"), Is.EqualTo(markets));
        Assert.That(await Sql.ScalarAsync(dsn, "select count(*) from kalshid.orderbook_snapshots where coverage_number = 1 and ordinal = 7"), Is.EqualTo(markets));
        Assert.That(await Sql.ScalarAsync(dsn, "select count(*) from kalshid.coverage"), Is.EqualTo(markets));
    }

    [Test]
    public async Task Hours_of_which_a_turn_says_something_new_are_exported_again_and_no_others()
    {
        const long minute = Micros.PerMinute;
        var dsn = await flavour.NewDatabaseAsync();
        using var database = new StoreDatabase(dsn, TimeSpan.FromSeconds(30));
        using var store = new ProductionStore(database, new ProductionSettings(["g0"], "auto", 1, TimeSpan.FromSeconds(30), Margin: 10 * Micros.PerSecond), NullLogger.Instance);
        store.Open(default);
        var start = At / Micros.PerHour * Micros.PerHour;
        long Of(int hour, long at = 0) => start + (hour * Micros.PerHour) + at;
        ProductionCoverage Stretch(int number, long fromAt, long toAt) =>
            new(Market, number, CoverageState.Whole, fromAt, toAt, new ChangeKey(fromAt, 0), toAt == long.MaxValue ? ChangeKey.None : new ChangeKey(toAt, 0), "");
        ProductionCoverage Gap(CoverageState state) => new(Market, 2, state, Of(1, 30 * minute), Of(2, 10 * minute), ChangeKey.None, ChangeKey.None, "broke");
        var last = new ChangeKey(Of(1, 30 * minute), 0);

        await Turn(batch =>
        {
            batch.AddMarket(Market, "KX"u8, start);
            for (var hour = 0; hour < 6; hour++)
            {
                batch.OnChange(2, new ChangeKey(Of(hour, minute), 0), new MarketChange(Of(hour, minute), Of(hour, minute), Side.Yes, 1, 1));
            }

            batch.OnCoverage(Stretch(1, Of(1, minute), last.At));
            batch.OnChange(Market, last, new MarketChange(last.At, last.At, Side.Yes, 1, 1));
            batch.OnCoverage(Gap(CoverageState.Gap));
            batch.OnCoverage(Stretch(3, Of(2, 10 * minute), long.MaxValue));
            batch.OnSnapshot(Market, 1, last, Of(4, 5 * minute), [], []);
        }, "0 1 2 3 4 5");
        await Turn(batch => batch.OnChange(2, new ChangeKey(Of(5, 2 * minute), 0), new MarketChange(Of(5, 2 * minute), Of(5), Side.Yes, 1, 1)), "5");
        await Turn(batch => batch.OnRenumbered(Market, last.At, 0, 1, 3), "1 4");
        await Turn(batch => batch.OnVouch(new Vouch(Market, 1, 0, Of(2), Of(2, minute), last)), "2 3");
        await Turn(batch => batch.OnVouchEnded(Market, 1, Of(3, minute), last, "broke"), "3");
        await Turn(batch =>
        {
            batch.OnJoined(Market, 3, 1, last);
            batch.OnCoverageRemoved(Market, 3);
            batch.OnCoverage(Gap(CoverageState.Repaired));
            batch.OnCoverage(Stretch(1, Of(1, minute), long.MaxValue));
        }, "1 2 3 4 5");
        await Turn(batch => batch.OnCoverageRemoved(Market, 2), "1 2");
        await Turn(_ => { }, null);

        async Task Turn(Action<ProductionBatch> tell, string? hours)
        {
            var batch = store.Begin();
            tell(batch);
            batch.Watermark = Of(5, 30 * minute);
            batch.SetPosition(0, Of(3, 5 * minute), start);
            store.Commit(batch, default);
            store.Flush(default);
            var marked = await Sql.ScalarAsync(
                dsn, $"select string_agg(((extract(epoch from hour) - {start / Micros.PerSecond}) / 3600)::int::text, ' ' order by hour) from kalshid.hours where turn = {batch.Turn}");
            Assert.That(marked, Is.EqualTo(hours), $"turn {batch.Turn}");
            if (flavour.HasTimescale)
            {
                await CompressAsync(dsn);
            }
        }
    }

    private static Task CompressAsync(string dsn) =>
        Sql.ExecuteAsync(dsn, "select compress_chunk(c, if_not_compressed => true) from kalshid.stream_tables s, show_chunks(('kalshid.' || s.name)::regclass) c");

    [Test]
    public async Task Gatherers_keep_their_index_whatever_the_order_of_the_configuration()
    {
        var dsn = await flavour.NewDatabaseAsync();
        using var database = new StoreDatabase(dsn, TimeSpan.FromSeconds(30));
        foreach (var (configured, known) in ((string[], string[])[])[(["b", "a"], ["b", "a"]), (["a"], ["b", "a"]), (["c", "a", "b"], ["b", "a", "c"])])
        {
            using var store = new ProductionStore(database, new ProductionSettings(configured, "auto", 1, TimeSpan.FromSeconds(30), 0), NullLogger.Instance);
            Assert.That(store.Open(default).Gatherers.Select(gatherer => gatherer.Name), Is.EqualTo(known));
        }
    }

    [Test]
    public async Task A_memory_that_does_not_fit_its_rows_is_refused()
    {
        var dsn = await flavour.NewDatabaseAsync();
        using (var rig = new ProductionRig(dsn, Seeds.New(out _), stateEvery: 0))
        {
            rig.Open();
            rig.Run(4);
            await rig.AssertExactAsync(dsn);
        }

        await Sql.ExecuteAsync(dsn, "update kalshid.merge_log set bytes = set_byte(bytes, length(bytes) - 1, get_byte(bytes, length(bytes) - 1) # 1) where turn = 2");
        using var database = new StoreDatabase(dsn, TimeSpan.FromSeconds(30));
        using var store = new ProductionStore(database, new ProductionSettings(["g0", "g1", "g2"], "auto", 1, TimeSpan.FromSeconds(30), 0), NullLogger.Instance);
        var start = store.Open(default);
        Assert.That(() => start.Restore(_ => { }, stream => stream.CopyTo(Stream.Null)), Throws.TypeOf<InvalidDataException>());
        await Sql.ExecuteAsync(dsn, "delete from kalshid.merge_log where turn = 3");
        Assert.That(() => store.Open(default), Throws.TypeOf<SetupException>().With.Message.Contains("turn 3 is missing"));
    }

    [Test]
    public async Task The_upkeep_makes_partitions_summarises_late_rows_and_drops_old_ones()
    {
        var dsn = await flavour.NewDatabaseAsync();
        using var rig = new ProductionRig(dsn, Seeds.New(out _));
        rig.Open();
        rig.Run(10);
        await rig.AssertExactAsync(dsn);
        using var database = new StoreDatabase(dsn, TimeSpan.FromSeconds(30));
        foreach (var marketIndex in (bool[])[false, true])
        {
            var settings = new UpkeepSettings(TimeSpan.FromDays(10), TimeSpan.FromDays(2), DirectCompress: false, marketIndex, TimeSpan.FromHours(1), TimeSpan.FromMilliseconds(50));
            using var upkeep = new StoreUpkeep(database, settings, NullLogger.Instance, UpkeepKind.Production, rig.Store.Touched);
            upkeep.StartSummaries();
            await upkeep.TurnAsync(At, CancellationToken.None);
            Assert.That(await Sql.ScalarAsync(dsn, "select count(*) from pg_class where relname = 'orderbook_deltas_market'"), Is.EqualTo(marketIndex ? 1 : 0));
            await Simulation.Eventually.BecomesTrue(() => rig.Store.Touched.IsEmpty);
        }

        Assert.That(await Sql.ScalarAsync(dsn, $"select count(*) from kalshid.orderbook_deltas where exchange_at < to_timestamp({(At - (11 * Micros.PerDay)) / 1e6})"), Is.Zero);
        Assert.That(await Sql.ScalarAsync(dsn, "select dropped_before is not null from kalshid.store"), Is.True);
    }
}
