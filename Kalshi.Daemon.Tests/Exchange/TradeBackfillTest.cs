using System.Text.Json;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Simulation;
using Kalshi.Daemon.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange;

[Parallelizable(ParallelScope.Children)]
internal sealed class TradeBackfillTest
{
    [Test]
    public async Task A_gap_in_the_trade_stream_is_walked_and_the_lost_trade_is_in_the_pages()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Faults = ["drop at=1s channel=trade"] });
        var backfill = New(rig);
        rig.Connect(new GlobalSubscription("trades", ["trade"], rig.Pace, backfill, NullLogger.Instance));
        rig.Run(backfill.RunAsync(rig.Stopping));
        await Eventually.BecomesTrue(() => rig.Capture.Counters.Of(Kalshi.Daemon.Exchange.Protocol.FrameType.Subscribed) == 1);
        await TradesAsync(rig, 3);
        await Eventually.BecomesTrue(() => rig.Capture.Counters.Of(Kalshi.Daemon.Exchange.Protocol.FrameType.Trade) == 3);
        Assert.That(backfill.Walks, Is.Zero);
        var lostAt = Micros.Now();
        await rig.DoAsync(_ => rig.FaultsAt(1));
        await TradesAsync(rig, 2);
        await Eventually.BecomesTrue(() => backfill is { Walks: 1, IsIdle: true });
        var (page, body) = rig.Pages("trades_backfill").Single();
        Assert.That(Ids(body!), Is.EquivalentTo(await AllIdsAsync(rig)));
        Assert.That((page.FromAt < lostAt, page.ToAt > Micros.Now() - Micros.PerMinute, page.Last), Is.EqualTo((true, true, true)));
        Assert.That(File.Exists(Pending(rig)), Is.False);
    }

    [Test]
    public async Task A_walk_of_many_pages_says_on_each_what_it_covers_and_on_the_last_that_it_is_the_last()
    {
        await using var rig = await GatherRig.StartAsync();
        await TradesAsync(rig, 2_500);
        var backfill = New(rig);
        backfill.Lost();
        Assert.That(await backfill.WalkPendingAsync(CancellationToken.None), Is.True);
        var pages = rig.Pages("trades_backfill");
        Assert.That(pages.Select(page => page.Page.Last), Is.EqualTo(new[] { false, false, true }));
        Assert.That(pages.Select(page => (page.Page.FromAt, page.Page.ToAt)).Distinct().Count(), Is.EqualTo(1));
        Assert.That(pages.SelectMany(page => Ids(page.Body!)).ToHashSet(), Has.Count.EqualTo(2_500));
    }

    [TestCase("rest_malformed path=/markets/trades at=1s")]
    [TestCase("rest_cursor path=/markets/trades at=1s count=2")]
    [TestCase("rest_malformed path=/historical/cutoff at=1s")]
    [TestCase("rest_status path=/historical/cutoff at=1s status=403")]
    public async Task A_walk_that_broke_off_stays_pending_and_is_tried_again(string rule)
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Faults = [rule] });
        await TradesAsync(rig, 1_500);
        var backfill = New(rig);
        backfill.Lost();
        var pending = File.ReadAllText(Pending(rig));
        await rig.DoAsync(_ => rig.FaultsAt(1));
        Assert.That(await backfill.WalkPendingAsync(CancellationToken.None), Is.False);
        Assert.That((backfill.IsIdle, File.ReadAllText(Pending(rig))), Is.EqualTo((false, pending)));
        Assert.That(rig.Pages("trades_backfill").Exists(page => page.Page.Last), Is.False, "nothing may claim to be covered");
        Assert.That(await backfill.WalkPendingAsync(CancellationToken.None), Is.True);
        Assert.That(backfill.IsIdle, Is.True);
        Assert.That(rig.Pages("trades_backfill").SelectMany(page => Ids(page.Body!)).ToHashSet(), Has.Count.EqualTo(1_500));
    }

    [Test]
    public async Task Answers_of_500_and_429_are_tried_again_within_the_walk()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Faults = ["rest_status path=/markets/trades at=1s", "rest_status path=/markets/trades at=1s status=429"] });
        await TradesAsync(rig, 10);
        var backfill = New(rig);
        backfill.Lost();
        await rig.DoAsync(_ => rig.FaultsAt(1));
        Assert.That(await backfill.WalkPendingAsync(CancellationToken.None), Is.True);
        Assert.That(rig.Pages("trades_backfill").Single().Page, Has.Property("Status").EqualTo(200).And.Property("Last").True);
    }

    [Test]
    public async Task What_is_pending_survives_a_kill_and_the_next_process_walks_from_there()
    {
        await using var rig = await GatherRig.StartAsync();
        await TradesAsync(rig, 5);
        var now = Micros.Now();
        New(rig, resumeAt: now - Micros.PerMinute).Lost();
        var next = New(rig, resumeAt: now);
        Assert.That(next.IsIdle, Is.False);
        Assert.That(await next.WalkPendingAsync(CancellationToken.None), Is.True);
        Assert.That(rig.Pages("trades_backfill").Single().Page.FromAt, Is.EqualTo(now - Micros.PerMinute - TradeBackfill.MarginUs));
        Assert.That(New(rig).IsIdle, Is.True, "walked, so nothing is left for a third");
    }

    [Test]
    public async Task A_loss_in_the_midst_of_a_walk_does_not_forget_where_the_walk_began_when_the_process_is_killed()
    {
        await using var rig = await GatherRig.StartAsync();
        var now = Micros.Now();
        var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var backfill = new TradeBackfill(rig.Rest, async (page, body) =>
        {
            await lost.Task;
            await rig.JournalPage(page, body);
        }, rig.DataDirectory, now - Micros.PerHour, NullLogger.Instance);
        using var kill = new CancellationTokenSource();
        var walk = backfill.WalkPendingAsync(kill.Token);
        backfill.Good(now);
        backfill.Lost();
        Assert.That(File.ReadAllText(Pending(rig)), Is.EqualTo($"{now - Micros.PerHour - TradeBackfill.MarginUs}"));
        lost.SetResult();
        Assert.That(await walk, Is.True);
        Assert.That(File.ReadAllText(Pending(rig)), Is.EqualTo($"{now - TradeBackfill.MarginUs}"), "the walk is done, the later loss is not");
        Assert.That(await backfill.WalkPendingAsync(kill.Token), Is.True);
        Assert.That(File.Exists(Pending(rig)), Is.False);
    }

    [Test]
    public async Task A_walk_that_reaches_behind_the_historical_cutoff_is_split_there()
    {
        var now = Micros.Now();
        await using var rig = await GatherRig.StartAsync(new RigSettings { Exchange = new ExchangeSettings { HistoricalCutoff = now - (30 * Micros.PerSecond) } });
        await TradesAsync(rig, 4, now - (50 * Micros.PerSecond));
        await TradesAsync(rig, 3, now - (10 * Micros.PerSecond));
        var backfill = New(rig, resumeAt: now);
        Assert.That(await backfill.WalkPendingAsync(CancellationToken.None), Is.True);
        var pages = rig.Pages("trades_backfill");
        Assert.That(pages.Select(page => (page.Page.Path.Split('?')[0], page.Page.Last, Ids(page.Body!).Length)),
            Is.EqualTo(new[] { ("/historical/trades", false, 4), ("/markets/trades", true, 3) }));
        Assert.That(pages.SelectMany(page => Ids(page.Body!)), Is.EquivalentTo(await AllIdsAsync(rig)));
    }

    private static TradeBackfill New(GatherRig rig, long resumeAt = 0) => new(rig.Rest, rig.JournalPage, rig.DataDirectory, resumeAt, NullLogger.Instance);

    private static string Pending(GatherRig rig) => Path.Combine(rig.DataDirectory, "backfill.pending");

    private static Task TradesAsync(GatherRig rig, int count, long at = 0) => rig.DoAsync(exchange =>
    {
        for (var i = 0; i < count; i++)
        {
            exchange.Trade(exchange.Markets[i % 10], new SimulatedTrade(i % 10, at == 0 ? Micros.Now() : at, Guid.NewGuid(), 400_000, 100, TakerYes: true, IsBlock: false));
        }
    });

    private static Task<string[]> AllIdsAsync(GatherRig rig) => rig.AskAsync(exchange =>
        Enumerable.Range(0, (int)exchange.Trades.Count).Select(i => exchange.Trades[i].Id.ToString()).ToArray());

    private static string[] Ids(JsonDocument body) => [.. body.RootElement.GetProperty("trades").EnumerateArray().Select(trade => trade.GetProperty("trade_id").GetString()!)];
}
