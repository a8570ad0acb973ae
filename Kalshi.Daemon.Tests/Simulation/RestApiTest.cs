using System.Net;
using System.Text.Json;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Simulation;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Simulation;

internal sealed class RestApiTest
{
    private SimulatorHarness _simulator = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _simulator = await SimulatorHarness.StartAsync(new SeededSource(new SeededSettings(3, 500, 40, 20_000, Micros.PerSecond, long.MaxValue, Micros.PerHour, 10)));
        await _simulator.Pump.Over.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [OneTimeTearDown]
    public async Task Stop() => await _simulator.DisposeAsync();

    private async Task<List<JsonElement>> AllAsync(string path, string array)
    {
        var all = new List<JsonElement>();
        var cursors = new HashSet<string>();
        var cursor = "";
        do
        {
            var (status, page, _) = await _simulator.GetAsync($"{path}{(path.Contains('?') ? '&' : '?')}cursor={cursor}");
            Assert.That(status, Is.EqualTo(HttpStatusCode.OK), page.GetRawText());
            all.AddRange(page.GetProperty(array).EnumerateArray());
            cursor = page.GetProperty("cursor").GetString()!;
            Assert.That(cursors.Add(cursor), "a cursor never repeats");
        }
        while (cursor != "");
        return all;
    }

    [TestCase("", 545)]
    [TestCase("&mve_filter=exclude", 505)]
    [TestCase("&mve_filter=only", 40)]
    [TestCase("&mve_filter=exclude&status=open", 500)]
    [TestCase("&status=settled", 5)]
    [TestCase("&status=unopened", 0)]
    public async Task Paging_through_markets_gives_each_once(string filter, int expected)
    {
        var markets = await AllAsync("/markets?limit=37" + filter, "markets");
        Assert.That(markets.Select(market => market.GetProperty("ticker").GetString()).Distinct().Count(), Is.EqualTo(expected));
        Assert.That(markets, Has.Count.EqualTo(expected));
    }

    [Test]
    public async Task A_market_has_every_field_that_the_specification_requires()
    {
        var (_, page, _) = await _simulator.GetAsync("/markets?limit=1");
        var market = page.GetProperty("markets")[0];
        foreach (var field in "ticker event_ticker market_type yes_sub_title no_sub_title created_time updated_time open_time close_time latest_expiration_time settlement_timer_seconds status notional_value_dollars yes_bid_dollars yes_ask_dollars no_bid_dollars no_ask_dollars yes_bid_size_fp yes_ask_size_fp last_price_dollars previous_yes_bid_dollars previous_yes_ask_dollars previous_price_dollars volume_fp volume_24h_fp open_interest_fp result can_close_early expiration_value rules_primary rules_secondary price_level_structure price_ranges settlement_bounds_type".Split(' '))
        {
            Assert.That(market.TryGetProperty(field, out _), field);
        }

        Assert.That(market.GetProperty("status").GetString(), Is.EqualTo("active"));
    }

    [Test]
    public async Task Filters_by_ticker_event_series_and_close_time_narrow_the_listing()
    {
        var all = await AllAsync("/markets?limit=1000", "markets");
        var one = all[17];
        string Text(string name) => one.GetProperty(name).GetString()!;
        var by = await AllAsync($"/markets?event_ticker={Text("event_ticker")}", "markets");
        Assert.That(by.Select(market => market.GetProperty("event_ticker").GetString()), Is.All.EqualTo(Text("event_ticker")));
        var (_, two, _) = await _simulator.GetAsync($"/markets?tickers={all[3].GetProperty("ticker").GetString()},{Text("ticker")}");
        Assert.That(two.GetProperty("markets").GetArrayLength(), Is.EqualTo(2));
        var series = await AllAsync($"/markets?limit=1000&series_ticker={Text("event_ticker").Split('-')[0]}", "markets");
        Assert.That(series, Has.Count.InRange(1, all.Count - 1));
        var late = await AllAsync($"/markets?limit=1000&min_close_ts={(Micros.Now() + (30 * Micros.PerDay)) / Micros.PerSecond}", "markets");
        Assert.That(late, Has.Count.InRange(1, all.Count - 1));
        Assert.That((await _simulator.GetAsync("/markets?status=active")).Status, Is.EqualTo(HttpStatusCode.BadRequest), "a status value is not a filter");
        Assert.That((await _simulator.GetAsync("/markets?limit=1001")).Status, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await _simulator.GetAsync("/markets?cursor=zzz")).Status, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That((await _simulator.GetAsync("/markets?min_updated_ts=5")).Status, Is.EqualTo(HttpStatusCode.BadRequest));
    }

    [Test]
    public async Task Events_exclude_combos_and_nest_their_markets()
    {
        var events = await AllAsync("/events?limit=7&with_nested_markets=true", "events");
        Assert.That(events.Select(one => one.GetProperty("event_ticker").GetString()!), Has.None.StartsWith("KXMVE"));
        Assert.That(events.Sum(one => one.GetProperty("markets").GetArrayLength()), Is.EqualTo(505));
        var ticker = events[1].GetProperty("event_ticker").GetString();
        var (_, one, _) = await _simulator.GetAsync($"/events/{ticker}");
        Assert.That(one.GetProperty("markets").GetArrayLength(), Is.EqualTo(events[1].GetProperty("markets").GetArrayLength()));
        var combos = await AllAsync("/events/multivariate", "events");
        Assert.That(combos, Has.Count.EqualTo(4));
    }

