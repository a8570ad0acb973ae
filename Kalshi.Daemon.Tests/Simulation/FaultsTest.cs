using System.Net;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Simulation;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Simulation;

/// <summary>Each fault, seen as a client sees it.</summary>
internal sealed class FaultsTest
{
    private static readonly SeededSettings Busy = new(1, 40, 0, 2_000, 3 * Micros.PerSecond, long.MaxValue, Micros.PerHour, 4);

    private static FaultPlan Plan(params string[] rules) => new([.. rules.Select(rule => FaultRule.Parse(rule, "test"))], 7);

    private static MemoryExchange Run(params string[] rules)
    {
        var exchange = new MemoryExchange(Busy, Plan(rules));
        exchange.RunToEnd();
        return exchange;
    }

    /// <summary>(expected, received) at each step of seq that is not by one, on the book sid.</summary>
    private static List<(long Expected, long Received)> Gaps(MemoryExchange exchange) => Gaps(exchange.Wire);

    private static List<(long Expected, long Received)> Gaps(MemoryWire wire)
    {
        var gaps = new List<(long Expected, long Received)>();
        long next = 1;
        foreach (var seq in wire.Frames.Select(text => new Frame(text)).Where(frame => frame is { Sid: 1, Seq: > 0 }).Select(frame => frame.Seq))
        {
            if (seq != next)
            {
                gaps.Add((next, seq));
            }

            next = seq + 1;
        }

        return gaps;
    }

    [Test]
    public void Drop_at_a_time_makes_one_gap_of_its_count_and_the_truth_still_has_the_frames()
    {
        var calm = Run();
        var faulty = Run("drop at=1s count=3 channel=orderbook_delta");
        var gaps = Gaps(faulty);
        Assert.That(gaps, Has.Count.EqualTo(1));
        Assert.That(gaps[0].Received - gaps[0].Expected, Is.EqualTo(3));
        Assert.That(faulty.Truth.Deltas.SequenceEqual(calm.Truth.Deltas), "faults do not change what was produced");
        Assert.That(faulty.Exchange.Faults.Counts[(int)FaultKind.Drop], Is.EqualTo(3));
        Assert.That(Gaps(calm), Is.Empty);
    }

    [TestCase("1", 1)]
    [TestCase("2", 2)]
    [TestCase("all", 3)]
    public void A_spread_drop_takes_the_same_messages_from_so_many_of_those_who_get_them(string spread, int victims)
    {
        var exchange = new MemoryExchange(Busy, Plan($"drop at=1s count=40 channel=orderbook_delta spread={spread}"));
        MemoryWire[] wires = [exchange.Wire, new(), new()];
        exchange.Watch(wires[1]);
        exchange.Watch(wires[2]);
        exchange.RunToEnd();
        var lost = wires.Select(wire => Gaps(wire).SelectMany(gap => Enumerable.Range((int)gap.Expected, (int)(gap.Received - gap.Expected))).ToList()).ToList();
        Assert.That(lost.SelectMany(seqs => seqs).GroupBy(seq => seq).Select(message => message.Count()), Is.EqualTo(Enumerable.Repeat(victims, 40)));
        Assert.That(lost, Has.None.Empty, "chance takes each of them sometimes");
        Assert.That(exchange.Exchange.Faults.Counts[(int)FaultKind.Drop], Is.EqualTo(40 * victims));
    }

    [Test]
    public void Drop_by_rate_hits_about_that_share_and_repeats_by_seed()
    {
        var first = Run("drop rate=0.01 channel=orderbook_delta");
        var second = Run("drop rate=0.01 channel=orderbook_delta");
        var dropped = first.Exchange.Faults.Counts[(int)FaultKind.Drop];
        Assert.That(dropped, Is.InRange(20, 120));
        Assert.That(Gaps(first).Sum(gap => gap.Received - gap.Expected), Is.InRange(dropped - 2, dropped));
        Assert.That(second.Wire.Frames.SequenceEqual(first.Wire.Frames));
    }

    [Test]
    public void A_duplicate_comes_with_the_same_seq()
    {
        var gaps = Gaps(Run("duplicate at=1s channel=orderbook_delta"));
        Assert.That(gaps, Has.Count.EqualTo(1));
        Assert.That(gaps[0].Received, Is.EqualTo(gaps[0].Expected - 1));
    }

    [Test]
    public void A_restart_begins_again_at_seq_1()
    {
        var gaps = Gaps(Run("restart at=1s channel=orderbook_delta"));
        Assert.That(gaps, Has.Count.EqualTo(1));
        Assert.That(gaps[0].Received, Is.EqualTo(1));
    }

