using System.Text;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Simulation;
using Kalshi.Daemon.Tests.Exchange;
using Kalshi.Daemon.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Registry;

[Parallelizable(ParallelScope.Children)]
internal sealed class MarketRegistryTest
{
    [Test]
    public async Task Every_market_of_the_listing_is_subscribed_and_every_page_journalled()
    {
        await using var rig = await StartAsync(2_500);
        await Eventually.BecomesTrue(() => rig.Shards.Subscribed == 2_500, 20_000);
        Assert.That(rig.Registry.Count, Is.EqualTo(2_500));
        Assert.That(rig.Pages("registry").Count(page => page.Page.Path.StartsWith("/markets?", StringComparison.Ordinal) && page.Page.Path.Contains("status=open")), Is.EqualTo(3));
        Assert.That(rig.Pages("registry").Select(page => page.Page.Path.Split('?')[0]), Is.SupersetOf(new[] { "/markets" }));
    }

    [Test]
    public async Task A_created_market_is_subscribed_at_once_and_a_settled_one_let_go()
    {
        await using var rig = await StartAsync(10);
        await Eventually.BecomesTrue(() => rig.Shards.Subscribed == 10);
        rig.Connect(new GlobalSubscription("lifecycle", ["market_lifecycle_v2"], rig.Pace, new LifecycleWatch(rig.Registry), NullLogger.Instance));
        await Eventually.BecomesTrue(() => rig.Capture.Counters.Of(Kalshi.Daemon.Exchange.Protocol.FrameType.Subscribed) >= 2);
        await rig.DoAsync(exchange => Lifecycle(exchange, rig.Source.Add(exchange, "NEW", Micros.Now()), "created"));
        await Eventually.BecomesTrue(() => rig.Shards.Subscribed == 11);
        Assert.That(await rig.AskAsync(exchange => exchange.Markets.Find("NEW"u8)!.BookSubscribers.Length), Is.EqualTo(1));

        await rig.DoAsync(exchange =>
        {
            exchange.Markets[3].Status = MarketStatus.Finalized;
            Lifecycle(exchange, exchange.Markets[3], "settled");
        });
        await Eventually.BecomesTrue(() => rig.Commands("delete_markets").Count == 1);
        Assert.That(rig.Commands("delete_markets")[0].Tickers, Is.EqualTo(new[] { "M3" }));
        Assert.That((rig.Registry.Count, rig.Shards.Wanted), Is.EqualTo((10, 10)));
    }

    [Test]
    public async Task A_market_that_the_next_sweep_does_not_list_is_dropped_and_a_new_one_found()
    {
        await using var rig = await StartAsync(10);
        await Eventually.BecomesTrue(() => rig.Shards.Subscribed == 10);
        await rig.DoAsync(exchange =>
        {
            exchange.Markets[7].Status = MarketStatus.Closed;
            rig.Source.Add(exchange, "FOUND", Micros.Now());
        });
        rig.Registry.RequestSweep();
        await Eventually.BecomesTrue(() => rig.Commands("delete_markets").Count == 1);
        Assert.That(rig.Commands("delete_markets")[0].Tickers, Is.EqualTo(new[] { "M7" }));
        await Eventually.BecomesTrue(() => rig.Shards.Subscribed == 10 && rig.Commands("add_markets").Exists(command => command.Tickers.Contains("FOUND")));
    }

    [TestCase("rest_malformed path=/markets at=1s")]
    [TestCase("rest_status path=/markets at=1s status=403")]
    public async Task A_sweep_with_a_failing_page_forgets_nobody_and_the_next_one_completes_it(string rule)
    {
        await using var rig = await StartAsync(10, rule);
        await Eventually.BecomesTrue(() => rig.Shards.Subscribed == 10);
        var pages = rig.Pages("registry").Count;
        await rig.DoAsync(exchange =>
        {
            rig.FaultsAt(1);
            exchange.Markets[7].Status = MarketStatus.Closed;
        });
        rig.Registry.RequestSweep();
        await Eventually.BecomesTrue(() => rig.Simulator.Exchange.Faults.Counts[(int)FaultRule.Parse(rule, "test").Kind] == 1);
        Assert.That((rig.Registry.Count, rig.Shards.Wanted), Is.EqualTo((10, 10)));
        rig.Registry.RequestSweep();
        await Eventually.BecomesTrue(() => rig.Shards.Wanted == 9);
    }

    [Test]
    public async Task Markets_of_the_pages_before_a_failing_one_are_subscribed_all_the_same()
    {
        // The third call for markets is the second page of the open ones: the first is that of the unopened.
        await using var rig = await GatherRig.StartAsync(new RigSettings { Markets = 1_500, Chunk = 1_000, MarketsPerConnection = 5_000, Faults = ["rest_malformed path=/markets at=1s count=1"] });
        var calls = 0;
        var registry = new MarketRegistry(rig.Rest, rig.Shards, async (page, body) =>
        {
            await rig.JournalPage(page, body);
            if (++calls == 2)
            {
                await rig.DoAsync(_ => rig.FaultsAt(1));
            }
        }, includeCombos: false, TimeSpan.FromHours(1), NullLogger.Instance);
        rig.Run(registry.RunAsync(rig.Stopping));
        await Eventually.BecomesTrue(() => rig.Shards.Subscribed == 1_500, 20_000);
        Assert.That(rig.Simulator.Exchange.Faults.Counts[(int)FaultKind.RestMalformed], Is.EqualTo(1));
    }

    private static async Task<GatherRig> StartAsync(int markets, params string[] faults)
    {
        var rig = await GatherRig.StartAsync(new RigSettings { Markets = markets, Chunk = 1_000, MarketsPerConnection = 5_000, Faults = faults });
        rig.Run(rig.Registry.RunAsync(rig.Stopping));
        return rig;
    }

    private static void Lifecycle(SimulatedExchange exchange, SimulatedMarket market, string eventType)
    {
        var text = new WireText();
        text.Raw("{\"market_ticker\":"u8).Quoted(market.Ticker).Raw(",\"settled_ts\":"u8).Integer(Micros.Now() / Micros.PerSecond)
            .Raw(Encoding.UTF8.GetBytes($",\"event_type\":\"{eventType}\"}}"));
        exchange.MarketLifecycle(market, Encoding.UTF8.GetBytes(eventType), text, Micros.Now());
    }
}