    [Test]
    public async Task Trades_page_newest_first_and_obey_their_filters()
    {
        var trades = await AllAsync("/markets/trades?limit=50", "trades");
        Assert.That(trades, Has.Count.EqualTo(_simulator.Exchange.Trades.Count).And.Count.GreaterThan(200));
        Assert.That(trades.Select(trade => trade.GetProperty("created_time").GetDateTime()), Is.Ordered.Descending);
        Assert.That(trades.Select(trade => trade.GetProperty("trade_id").GetString()), Is.Unique);
        var ticker = trades[0].GetProperty("ticker").GetString();
        var some = await AllAsync($"/markets/trades?limit=3&ticker={ticker}", "trades");
        Assert.That(some.Select(Id), Is.EqualTo(trades.Where(trade => trade.GetProperty("ticker").GetString() == ticker).Select(Id)));
        var second = new DateTimeOffset(trades[^1].GetProperty("created_time").GetDateTime()).ToUnixTimeSeconds();
        var early = await AllAsync($"/markets/trades?limit=1000&max_ts={second}", "trades");
        var late = await AllAsync($"/markets/trades?limit=1000&min_ts={second + 1}", "trades");
        Assert.That(early.Count + late.Count, Is.EqualTo(trades.Count));
        Assert.That(early, Is.Not.Empty);
        Assert.That(await AllAsync("/historical/trades", "trades"), Is.Empty);

        static string? Id(JsonElement trade) => trade.GetProperty("trade_id").GetString();
    }

    [Test]
    public async Task Order_books_are_served_alone_and_by_the_hundred()
    {
        var (_, page, _) = await _simulator.GetAsync("/markets?limit=100&status=open");
        var tickers = page.GetProperty("markets").EnumerateArray().Select(market => market.GetProperty("ticker").GetString()!).ToArray();
        var (_, single, _) = await _simulator.GetAsync($"/markets/{tickers[2]}/orderbook");
        var (_, many, _) = await _simulator.GetAsync($"/markets/orderbooks?{string.Join('&', tickers.Select(ticker => $"tickers={ticker}"))}");
        Assert.That(many.GetProperty("orderbooks").GetArrayLength(), Is.EqualTo(100));
        Assert.That(many.GetProperty("orderbooks")[2].GetProperty("orderbook_fp").GetRawText(), Is.EqualTo(single.GetProperty("orderbook_fp").GetRawText()));
        var (_, depth, _) = await _simulator.GetAsync($"/markets/{tickers[2]}/orderbook?depth=1");
        Assert.That(depth.GetProperty("orderbook_fp").GetProperty("yes_dollars").GetArrayLength(), Is.LessThanOrEqualTo(1));
        Assert.That((await _simulator.GetAsync("/markets/NONE/orderbook")).Status, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That((await _simulator.GetAsync($"/markets/{tickers[2]}/trades")).Status, Is.EqualTo(HttpStatusCode.NotFound), "no such path, as on the exchange");
    }

    [Test]
    public async Task Too_many_reads_are_429_without_retry_after_and_the_limits_say_why()
    {
        await using var simulator = await SimulatorHarness.StartAsync(readTokens: 200);
        var (_, limits, _) = await simulator.GetAsync("/account/limits");
        Assert.That(limits.GetProperty("read").GetProperty("bucket_capacity").GetInt32(), Is.EqualTo(600));
        var refused = 0;
        for (var i = 0; i < 90; i++)
        {
            var (status, body, headers) = await simulator.GetAsync("/exchange/status");
            if (status == HttpStatusCode.TooManyRequests)
            {
                refused++;
                Assert.That(body.GetRawText(), Is.EqualTo("""{"error":"too many requests"}"""));
                Assert.That(headers.RetryAfter, Is.Null);
            }
        }

        Assert.That(refused, Is.InRange(1, 31));
    }

    [Test]
    public async Task Historical_trades_begin_where_the_live_ones_end()
    {
        var startAt = Micros.Now();
        await using var simulator = await SimulatorHarness.StartAsync(
            new SeededSource(new SeededSettings(3, 100, 0, 5_000, Micros.PerSecond, long.MaxValue, Micros.PerHour, 10, PinStamps: true)),
            exchangeSettings: new ExchangeSettings { HistoricalCutoff = startAt + 500_000 });
        await simulator.Pump.Over.WaitAsync(TimeSpan.FromSeconds(20));
        var (_, cutoff, _) = await simulator.GetAsync("/historical/cutoff");
        var border = cutoff.GetProperty("trades_created_ts").GetDateTime();
        var (_, old, _) = await simulator.GetAsync("/historical/trades?limit=1000");
        var (_, live, _) = await simulator.GetAsync("/markets/trades?limit=1000");
        Assert.That(old.GetProperty("trades").EnumerateArray().Select(trade => trade.GetProperty("created_time").GetDateTime()), Is.Not.Empty.And.All.LessThan(border));
        Assert.That(live.GetProperty("trades").EnumerateArray().Select(trade => trade.GetProperty("created_time").GetDateTime()), Is.Not.Empty.And.All.GreaterThanOrEqualTo(border));
        Assert.That(old.GetProperty("trades").GetArrayLength() + live.GetProperty("trades").GetArrayLength(), Is.EqualTo(simulator.Exchange.Trades.Count));
    }
}
