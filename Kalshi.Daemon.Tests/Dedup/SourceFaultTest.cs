using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Store;
using Kalshi.Daemon.Tests.Verify;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Stores that fail, are replaced, or are damaged.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class SourceFaultTest
{
    private const string Missing = "rows of the epoch are missing in the gatherer's store";
    private const string At = "(extract(epoch FROM {0}) * 1000000)::int8";

    [Test]
    public async Task A_database_that_is_killed_restarted_and_paused_costs_nothing_but_time()
    {
        var random = Seeds.New(out var seed);
        using var server = PostgresServer.New(durable: true);
        var dsn = await server.CreateDatabaseAsync();
        using var rig = new LoaderRig(random);
        rig.Append(500);
        var loader = rig.Start(dsn, new RigLoader { BatchRows = 100 });
        using var turns = new TurnRig([dsn], pieceRowsMax: 30, timeout: TimeSpan.FromSeconds(1));
        rig.StartAppending(20, recordsMax: 10_000);
        for (var round = 0; round < 4; round++)
        {
            var told = turns.Tape.Calls.Count;
            turns.RunUntil(() => turns.Tape.Calls.Count > told + 200, "some rows");
            switch (round % 4)
            {
                case 0: server.Kill(); server.Start(); break;
                case 1: server.Restart(); break;
                case 2:
                    server.Pause();
                    turns.RunUntil(() => turns.Turns.SourceOf(0).IsFailing, "the end of the timeout");
                    server.Resume();
                    break;
                default: server.StopImmediate(); server.Start(); break;
            }
        }

        rig.StopAppending();
        rig.Finish();
        LoaderRig.Drain(loader);
        turns.RunTo(rig.End);
        SourceTest.AssertTold(turns, 0, $"seed {seed}");
    }

    [Test]
    public async Task A_store_that_is_dropped_and_loaded_again_from_the_same_journal_is_waited_for()
    {
        var random = Seeds.New(out var seed);
        var dsn = await StoreServers.Plain.NewDatabaseAsync();
        using var rig = new LoaderRig(random).Append(1_500);
        rig.Load(dsn);
        using var turns = new TurnRig([dsn]);
        turns.RunTo(rig.End);
        var told = turns.Tape.Calls.Count;
        await DropAsync(dsn);
        rig.Limit = rig.End / 2 + (1_790_000_000_000_000 / 2);
        rig.Load(dsn);
        var shorter = await StoreContents.CursorAsync(dsn);
        turns.RunUntil(() => turns.Turns.SourceOf(0).Loaded == shorter, "the store is seen to be behind");
        Assert.That(turns.Tape.Calls, Has.Count.EqualTo(told));
        rig.Limit = long.MaxValue;
        rig.Append(500).Finish();
        rig.Load(dsn);
        turns.RunTo(rig.End);
        Assert.That(turns.Tape.Of(0), Has.None.EqualTo("replaced"));
        SourceTest.AssertTold(turns, 0, $"seed {seed}");
    }

    [Test]
    public async Task A_store_that_was_rebuilt_from_nothing_begins_anew()
    {
        var random = Seeds.New(out var seed);
        var dsn = await StoreServers.Plain.NewDatabaseAsync();
        using var rig = new LoaderRig(new Random(random.Next())).Append(1_500).Finish();
        using var other = new LoaderRig(new Random(random.Next()), markets: 70).Append(2_500).Finish();
        rig.Load(dsn);
        using var turns = new TurnRig([dsn]);
        turns.RunTo(rig.End);
        var before = StoreCalls.Read(turns.Database(0));
        var was = turns.Turns.FirstRecordAtOf(0);
        await DropAsync(dsn);
        other.Load(dsn);
        turns.RunUntil(() => turns.Turns.FirstRecordAtOf(0) != was && turns.Turns.PositionOf(0) == other.End, "the other store's end");
        var told = turns.Tape.Of(0).ToList();
        var at = told.IndexOf("replaced");
        Assert.That(told[..at], Is.EqualTo(before).AsCollection, $"seed {seed}");
        Assert.That(TurnTape.Settled(told[(at + 1)..]), Is.EqualTo(StoreCalls.Read(turns.Database(0))).AsCollection, $"seed {seed}");
    }

    [Test]
    public async Task A_deleted_row_breaks_its_epoch_at_the_row_after_it()
    {
        var random = Seeds.New(out var seed);
        var (rig, dsn, expected) = await NewStoreAsync(random);
        using (rig)
        {
            for (var round = 0; round < 4; round++)
            {
                var (at, epoch) = await AnyDeltaAsync(dsn, random);
                await Sql.ExecuteAsync(dsn, $"CREATE TABLE gone AS SELECT * FROM kalshid.orderbook_deltas WHERE {Micro("received_at")} = {at}; DELETE FROM kalshid.orderbook_deltas WHERE {Micro("received_at")} = {at}");
                var next = await NextOfEpochAsync(dsn, at, epoch);
                using var turns = new TurnRig([dsn], pieceRowsMax: random.Next(3, 200));
                turns.RunTo(rig.End);
                var because = $"seed {seed}, row {at} of epoch {epoch}";
                var told = turns.Tape.Of(0).ToList();
                var broken = $"broken {next} - {epoch} {Missing}";
                Assert.That(told.Count(text => text == broken), Is.EqualTo(next == 0 ? 0 : 1), because);
                Assert.That(turns.Turns.CountersOf(0).Missing, Is.EqualTo(next == 0 ? 0 : 1), because);
                Assert.That(told.Where(text => text != broken), Is.EqualTo(expected.Where(text => !text.StartsWith($"delta {at} ", StringComparison.Ordinal))).AsCollection, because);
                var place = told.IndexOf(broken);
                Assert.That(turns.Tape.Calls.Take(Math.Max(0, place)).All(call => call.At <= next), Is.True, because);
                Assert.That(place < 0 || turns.Tape.Calls.Skip(place).All(call => call.At >= next), Is.True, because);
                await Sql.ExecuteAsync(dsn, "INSERT INTO kalshid.orderbook_deltas SELECT * FROM gone; DROP TABLE gone");
            }
        }
    }

    [Test]
    public async Task A_doubled_row_breaks_its_epoch_and_is_told_once()
    {
        var random = Seeds.New(out var seed);
        var (rig, dsn, expected) = await NewStoreAsync(random);
        using (rig)
        {
            var (at, epoch) = await AnyDeltaAsync(dsn, random);
            await Sql.ExecuteAsync(dsn, $"INSERT INTO kalshid.orderbook_deltas SELECT * FROM kalshid.orderbook_deltas WHERE {Micro("received_at")} = {at}");
            using var turns = new TurnRig([dsn]);
            turns.RunTo(rig.End);
            var told = turns.Tape.Of(0).ToList();
            var broken = $"broken {at} - {epoch} a row is in the gatherer's store twice";
            Assert.That(told.Count(text => text == broken), Is.EqualTo(1), $"seed {seed}");
            Assert.That(told.Where(text => text != broken), Is.EqualTo(expected).AsCollection, $"seed {seed}");
        }
    }

    [Test]
    public async Task Rows_of_a_market_that_the_store_does_not_know_are_counted_and_break_their_epochs()
    {
        var random = Seeds.New(out var seed);
        var (rig, dsn, expected) = await NewStoreAsync(random);
        using (rig)
        {
            var busiest = (int)(await Sql.ScalarAsync(dsn, "SELECT market_id FROM kalshid.orderbook_deltas GROUP BY market_id ORDER BY count(*) DESC LIMIT 1"))!;
            var ticker = (string)(await Sql.ScalarAsync(dsn, $"DELETE FROM kalshid.markets WHERE market_id = {busiest} RETURNING ticker"))!;
            using var turns = new TurnRig([dsn]);
            turns.RunTo(rig.End);
            Assert.That(turns.Turns.CountersOf(0).UnknownMarkets, Is.GreaterThan(5), $"seed {seed}");
            Assert.That(
                turns.Tape.Of(0).Where(text => !text.EndsWith("is not known to the gatherer's store", StringComparison.Ordinal)),
                Is.EqualTo(expected.Where(text => !text.Split(' ').Contains(ticker))).AsCollection, $"seed {seed}");
        }
    }

    [Test]
    public async Task What_retention_dropped_before_it_was_read_breaks_what_was_open()
    {
        var random = Seeds.New(out var seed);
        using var rig = new StoreRig(await StoreServers.Plain.NewDatabaseAsync());
        rig.Append(new MiniExchange(random.Next(), steps: 3_000, withFaults: false).Script, stretch: 300_000);
        rig.Load();
        var expected = StoreCalls.Read(rig.Database);
        var end = await StoreContents.CursorAsync(rig.Dsn);
        var first = await rig.NumberAsync($"SELECT {Micro("first_record_at")} FROM kalshid.store");
        using var turns = new TurnRig([rig.Dsn], pieceRowsMax: 40);
        turns.RunUntil(() => turns.Turns.PositionOf(0) > first + ((end - first) / 3), "a third");
        var (position, told) = (turns.Turns.PositionOf(0), turns.Tape.Calls.Count);
        var state = TurnRig.Written(turns.Turns.WriteAll);
        await rig.ExecuteAsync($"SELECT kalshid.drop_partitions(to_timestamp({(first + ((end - first) / 3 * 2)) / 1_000_000}))");
        var kept = await rig.NumberAsync($"SELECT {Micro("dropped_before")} FROM kalshid.store");
        turns.Restart(state, []);
        turns.RunTo(end);
        var counters = turns.Turns.CountersOf(0);
        Assert.That((counters.LostMicros, counters.Missing, counters.Doubled), Is.EqualTo((kept - 1 - position, 0, 0)), $"seed {seed}");
        var after = turns.Tape.Of(0).Skip(told).ToList();
        Assert.That(after.Count(text => text.Contains("retention dropped", StringComparison.Ordinal)), Is.GreaterThan(0), $"seed {seed}");
        Assert.That(after.Where(IsBook), Is.EqualTo(expected.Where(text => IsBook(text) && long.Parse(text.Split(' ')[1], null) >= kept)).AsCollection, $"seed {seed}");
    }

    [Test]
    public async Task Databases_that_were_swapped_are_refused_and_read_again_when_they_are_right()
    {
        var random = Seeds.New(out _);
        var (one, two) = (await StoreServers.Plain.NewDatabaseAsync(), await StoreServers.Plain.NewDatabaseAsync());
        using var first = new LoaderRig(new Random(random.Next())).Append(200).Finish();
        using var second = new LoaderRig(new Random(random.Next())).Append(200).Finish();
        first.Load(one);
        second.Load(two);
        KnownGatherer[] known = [new("one", new GathererPosition(0, await FirstRecordAtAsync(one))), new("two", new GathererPosition(0, await FirstRecordAtAsync(two)))];
        using (var sources = new GathererSources(known, Configured(two, one), NullLogger.Instance))
        {
            Start(sources);
            await Simulation.Eventually.BecomesTrue(() => sources.All.All(source => source.IsFailing));
            Assert.That(sources.All.Select(source => source.TryTake()), Is.All.Null);
            Stop(sources);
        }

        using var right = new GathererSources(known, Configured(one, two), NullLogger.Instance);
        Start(right);
        await Simulation.Eventually.BecomesTrue(() => right.All.All(source => source.ReadTo(0) > 0));
        Stop(right);
    }

    [Test]
    public async Task Two_gatherers_that_read_one_store_before_read_their_own_when_that_is_mended()
    {
        var random = Seeds.New(out _);
        var (one, two) = (await StoreServers.Plain.NewDatabaseAsync(), await StoreServers.Plain.NewDatabaseAsync());
        using var first = new LoaderRig(new Random(random.Next())).Append(200).Finish();
        using var second = new LoaderRig(new Random(random.Next())).Append(200).Finish();
        first.Load(one);
        second.Load(two);
        var read = new GathererPosition(0, await FirstRecordAtAsync(one));
        using var sources = new GathererSources([new("one", read), new("two", read)], Configured(one, two), NullLogger.Instance);
        Start(sources);
        await Simulation.Eventually.BecomesTrue(() => sources.All.All(source => source.ReadTo(0) > 0));
        Stop(sources);
    }

    [Test]
    public void A_store_that_is_another_gatherers_is_named_with_both_settings()
    {
        var claims = new StoreClaims();
        claims.Claim("one", 1);
        claims.Claim("one", 1);
        var refused = Assert.Throws<SetupException>(() => claims.Claim("two", 1))!;
        Assert.That(refused.Message, Does.Contain("gatherer one").And.Contain("dedup.gatherer.two and dedup.gatherer.one"));
        claims.Claim("one", 2);
        Assert.DoesNotThrow(() => claims.Claim("two", 1), "a gatherer that was rebuilt left its store");
    }

    [Test]
    public async Task One_database_under_two_names_is_read_as_one_gatherers()
    {
        var dsn = await StoreServers.Plain.NewDatabaseAsync();
        using var rig = new LoaderRig(Seeds.New(out _)).Append(200).Finish();
        rig.Load(dsn);
        using var sources = new GathererSources([new("one", default), new("two", default)], Configured(dsn, dsn), NullLogger.Instance);
        Start(sources);
        await Simulation.Eventually.BecomesTrue(() => sources.All.Count(source => source.IsFailing) == 1 && sources.All.Count(source => source.ReadTo(0) > 0) == 1);
        Stop(sources);
    }

    [Test]
    public async Task Published_cursors_are_in_the_store()
    {
        var random = Seeds.New(out _);
        var dsn = await StoreServers.Plain.NewDatabaseAsync();
        using var rig = new LoaderRig(random).Append(300).Finish();
        rig.Load(dsn);
        using var turns = new TurnRig([dsn]);
        turns.RunTo(rig.End);
        turns.Turns.Publish(0, turns.Turns.FirstRecordAtOf(0), rig.End);
        await Simulation.Eventually.BecomesTrue(async () => await Sql.ScalarAsync(dsn, $"SELECT {Micro("position")} FROM kalshid.cursors WHERE name = 'dedup'") is long at && at == rig.End);
    }

    private static Options Configured(string one, string two) => Options.Load(null, [], [$"dedup.gatherer.one={one}", $"dedup.gatherer.two={two}"]);

    private static void Start(GathererSources sources)
    {
        foreach (var source in sources.All)
        {
            source.Start(0, 0, new WakeSignal());
        }
    }

    private static void Stop(GathererSources sources)
    {
        foreach (var source in sources.All)
        {
            source.Dispose();
        }
    }

    private static async Task<long> FirstRecordAtAsync(string dsn) => (long)(await Sql.ScalarAsync(dsn, $"SELECT {Micro("first_record_at")} FROM kalshid.store"))!;

    private static bool IsBook(string text) => text.StartsWith("delta ", StringComparison.Ordinal) || text.StartsWith("snapshot ", StringComparison.Ordinal);

    private static string Micro(string column) => At.Replace("{0}", column, StringComparison.Ordinal);

    private static async Task<(LoaderRig Rig, string Dsn, List<string> Expected)> NewStoreAsync(Random random)
    {
        var dsn = await StoreServers.Plain.NewDatabaseAsync();
        var rig = new LoaderRig(random).Append(2_500).Finish();
        rig.Load(dsn);
        using var database = new Kalshi.Daemon.Store.StoreDatabase(dsn, TimeSpan.FromSeconds(5));
        return (rig, dsn, StoreCalls.Read(database));
    }

    private static async Task<(long At, long Epoch)> AnyDeltaAsync(string dsn, Random random)
    {
        var row = $"FROM kalshid.orderbook_deltas ORDER BY received_at OFFSET {random.Next((int)(long)(await Sql.ScalarAsync(dsn, "SELECT count(*) FROM kalshid.orderbook_deltas"))!)} LIMIT 1";
        return ((long)(await Sql.ScalarAsync(dsn, $"SELECT {Micro("received_at")} {row}"))!, (long)(await Sql.ScalarAsync(dsn, $"SELECT {Micro("epoch_id")} {row}"))!);
    }

    /// <summary>Where it shows that the row is missing: the next numbered row of its epoch, else the epoch's end; 0 when nothing shows it.</summary>
    private static async Task<long> NextOfEpochAsync(string dsn, long at, long epoch)
    {
        var rows = string.Join(" UNION ALL ", ((string[])["orderbook_deltas", "orderbook_snapshots", "trades", "lifecycle_events", "other_frames", "rejected_frames"])
            .Select(table => $"SELECT received_at FROM kalshid.{table} WHERE {Micro("epoch_id")} = {epoch} AND {Micro("received_at")} > {at}"));
        return await Sql.ScalarAsync(dsn, $"SELECT {Micro("min(received_at)")} FROM ({rows}) rows") as long?
            ?? await Sql.ScalarAsync(dsn, $"SELECT {Micro("recorded_at")} FROM kalshid.epochs WHERE {Micro("epoch_id")} = {epoch} AND end_reason IS NOT NULL") as long? ?? 0;
    }

    private static Task DropAsync(string dsn) => Sql.ExecuteAsync(dsn, "DROP SCHEMA kalshid, kalshi CASCADE");
}
