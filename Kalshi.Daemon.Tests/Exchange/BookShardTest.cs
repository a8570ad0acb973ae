using System.Text;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Simulation;
using Kalshi.Daemon.Tests.Simulation;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange;

/// <summary>The recovery ladder, step by step: each rung only when the one below did not hold.</summary>
[Parallelizable(ParallelScope.Children)]
internal sealed class BookShardTest
{
    [Test]
    public async Task A_gap_asks_for_the_snapshot_of_every_market_of_the_sid_in_chunks()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Faults = ["drop at=1s"] });
        await rig.SubscribeAllAsync();
        Assert.That(rig.Commands().Select(command => (command.Name, command.Tickers.Length)), Is.EqualTo(new[] { ("subscribe", 4), ("add_markets", 4), ("add_markets", 2) }));
        await rig.DoAsync(rig.Gap);
        await Eventually.BecomesTrue(() => rig.Commands("get_snapshot").Sum(command => command.Tickers.Length) == 10);
        await rig.StopAsync();
        Assert.That(rig.Commands("get_snapshot").SelectMany(command => command.Tickers), Is.EquivalentTo(Enumerable.Range(0, 10).Select(i => $"M{i}")));
        Assert.That(rig.Commands("get_snapshot").Select(command => command.Tickers.Length), Is.All.LessThanOrEqualTo(4));
        Assert.That((rig.SessionsOpened(), rig.Commands("subscribe").Count, rig.Commands("unsubscribe").Count), Is.EqualTo((1, 1, 1)), "the only unsubscribe is the clean stop");
    }

    [Test]
    public async Task Snapshots_that_are_lost_in_turn_bring_another_round_and_no_new_subscription()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Chunk = 100, Faults = ["drop at=1s", "drop at=2s count=2"] });
        await rig.SubscribeAllAsync();
        await rig.DoAsync(exchange =>
        {
            rig.Gap(exchange);
            rig.FaultsAt(2);
        });
        await Eventually.BecomesTrue(() => rig.Commands("get_snapshot").Count == 2, 15_000);
        await Eventually.BecomesTrue(() => rig.Capture.Counters.Of(Kalshi.Daemon.Exchange.Protocol.FrameType.OrderbookSnapshot) == 10 + 8 + 10);
        await rig.StopAsync();
        Assert.That(rig.Capture.Counters.Gaps, Is.EqualTo(2));
        Assert.That((rig.SessionsOpened(), rig.Commands("subscribe").Count, rig.Commands("get_snapshot").Count), Is.EqualTo((1, 1, 2)));
    }

    [Test]
    public async Task When_no_snapshot_comes_at_all_the_sid_is_left_and_subscribed_anew_on_the_same_session()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Faults = ["drop at=1s", "drop at=2s for=1h"] });
        await rig.SubscribeAllAsync();
        await rig.DoAsync(exchange =>
        {
            rig.Gap(exchange);
            rig.FaultsAt(2);
        });
        await Eventually.BecomesTrue(() => rig.Commands("unsubscribe").Count == 1, 20_000);
        await rig.DoAsync(_ => rig.FaultsAt(7_200));
        await Eventually.BecomesTrue(() => rig.Commands("subscribe").Count == 2 && rig.Shards.Subscribed == 10);
        Assert.That(rig.SessionsOpened(), Is.EqualTo(1));
        Assert.That(rig.Commands().TakeWhile(command => command.Name != "unsubscribe").Count(command => command.Name == "get_snapshot"), Is.EqualTo(2), "tried twice, then no more");
        Assert.That(await rig.AskAsync(exchange => exchange.Sessions[0].ByChannel("orderbook_delta")!.Markets!.Count), Is.EqualTo(10));
    }

    [Test]
    public async Task When_the_sid_cannot_even_be_left_a_new_session_takes_over()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Faults = ["drop at=1s"] });
        await rig.SubscribeAllAsync();
        await rig.DoAsync(exchange =>
        {
            rig.Gap(exchange);
            exchange.Sessions[0].Subscriptions.Clear();
        });
        await Eventually.BecomesTrue(() => rig.SessionsOpened() == 2 && rig.Shards.Subscribed == 10);
        Assert.That(rig.Commands("subscribe").Select(command => command.Session), Is.EqualTo(new[] { 1, 2 }));
        Assert.That(rig.Records(1)[^1].Kind, Is.EqualTo(RecordKind.SessionClosed));
    }

    [TestCase("overflow at=5s channel=orderbook_delta")]
    [TestCase("error10 at=5s channel=orderbook_delta")]
    public async Task A_sid_that_the_exchange_ends_is_subscribed_anew_on_the_same_session(string rule)
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Faults = [rule] });
        await rig.SubscribeAllAsync();
        await rig.DoAsync(_ => rig.FaultsAt(5));
        await Eventually.BecomesTrue(() => rig.Commands("subscribe").Count == 2 && rig.Shards.Subscribed == 10);
        Assert.That(rig.SessionsOpened(), Is.EqualTo(1));
        Assert.That(await rig.AskAsync(exchange => exchange.Sessions[0].ByChannel("orderbook_delta")!.Sid), Is.EqualTo(2));
    }

    [Test]
    public async Task A_sid_that_ends_while_its_gap_is_being_repaired_does_not_cost_the_session()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Faults = ["drop at=1s", "drop at=2s for=1h", "overflow at=5s channel=orderbook_delta"] });
        await rig.SubscribeAllAsync();
        await rig.DoAsync(exchange =>
        {
            rig.Gap(exchange);
            rig.FaultsAt(2);
        });
        await Eventually.BecomesTrue(() => rig.Commands("get_snapshot").Count == 1);
        await rig.DoAsync(_ =>
        {
            rig.FaultsAt(5);
            rig.FaultsAt(7_200);
        });
        await Eventually.BecomesTrue(() => rig.Commands("subscribe").Count == 2 && rig.Shards.Subscribed == 10);
        Assert.That((rig.SessionsOpened(), rig.Commands("unsubscribe").Count), Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task Error_26_halves_the_chunk_until_it_fits()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Chunk = 100, Exchange = new ExchangeSettings { TickersPerCommandMax = 3 } });
        await rig.SubscribeAllAsync();
        Assert.That(rig.Commands().Select(command => command.Tickers.Length).Take(3), Is.EqualTo(new[] { 10, 5, 2 }));
        Assert.That(rig.Shards.All, Has.Length.EqualTo(1));
    }

    [Test]
    public async Task A_full_session_hands_its_rest_to_another_and_goes_on_repairing_in_chunks()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Chunk = 100, MarketsPerConnection = 10, Exchange = new ExchangeSettings { BookMarketsMax = 7 }, Faults = ["drop at=1s"] });
        await rig.SubscribeAllAsync();
        Assert.That(rig.Shards.All.Select(shard => shard.Subscribed), Is.EqualTo(new[] { 7, 3 }));
        Assert.That(await rig.AskAsync(exchange => exchange.Sessions.Select(session => session.BookMarkets).ToArray()), Is.EqualTo(new[] { 7, 3 }));
        await rig.DoAsync(exchange =>
        {
            rig.FaultsAt(1);
            var market = exchange.Sessions[0].ByChannel("orderbook_delta")!.Markets!.First();
            GatherRig.Delta(exchange, market, 2);
        });
        await Eventually.BecomesTrue(() => rig.Commands("get_snapshot").Sum(command => command.Tickers.Length) == 7);
        Assert.That(rig.Commands("get_snapshot").Select(command => command.Tickers.Length), Is.EqualTo(new[] { 5, 2 }));
    }

    [Test]
    public async Task Error_27_is_waited_out_on_the_same_session()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Exchange = new ExchangeSettings { CommandsPerSecondMax = 1 }, Faults = ["drop at=1s"] });
        await rig.SubscribeAllAsync();
        await rig.DoAsync(rig.Gap);
        await Eventually.BecomesTrue(() => rig.Capture.Counters.Of(Kalshi.Daemon.Exchange.Protocol.FrameType.OrderbookSnapshot) >= 20, 20_000);
        Assert.That((rig.SessionsOpened(), rig.Commands("subscribe").Select(command => command.Id).Distinct().Count() > 0, rig.Commands("unsubscribe").Count), Is.EqualTo((1, true, 0)));
        Assert.That(await rig.AskAsync(exchange => exchange.Counters.CommandErrors), Is.GreaterThan(0));
    }

    [Test]
    public async Task An_audit_that_the_exchange_is_too_busy_for_does_not_cost_the_session()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Chunk = 100, Exchange = new ExchangeSettings { CommandsPerSecondMax = 1 }, AuditInterval = TimeSpan.FromMilliseconds(1) });
        await rig.SubscribeAllAsync();
        await Eventually.BecomesTrue(() => rig.Capture.Counters.Of(Kalshi.Daemon.Exchange.Protocol.FrameType.OrderbookSnapshot) >= 40, 20_000);
        Assert.That(rig.SessionsOpened(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_half_open_socket_is_given_up_and_dialled_again()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { SilenceMsMax = 1_500, Faults = ["stall at=3s"] });
        await rig.SubscribeAllAsync();
        await rig.DoAsync(_ => rig.FaultsAt(3));
        await Eventually.BecomesTrue(() => rig.SessionsOpened() >= 2 && rig.Shards.Subscribed == 10);
        Assert.That(Encoding.UTF8.GetString(rig.Records(1)[^1].Bytes), Does.Contain("nothing came for"));
    }

    [Test]
    public async Task A_clean_stop_unsubscribes_and_its_ack_is_the_last_frame()
    {
        await using var rig = await GatherRig.StartAsync();
        await rig.SubscribeAllAsync();
        await rig.DoAsync(exchange => GatherRig.Delta(exchange, 3, 5));
        await Eventually.BecomesTrue(() => rig.Capture.Counters.Of(Kalshi.Daemon.Exchange.Protocol.FrameType.OrderbookDelta) == 5);
        await rig.StopAsync();
        var records = rig.Records(1);
        Assert.That(records[^3..].Select(record => record.Kind), Is.EqualTo(new[] { RecordKind.Command, RecordKind.Frame, RecordKind.SessionClosed }));
        var ack = new Frame(Encoding.UTF8.GetString(records[^2].Bytes));
        var last = records.Where(record => record.Kind == RecordKind.Frame).SkipLast(1).Select(record => new Frame(Encoding.UTF8.GetString(record.Bytes)).Seq).Max();
        Assert.That((ack.Type, ack.Seq), Is.EqualTo(("unsubscribed", last + 1)));
        Assert.That(rig.Shards.Subscribed, Is.Zero, "nothing is subscribed without a session");
    }

    [Test]
    public async Task A_market_that_is_let_go_is_deleted_from_the_sid()
    {
        await using var rig = await GatherRig.StartAsync();
        await rig.SubscribeAllAsync();
        rig.Shards.Remove("M4");
        await Eventually.BecomesTrue(() => rig.Commands("delete_markets").Count == 1);
        Assert.That(rig.Commands("delete_markets")[0].Tickers, Is.EqualTo(new[] { "M4" }));
        // The command is journalled before it is sent.
        await Eventually.BecomesTrue(() => rig.AskAsync(exchange => exchange.Markets[4].BookSubscribers.Length == 0));
        Assert.That(rig.Shards.Subscribed, Is.EqualTo(9));
    }
}