    [Test]
    public void A_rename_lasts_for_its_window_and_leaves_seq_dense()
    {
        var exchange = Run("rename at=1s for=500ms from=delta_fp to=delta_contracts");
        var renamed = exchange.Wire.Frames.Where(frame => frame.Contains("\"delta_contracts\":")).ToList();
        Assert.That(renamed, Has.Count.GreaterThan(100));
        Assert.That(renamed.Exists(frame => frame.Contains("\"delta_fp\":")), Is.False);
        Assert.That(exchange.Wire.Frames[^1], Does.Not.Contain("delta_contracts"));
        Assert.That(Gaps(exchange), Is.Empty);
        var stamps = renamed.Select(text => new Frame(text).Msg.GetProperty("ts_ms").GetInt64() - (MemoryExchange.StartAt / 1_000)).ToList();
        Assert.That((stamps.Min(), stamps.Max()), Is.EqualTo((1_000L, 1_499L)).Using<(long, long)>((a, b) => Math.Abs(a.Item1 - b.Item1) < 5 && Math.Abs(a.Item2 - b.Item2) < 5));
    }

    [Test]
    public void Unknown_frames_and_extra_fields_are_valid_json_and_leave_seq_dense()
    {
        var exchange = Run("unknown rate=0.02", "extra rate=0.05");
        Assert.That(exchange.Wire.Frames.Count(frame => frame.Contains("liquidity_pulse")), Is.GreaterThan(20));
        Assert.That(exchange.Wire.Frames.Count(frame => frame.Contains("liquidity_hint")), Is.GreaterThan(50));
        Assert.That(Gaps(exchange), Is.Empty);
    }

    [TestCase("overflow", 25)]
    [TestCase("error10", 10)]
    public void A_terminal_error_ends_the_sid_and_a_new_subscription_gets_a_new_one(string fault, int code)
    {
        var exchange = Run($"{fault} at=1s channel=orderbook_delta");
        var frames = exchange.Wire.Frames.Select(text => new Frame(text)).Where(frame => frame.Sid == 1).ToList();
        Assert.That(frames[^1].Type, Is.EqualTo("error"));
        Assert.That(frames[^1].Code, Is.EqualTo(code));
        Assert.That(frames[^1].Seq, Is.EqualTo(frames[^2].Seq + 1));
        exchange.Command("""{"id":9,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["X"]}}""");
        Assert.That(new Frame(exchange.Wire.Frames[^2]).Msg.GetProperty("sid").GetInt32(), Is.EqualTo(6));
    }

    [Test]
    public void Every_repeats_and_connection_faults_name_their_target()
    {
        var exchange = Run("disconnect every=1s how=close", "stall at=2s for=300ms connection=1", "stall at=2s connection=2");
        Assert.That(exchange.Wire.Disturbances, Is.EqualTo(
        [
            new WireDisturbance(WireDisturbanceKind.Close), new WireDisturbance(WireDisturbanceKind.Close),
            new WireDisturbance(WireDisturbanceKind.Stall, 300_000), new WireDisturbance(WireDisturbanceKind.Close),
        ]));
    }

    [Test]
    public void A_burst_multiplies_what_is_produced()
    {
        var calm = Run();
        var burst = Run("burst at=1s for=1s factor=5");
        Assert.That(burst.Truth.Deltas.Count, Is.GreaterThan(calm.Truth.Deltas.Count * 3 / 2));
    }

    [TestCase("dorp at=1s", "drop")]
    [TestCase("drop at=1", "at=1")]
    [TestCase("drop colour=red", "colour=red")]
    [TestCase("disconnect", "needs at=")]
    [TestCase("rest_status status=200", "status=200")]
    [TestCase("disconnect at=1s spread=2", "spread=2")]
    public void A_rule_that_cannot_be_read_is_refused_by_name(string rule, string expected)
    {
        var refusal = Assert.Throws<SetupException>(() => FaultRule.Parse(rule, "--fault"));
        Assert.That(refusal!.Message, Does.Contain(expected));
    }

    [Test]
    public async Task A_reset_ends_the_connection_without_a_close_frame()
    {
        await using var simulator = await SimulatorHarness.StartAsync(new SeededSource(Busy), faults: Plan("disconnect at=500ms"));
        using var client = await simulator.ConnectAsync();
        await client.CommandAsync("subscribe", """{"channels":["trade"]}""");
        while (await client.TextAsync() is not null)
        {
            // Until the end.
        }

        Assert.That(client.Socket.CloseStatus, Is.Null);
        await Eventually.BecomesTrue(() => simulator.Exchange.Sessions.Count == 0);
        using var again = await simulator.ConnectAsync();
        Assert.That(again.Socket.State, Is.EqualTo(System.Net.WebSockets.WebSocketState.Open));
    }

    [Test]
    public async Task A_close_fault_sends_a_close_frame()
    {
        await using var simulator = await SimulatorHarness.StartAsync(new SeededSource(Busy), faults: Plan("disconnect at=500ms how=close"));
        using var client = await simulator.ConnectAsync();
        while (await client.TextAsync() is not null)
        {
            // Until the end.
        }

        Assert.That((int?)client.Socket.CloseStatus, Is.EqualTo(1001));
    }

