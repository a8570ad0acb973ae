using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Store;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Who is waited for, and what becomes of those who are not. The clock is the test's.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class PresenceTest
{
    private const long Settle = 2 * Micros.PerSecond;
    private const long Patience = 5 * Micros.PerSecond;
    private static readonly TurnSettings Turns = new(Settle, Patience, RowsMax: 200);

    [Test]
    public async Task One_that_is_unreachable_is_waited_for_a_while_and_its_rows_come_when_it_is_back()
    {
        var random = Seeds.New(out var seed);
        using var proxy = new TcpProxy(StoreServers.Postgres.Port) { IsRefusing = true };
        var (first, second) = (await StoreServers.Plain.NewDatabaseAsync(), await StoreServers.Plain.NewDatabaseAsync());
        using var rig = new LoaderRig(random).Append(3_000).Finish();
        rig.Load(first);
        rig.Load(second);
        using var turns = new TurnRig([first, Through(proxy, second)], turns: Turns);
        await Simulation.Eventually.BecomesTrue(() => turns.Turns.SourceOf(1).IsFailing && turns.Turns.SourceOf(0).ReadTo(0) > 0);
        Assert.That(turns.Turns.TryTurn(), Is.False, "it may come back within the settling time");
        turns.Advance(Settle + 1);
        turns.RunUntil(() => turns.Turns.PositionOf(0) == rig.End, "the other alone");
        Assert.That(turns.Turns.PositionOf(1), Is.Zero);
        Assert.That(turns.Tape.Presence, Is.EqualTo(new[] { "0 present", "1 present", "1 absent" }).AsCollection);

        proxy.IsRefusing = false;
        turns.RunTo(rig.End, rig.End);
        SourceTest.AssertTold(turns, 0, $"seed {seed}");
        SourceTest.AssertTold(turns, 1, $"seed {seed}");
        turns.RunUntil(() => turns.Tape.Presence.Last(each => each[0] == '1') == "1 present", "its return");
        Assert.That(turns.Turns.Watermark, Is.EqualTo(rig.End));
    }

    [Test]
    public async Task One_that_hangs_is_waited_for_as_long_as_patience_lasts()
    {
        var random = Seeds.New(out _);
        using var proxy = new TcpProxy(StoreServers.Postgres.Port);
        var (first, second) = (await StoreServers.Plain.NewDatabaseAsync(), await StoreServers.Plain.NewDatabaseAsync());
        using var rig = new LoaderRig(random).Append(1_500);
        rig.Load(first);
        rig.Load(second);
        using var turns = new TurnRig([first, Through(proxy, second)], turns: Turns);
        turns.RunTo(rig.End, rig.End);
        var met = rig.End;

        proxy.Stall();
        rig.Append(40).Finish(); // less than settle, by the records' stamps
        rig.Load(first);
        await Simulation.Eventually.BecomesTrue(() => turns.Turns.SourceOf(0).ReadTo(0) > met && turns.Turns.SourceOf(1).SilentSince != 0);
        turns.Advance(Patience);
        while (turns.Turns.TryTurn())
        {
            // What was on its way.
        }

        Assert.That(turns.Turns.Watermark, Is.LessThanOrEqualTo(met));
        turns.Advance(Patience);
        turns.RunUntil(() => turns.Turns.PositionOf(0) == rig.End, "the other alone");
        Assert.That(turns.Tape.Presence.Last(each => each[0] == '1'), Is.EqualTo("1 absent"));

        rig.Load(second);
        proxy.Resume();
        turns.RunTo(rig.End, rig.End);
        SourceTest.AssertTold(turns, 1, "as if nothing had been");
    }

    [Test]
    public async Task One_whose_loader_is_behind_is_not_waited_for_and_told_late()
    {
        var random = Seeds.New(out var seed);
        var (first, second) = (await StoreServers.Plain.NewDatabaseAsync(), await StoreServers.Plain.NewDatabaseAsync());
        using var rig = new LoaderRig(random).Append(1_000);
        var behind = rig.End;
        rig.Append(2_000).Finish();
        rig.Load(first);
        rig.Limit = behind;
        rig.Load(second);
        using var turns = new TurnRig([first, second], turns: Turns);
        turns.RunUntil(() => turns.Turns.PositionOf(0) == rig.End && turns.Turns.PositionOf(1) == behind, "each as far as it is loaded");
        Assert.That(turns.Tape.Presence, Is.EqualTo(new[] { "0 present", "1 present", "1 absent" }).AsCollection);
        Assert.That(turns.Turns.Watermark, Is.EqualTo(rig.End));

        rig.Limit = long.MaxValue;
        rig.Load(second);
        turns.RunTo(rig.End, rig.End);
        SourceTest.AssertTold(turns, 0, $"seed {seed}");
        SourceTest.AssertTold(turns, 1, $"seed {seed}");
        Assert.That(turns.Tape.Presence.Last(each => each[0] == '1'), Is.EqualTo("1 present"));
    }

    [Test]
    public async Task One_that_returns_is_told_in_small_parts_where_telling_takes_long()
    {
        var random = Seeds.New(out var seed);
        var (first, second) = (await StoreServers.Plain.NewDatabaseAsync(), await StoreServers.Plain.NewDatabaseAsync());
        using var rig = new LoaderRig(random).Append(500);
        var behind = rig.End;
        rig.Append(3_000);
        var nearer = rig.End;
        rig.Append(500).Finish(); // more than settle, by the records' stamps
        rig.Load(first);
        rig.Limit = behind;
        rig.Load(second);
        using var turns = new TurnRig([first, second], pieceRowsMax: 10_000, turns: Turns with { RowsMax = 100_000, LateTime = 0 });
        turns.RunUntil(() => turns.Turns.PositionOf(0) == rig.End && turns.Turns.PositionOf(1) == behind, "each as far as it is loaded");

        rig.Limit = nearer;
        rig.Load(second);
        while (turns.Turns.PositionOf(1) < nearer)
        {
            await Task.Delay(300); // As much is read ahead as ever is.
            turns.Turns.TryTurn();
            Assert.That(turns.Turns.TurnRows, Is.LessThan(2_000), $"a part and what is of its last instant; seed {seed}");
        }

        Assert.That(turns.Tape.Presence.Last(each => each[0] == '1'), Is.EqualTo("1 absent"));
        rig.Limit = long.MaxValue;
        rig.Load(second);
        turns.RunTo(rig.End, rig.End);
        SourceTest.AssertTold(turns, 1, $"seed {seed}");
    }

    [Test]
    public async Task After_a_restart_one_that_was_left_behind_is_absent_until_it_is_read()
    {
        var random = Seeds.New(out var seed);
        using var proxy = new TcpProxy(StoreServers.Postgres.Port) { IsRefusing = true };
        var (first, second) = (await StoreServers.Plain.NewDatabaseAsync(), await StoreServers.Plain.NewDatabaseAsync());
        using var rig = new LoaderRig(random).Append(2_000).Finish();
        rig.Load(first);
        rig.Load(second);
        using var turns = new TurnRig([first, Through(proxy, second)], turns: Turns);
        await Simulation.Eventually.BecomesTrue(() => turns.Turns.SourceOf(1).IsFailing);
        turns.Advance(Settle + 1);
        turns.RunUntil(() => turns.Turns.PositionOf(0) == rig.End, "the other alone");
        proxy.IsRefusing = false;
        turns.Tape.Presence.Clear();
        turns.Restart();
        turns.RunTo(rig.End, rig.End);
        Assert.That(turns.Tape.Presence[..2], Is.EqualTo(new[] { "0 present", "1 absent" }).AsCollection);
        SourceTest.AssertTold(turns, 0, $"seed {seed}");
        SourceTest.AssertTold(turns, 1, $"seed {seed}");
    }

    private static string Through(TcpProxy proxy, string dsn) => new NpgsqlConnectionStringBuilder(dsn) { Port = proxy.Port }.ConnectionString;
}
