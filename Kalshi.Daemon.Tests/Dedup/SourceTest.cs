using System.Text;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Store;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Turns over stores that the real loader fills tell what the stores' replays tell, call by call, however they are polled.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class SourceTest
{
    /// <summary>So that small pieces come to their end on any machine, however fast the loader is.</summary>
    private const int SomeRecords = 4_000;

    [Test]
    public async Task A_store_that_is_filled_meanwhile_is_told_as_its_replay_tells_it([Values("plain", "timescale")] string flavour)
    {
        var random = Seeds.New(out var seed);
        for (var round = 0; round < 3; round++)
        {
            var dsn = await StoreServers.All.Single(each => each.ToString() == flavour).NewDatabaseAsync();
            using var rig = new LoaderRig(random);
            rig.Append(random.Next(1, 500));
            var loader = rig.Start(dsn, new RigLoader { BatchRows = random.Next(1, 200), BatchAgeMs = random.Next(1, 50), Writers = random.Next(1, 3) });
            using var turns = new TurnRig([dsn], pieceRowsMax: random.Next(3, 80));
            rig.StartAppending(random.Next(1, 100), SomeRecords);
            turns.RunUntil(() => turns.Tape.Calls.Count > 1_500, "some rows");
            rig.StopAppending();
            rig.Finish();
            LoaderRig.Drain(loader);
            turns.RunTo(rig.End);
            AssertTold(turns, 0, $"seed {seed}");
            await AssertChannelsAsync(turns, 0, dsn);
            var identified = (string)(await Sql.ScalarAsync(dsn, "select string_agg(format('%s %s', ticker, i.exchange_id), E'\n' order by known_at) from kalshid.exchange_ids i join kalshid.markets using (market_id)"))!;
            Assert.That(turns.Identified(), Is.EqualTo(identified.Split('\n')).AsCollection, $"seed {seed}");
            Assert.That(await Sql.ScalarAsync(dsn, "select bool_and(exchange_id is not distinct from i) from kalshid.markets left join (select market_id, exchange_id as i from kalshid.exchange_ids) told using (market_id)"), Is.True);
        }
    }

    [Test]
    public async Task A_restart_goes_on_where_the_memory_ends()
    {
        var random = Seeds.New(out var seed);
        var dsn = await StoreServers.Plain.NewDatabaseAsync();
        using var rig = new LoaderRig(random);
        rig.Append(4_000).Finish();
        rig.Load(dsn);
        using var turns = new TurnRig([dsn], pieceRowsMax: 20, new TurnSettings(Micros.PerDay, Micros.PerDay, RowsMax: 60));
        var (state, changes, until) = (TurnRig.Written(turns.Turns.WriteAll), new List<MemoryStream>(), 0);
        for (var turn = 0; turns.Turns.PositionOf(0) < rig.End; turn++)
        {
            until = turns.Tape.Turns.Count + 1;
            turns.RunUntil(() => turns.Tape.Turns.Count >= until, "a turn");
            if (random.Next(8) == 0)
            {
                (state, changes) = (TurnRig.Written(turns.Turns.WriteAll), []);
            }
            else
            {
                changes.Add(TurnRig.Written(turns.Turns.WriteChanges));
            }

            if (random.Next(6) == 0)
            {
                turns.Restart(state, changes);
                changes.Add(TurnRig.Written(turns.Turns.WriteChanges));
            }
        }

        AssertTold(turns, 0, $"seed {seed}");
        await AssertChannelsAsync(turns, 0, dsn);
    }

    [Test]
    public async Task Three_stores_are_merged_by_received_at_whatever_the_timing()
    {
        var random = Seeds.New(out var seed);
        var (rigs, dsns) = await NewRigsAsync(random, 3);
        try
        {
            foreach (var (rig, dsn) in rigs.Zip(dsns))
            {
                rig.Append(random.Next(20, 200));
                rig.Load(dsn);
            }

            using var turns = new TurnRig(dsns, pieceRowsMax: random.Next(5, 100), new TurnSettings(Micros.PerDay, Micros.PerDay, RowsMax: random.Next(1, 400)));
            var loaders = rigs.Select((rig, i) => rig.Start(dsns[i], new RigLoader { BatchRows = random.Next(1, 200) })).ToList();
            rigs.ForEach(rig => rig.StartAppending(random.Next(5, 40), SomeRecords));
            turns.RunUntil(() => turns.Tape.Calls.Count > 2_000, "some rows");
            rigs.ForEach(rig => rig.StopAppending());
            var end = rigs.Max(rig => rig.End);
            foreach (var rig in rigs)
            {
                while (rig.End < end)
                {
                    rig.Append(1);
                }

                rig.Finish();
            }

            loaders.ForEach(loader => LoaderRig.Drain(loader));
            var common = rigs.Min(rig => rig.End);
            turns.RunUntil(() => turns.Turns.Watermark >= common, "everything up to the shortest");
            Assert.That(turns.Turns.Watermark, Is.EqualTo(common), "nobody is passed over");
            var stamped = turns.Tape.Calls.Where(call => call.At > 0).ToList();
            Assert.That(stamped.Select(call => (call.At, call.Gatherer)), Is.Ordered, $"seed {seed}");
            Assert.That(turns.Tape.Turns, Is.Ordered.And.Unique);
            for (var i = 0; i < 3; i++)
            {
                using var database = new Kalshi.Daemon.Store.StoreDatabase(dsns[i], TimeSpan.FromSeconds(5));
                var told = TurnTape.Settled(turns.Tape.Of(i));
                Assert.That(told, Is.Not.Empty);
                Assert.That(told, Is.EqualTo(StoreCalls.Read(database).Take(told.Count)).AsCollection, $"seed {seed}, gatherer {i}");
            }

            Assert.That(turns.Tape.Presence, Is.EqualTo(new[] { "0 present", "1 present", "2 present" }).AsCollection);
        }
        finally
        {
            rigs.ForEach(rig => rig.Dispose());
        }
    }

    [Test]
    public async Task Market_ids_do_not_depend_on_how_stores_are_polled()
    {
        var random = Seeds.New(out var seed);
        var (rigs, dsns) = await NewRigsAsync(random, 2);
        try
        {
            var orders = new List<List<string>>();
            foreach (var (rig, dsn) in rigs.Zip(dsns))
            {
                rig.Append(1_500).Finish();
                rig.Load(dsn);
            }

            for (var round = 0; round < 2; round++)
            {
                using var turns = new TurnRig(dsns, pieceRowsMax: random.Next(3, 300), new TurnSettings(Micros.PerDay, Micros.PerDay, random.Next(1, 900)));
                turns.RunUntil(() => turns.Turns.Watermark >= rigs.Min(rig => rig.End), "everything");
                orders.Add([.. turns.Tickers()]);
            }

            Assert.That(orders[0], Is.Not.Empty);
            Assert.That(orders[1], Is.EqualTo(orders[0]).AsCollection, $"seed {seed}");
        }
        finally
        {
            rigs.ForEach(rig => rig.Dispose());
        }
    }

    [Test]
    public async Task What_is_read_ahead_is_bounded_and_the_loaders_cursor_is_watched_all_the_same()
    {
        var random = Seeds.New(out _);
        var dsn = await StoreServers.Plain.NewDatabaseAsync();
        using var rig = new LoaderRig(random);
        rig.Append(3_000);
        rig.Load(dsn);
        using var database = new Kalshi.Daemon.Store.StoreDatabase(dsn, TimeSpan.FromSeconds(5));
        var settings = new SourceSettings(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(30), 10, "dedup", TimeSpan.Zero);
        using var source = new GathererSource("g", database, settings, new StoreClaims(), () => 1, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        source.Start(0, 0, new WakeSignal());
        await Simulation.Eventually.BecomesTrue(() => source.Loaded == rig.End);
        var first = rig.End;
        rig.Append(100).Finish();
        rig.Load(dsn);
        await Simulation.Eventually.BecomesTrue(() => source.Loaded == rig.End);
        var pieces = new List<SourcePiece>();
        while (source.TryTake() is { } piece)
        {
            pieces.Add(piece);
            Assert.That(pieces, Has.Count.LessThanOrEqualTo(4), "two ahead, and one more for each that was taken meanwhile");
            if (pieces.Count == 4)
            {
                break;
            }
        }

        Assert.That(pieces, Has.Count.GreaterThanOrEqualTo(2));
        Assert.That(pieces[^1].Until, Is.LessThan(first), "most is still in the store");
    }

    [Test]
    public async Task What_came_since_a_turn_began_is_not_passed_by()
    {
        var dsn = await StoreServers.Plain.NewDatabaseAsync();
        using var rig = new LoaderRig(Seeds.New(out _)).Append(100).Finish();
        rig.Load(dsn);
        using var database = new Kalshi.Daemon.Store.StoreDatabase(dsn, TimeSpan.FromSeconds(5));
        using var source = new GathererSource("g", database, SourceSettings.Usual, new StoreClaims(), () => 1, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        var tape = new TurnTape(market => $"{market}");
        var rows = new SourceRows(0, source, new ProductionMarkets(), tape, tape, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        rows.Refresh();
        rows.Start(new WakeSignal());
        await Simulation.Eventually.BecomesTrue(() => source.ReadTo(0) == rig.End);
        Assert.That(rows.Available, Is.Zero, "no turn has it at hand");
        rows.Refresh();
        Assert.That(rows.Available, Is.EqualTo(rig.End));
    }

    [Test]
    public async Task A_store_without_anything_new_is_asked_once_an_interval()
    {
        var dsn = await StoreServers.Plain.NewDatabaseAsync();
        using var rig = new LoaderRig(Seeds.New(out _)).Append(100).Finish();
        rig.Load(dsn);
        using var database = new Kalshi.Daemon.Store.StoreDatabase(dsn, TimeSpan.FromSeconds(5));
        var asked = 0;
        var settings = new SourceSettings(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(30), 1_000, "dedup", TimeSpan.Zero);
        using var source = new GathererSource("g", database, settings, new StoreClaims(), () => Interlocked.Increment(ref asked), Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        source.Start(0, 0, new WakeSignal());
        await Simulation.Eventually.BecomesTrue(() => source.ReadTo(0) == rig.End);
        var (before, clock) = (Volatile.Read(ref asked), System.Diagnostics.Stopwatch.StartNew());
        await Task.Delay(1_000);
        var polls = Volatile.Read(ref asked) - before;
        Assert.That(polls, Is.GreaterThan(0).And.LessThanOrEqualTo((clock.ElapsedMilliseconds / 100) + 2));
    }

    private static async Task<(List<LoaderRig> Rigs, string[] Dsns)> NewRigsAsync(Random random, int count)
    {
        var rigs = Enumerable.Range(0, count).Select(_ => new LoaderRig(new Random(random.Next()))).ToList();
        var dsns = new string[count];
        for (var i = 0; i < count; i++)
        {
            dsns[i] = await StoreServers.Plain.NewDatabaseAsync();
        }

        return (rigs, dsns);
    }

    public static void AssertTold(TurnRig turns, int gatherer, string because) =>
        Assert.That(TurnTape.Settled(turns.Tape.Of(gatherer)), Is.EqualTo(StoreCalls.Read(turns.Database(gatherer))).AsCollection, because);

    /// <summary>After everything was told, channel coverage stands as in the store.</summary>
    public static async Task AssertChannelsAsync(TurnRig turns, int gatherer, string dsn)
    {
        const string select = """
            SELECT string_agg(format('%s %s %s %s %s', channel, (extract(epoch FROM from_at) * 1000000)::int8, CASE WHEN isfinite(to_at) THEN (extract(epoch FROM to_at) * 1000000)::int8::text ELSE 'open' END, state, reason), E'\n'
                ORDER BY channel, from_at, state) FROM kalshid.coverage WHERE market_id = 0
            """;
        var told = turns.Tape.Channels.Values.Where(each => each.Gatherer == gatherer)
            .Select(each => $"{each.Channel} {each.FromAt} {(each.ToAt == long.MaxValue ? "open" : each.ToAt)} {each.State.ToString().ToLowerInvariant()} {each.Reason}");
        var stored = ((string?)await Sql.ScalarAsync(dsn, select) ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(told, Is.EquivalentTo(stored));
    }
}