    [Test]
    public async Task A_stalled_connection_catches_up_without_a_gap()
    {
        await using var simulator = await SimulatorHarness.StartAsync(new SeededSource(Busy), faults: Plan("stall at=500ms for=1s connection=1"), startNow: false);
        using var client = await simulator.ConnectAsync();
        await SubscribeAllAsync(simulator, client);
        var (longest, last) = (0L, Environment.TickCount64);
        long seq = 0;
        while (seq < 4_000)
        {
            var frame = await client.FrameAsync();
            longest = Math.Max(longest, Environment.TickCount64 - last);
            last = Environment.TickCount64;
            if (frame.Sid == 2 && frame.Seq > 0)
            {
                Assert.That(frame.Seq, Is.EqualTo(seq + 1));
                seq = frame.Seq;
            }
        }

        Assert.That(longest, Is.GreaterThan(700));
    }

    [TestCase("chunk size=1 for=400ms at=0ms")]
    [TestCase("fragment size=50")]
    [TestCase("delay by=20ms")]
    public async Task However_the_bytes_are_cut_the_messages_are_the_same(string rule)
    {
        await using var simulator = await SimulatorHarness.StartAsync(new SeededSource(Busy), faults: Plan(rule), startNow: false);
        using var client = await simulator.ConnectAsync();
        await SubscribeAllAsync(simulator, client);
        for (long seq = 0; seq < 3_000;)
        {
            var frame = await client.FrameAsync();
            if (frame.Sid == 2 && frame.Seq > 0)
            {
                Assert.That(frame.Seq, Is.EqualTo(++seq));
            }
        }
    }

    [Test]
    public async Task Refused_upgrades_carry_the_status_and_pass_again_later()
    {
        await using var simulator = await SimulatorHarness.StartAsync(new SeededSource(Busy with { DurationMicros = 30 * Micros.PerSecond }), faults: Plan("refuse at=0ms for=1s status=503"));
        await Eventually.BecomesTrue(() => simulator.Exchange.Counters.Produced > 0);
        using var refused = await simulator.ConnectAsync();
        Assert.That(refused.RefusedWith, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        await Eventually.BecomesTrue(() => simulator.Exchange.Faults.Offset > Micros.PerSecond);
        using var client = await simulator.ConnectAsync();
        Assert.That(client.Socket.State, Is.EqualTo(System.Net.WebSockets.WebSocketState.Open));
    }

    [Test]
    public async Task A_skewed_server_refuses_an_honest_clock_and_shows_its_own()
    {
        await using var simulator = await SimulatorHarness.StartAsync(faults: Plan("skew by=-60s"));
        using var refused = await simulator.ConnectAsync();
        Assert.That(refused.RefusedWith, Is.EqualTo(HttpStatusCode.Unauthorized));
        using var client = await simulator.ConnectAsync(simulator.Sign("GET", SimulatedServer.WebSocketPath, -60_000));
        await client.CommandAsync("subscribe", """{"channels":["trade"]}""");
        var sent = (await client.FrameAsync()).Root.GetProperty("sending_ts_ms").GetInt64();
        Assert.That(sent, Is.EqualTo((Micros.Now() / 1_000) - 60_000).Within(2_000));
    }

    [Test]
    public async Task Rest_faults_answer_with_status_delay_half_a_page_or_the_same_cursor()
    {
        await using var simulator = await SimulatorHarness.StartAsync(faults: Plan(
            "rest_status path=/series status=500", "rest_status path=/events status=429", "rest_slow path=/exchange by=300ms", "rest_cursor path=/markets"));
        Assert.That((await simulator.GetAsync("/series")).Status, Is.EqualTo(HttpStatusCode.InternalServerError));
        Assert.That((await simulator.GetAsync("/events")).Status, Is.EqualTo(HttpStatusCode.TooManyRequests));
        var started = Environment.TickCount64;
        await simulator.GetAsync("/exchange/status");
        Assert.That(Environment.TickCount64 - started, Is.GreaterThan(250));
        var (_, first, _) = await simulator.GetAsync("/markets?limit=5&cursor=" + Convert.ToBase64String("m5"u8).TrimEnd('='));
        Assert.That(first.GetProperty("cursor").GetString(), Is.EqualTo(Convert.ToBase64String("m5"u8).TrimEnd('=')));

        await using var broken = await SimulatorHarness.StartAsync(faults: Plan("rest_malformed path=/markets"));
        Assert.That(async () => await broken.GetAsync("/markets"), Throws.InstanceOf<System.Text.Json.JsonException>());
    }

    private static async Task SubscribeAllAsync(SimulatorHarness simulator, SimulatorClient client)
    {
        await client.CommandAsync("subscribe", """{"channels":["trade"]}""");
        var tickers = await simulator.Pump.AskAsync(() => string.Join("\",\"", Enumerable.Range(0, simulator.Exchange.Markets.Count)
            .Where(i => !simulator.Exchange.Markets[i].IsOver).Select(i => System.Text.Encoding.UTF8.GetString(simulator.Exchange.Markets[i].Ticker))));
        await client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_tickers":["{{tickers}}"],"skip_ticker_ack":true}""");
    }
}
