using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Simulation;

internal sealed class CommandsTest
{
    private SimulatorHarness _simulator = null!;
    private SimulatorClient _client = null!;
    private string[] _tickers = null!;

    [SetUp]
    public async Task Start()
    {
        _simulator = await SimulatorHarness.StartAsync(exchangeSettings: new() { TickersPerCommandMax = 20, CommandsPerSecondMax = 50 });
        _client = await _simulator.ConnectAsync();
        _tickers = [.. Enumerable.Range(0, 12).Select(i => System.Text.Encoding.UTF8.GetString(_simulator.Exchange.Markets[i].Ticker))];
    }

    [TearDown]
    public async Task Stop()
    {
        _client.Dispose();
        await _simulator.DisposeAsync();
    }

    [Test]
    public async Task A_subscribe_is_answered_per_channel_and_followed_by_numbered_snapshots()
    {
        var id = await _client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta","trade"],"market_tickers":["{{_tickers[0]}}","{{_tickers[1]}}"]}""");
        var frames = await _client.FramesAsync(4);

        Assert.That(frames.Select(frame => frame.Type), Is.EqualTo(["subscribed", "orderbook_snapshot", "orderbook_snapshot", "subscribed"]));
        Assert.That(frames[0].Id, Is.EqualTo(id));
        Assert.That(frames[0].Seq, Is.Zero);
        Assert.That(frames[0].Msg.GetProperty("sid").GetInt32(), Is.EqualTo(1));
        Assert.That(frames[3].Msg.GetProperty("sid").GetInt32(), Is.EqualTo(2));
        Assert.That(frames[1..3].Select(frame => (frame.Sid, frame.Seq, frame.Ticker)), Is.EqualTo([(1L, 1L, _tickers[0]), (1L, 2L, _tickers[1])]));
        Assert.That(frames.TrueForAll(frame => frame.Text.EndsWith((char)10) && frame.Root.TryGetProperty("sending_ts_ms", out _)));
    }

    [Test]
    public async Task Acks_snapshots_and_scoped_errors_share_one_seq()
    {
        await _client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_tickers":["{{_tickers[0]}}"]}""");
        await _client.CommandAsync("update_subscription", $$"""{"sid":1,"action":"add_markets","market_tickers":["{{_tickers[1]}}"]}""");
        await _client.CommandAsync("update_subscription", """{"sids":[1],"action":"dance","market_tickers":["X"]}""");
        await _client.CommandAsync("update_subscription", $$"""{"sids":[1],"action":"get_snapshot","market_tickers":["{{_tickers[1]}}"]}""");
        await _client.CommandAsync("update_subscription", $$"""{"sids":[1],"action":"delete_markets","market_ticker":"{{_tickers[0]}}"}""");
        await _client.CommandAsync("unsubscribe", """{"sids":[1]}""");
        var frames = await _client.FramesAsync(8);

        Assert.That(frames.Select(frame => (frame.Type, frame.Id, frame.Seq)), Is.EqualTo(
        [
            ("subscribed", 1L, 0L), ("orderbook_snapshot", 0L, 1L), ("ok", 2L, 2L), ("orderbook_snapshot", 0L, 3L), ("error", 3L, 4L),
            ("orderbook_snapshot", 4L, 5L), ("ok", 5L, 6L), ("unsubscribed", 6L, 7L),
        ]));
        Assert.That(frames[4].Code, Is.EqualTo(13));
        Assert.That(frames[2].Msg.GetProperty("market_tickers").EnumerateArray().Select(e => e.GetString()), Is.EquivalentTo(_tickers[..2]));
        Assert.That(frames[6].Msg.GetProperty("market_tickers").EnumerateArray().Select(e => e.GetString()), Is.EqualTo([_tickers[1]]));
    }

    [Test]
    public async Task A_repeated_subscribe_for_a_ticker_already_there_brings_an_ok_and_no_snapshot()
    {
        await _client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_tickers":["{{_tickers[0]}}"],"skip_ticker_ack":true}""");
        await _client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_tickers":["{{_tickers[0]}}"],"skip_ticker_ack":true}""");
        await _client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_tickers":["{{_tickers[0]}}","{{_tickers[2]}}"],"skip_ticker_ack":true}""");
        var frames = await _client.FramesAsync(5);

        Assert.That(frames.Select(frame => frame.Type), Is.EqualTo(["subscribed", "orderbook_snapshot", "ok", "ok", "orderbook_snapshot"]));
        Assert.That(frames[4].Ticker, Is.EqualTo(_tickers[2]));
        Assert.That(frames[2].Msg.TryGetProperty("market_tickers", out _), Is.False, "skip_ticker_ack spares the list");
    }

    [Test]
    public async Task A_new_subscription_after_unsubscribe_has_a_new_sid_and_seq_1()
    {
        await _client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_ticker":"{{_tickers[0]}}"}""");
        await _client.CommandAsync("unsubscribe", """{"sids":[1]}""");
        await _client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_ticker":"{{_tickers[0]}}"}""");
        var frames = await _client.FramesAsync(5);
        Assert.That((frames[4].Sid, frames[4].Seq), Is.EqualTo((2L, 1L)));
    }

    [Test]
    public async Task An_unknown_or_settled_ticker_gets_an_empty_snapshot_without_market_id()
    {
        var settled = Enumerable.Range(0, _simulator.Exchange.Markets.Count).Select(i => _simulator.Exchange.Markets[i])
            .First(market => market.Status == Kalshi.Daemon.Simulation.MarketStatus.Finalized);
        var ticker = System.Text.Encoding.UTF8.GetString(settled.Ticker);
        await _client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_tickers":["NO-SUCH \"ONE\"","{{ticker}}"]}""");
        var frames = (await _client.FramesAsync(3))[1..];
        Assert.That(frames.Select(frame => frame.Ticker), Is.EqualTo(["NO-SUCH \"ONE\"", ticker]));
        foreach (var frame in frames)
        {
            Assert.That(frame.Msg.GetProperty("market_id").GetString(), Is.Empty);
            Assert.That(frame.Msg.TryGetProperty("yes_dollars_fp", out _) || frame.Msg.TryGetProperty("no_dollars_fp", out _), Is.False);
        }
    }

    [Test]
    public async Task Use_yes_price_turns_the_no_side_into_yes_units()
    {
        using var other = await _simulator.ConnectAsync();
        var market = Enumerable.Range(0, 12).First(i => _simulator.Exchange.Peek(_simulator.Exchange.Markets[i]).No.Length > 1);
        await _client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_tickers":["{{_tickers[market]}}"]}""");
        await other.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_tickers":["{{_tickers[market]}}"],"use_yes_price":true}""");
        var own = Prices(await _client.FrameAsync("orderbook_snapshot"));
        var yes = Prices(await other.FrameAsync("orderbook_snapshot"));
        Assert.That(yes, Is.EqualTo(own.Select(price => 1 - price)));
        Assert.That(own, Is.Ordered.Ascending);

        static decimal[] Prices(Frame frame) => [.. frame.Msg.GetProperty("no_dollars_fp").EnumerateArray()
            .Select(level => decimal.Parse(level[0].GetString()!, System.Globalization.CultureInfo.InvariantCulture))];
    }

    [Test]
    public async Task List_subscriptions_names_every_sid()
    {
        await _client.CommandAsync("subscribe", """{"channels":["trade","ticker","market_lifecycle_v2","multivariate_market_lifecycle","fill"]}""");
        await _client.FramesAsync(5);
        await _client.SendAsync("""{"id":9,"cmd":"list_subscriptions"}""");
        var list = await _client.FrameAsync("ok");
        Assert.That(list.Id, Is.EqualTo(9));
        Assert.That((list.Sid, list.Seq), Is.EqualTo((0L, 0L)));
        Assert.That(list.Msg.EnumerateArray().Select(e => (e.GetProperty("channel").GetString(), e.GetProperty("sid").GetInt32())), Is.EqualTo(
            [("trade", 1), ("ticker", 2), ("market_lifecycle_v2", 3), ("multivariate_market_lifecycle", 4), ("fill", 5)]));
    }

    [TestCase("no json", 1)]
    [TestCase("""{"id":1}""", 1)]
    [TestCase("""{"id":1,"cmd":"subscribe"}""", 2)]
    [TestCase("""{"id":1,"cmd":"unsubscribe"}""", 2)]
    [TestCase("""{"id":1,"cmd":"update_subscription"}""", 2)]
    [TestCase("""{"id":1,"cmd":"subscribe","params":{}}""", 3)]
    [TestCase("""{"id":1,"cmd":"unsubscribe","params":{}}""", 4)]
    [TestCase("""{"id":1,"cmd":"dance","params":{}}""", 5)]
    [TestCase("""{"id":1,"cmd":"unsubscribe","params":{"sids":[7]}}""", 7)]
    [TestCase("""{"id":1,"cmd":"update_subscription","params":{"sid":7,"action":"add_markets","market_tickers":["A"]}}""", 7)]
    [TestCase("""{"id":1,"cmd":"subscribe","params":{"channels":["ticker_v2"]}}""", 8)]
    [TestCase("""{"id":1,"cmd":"subscribe","params":{"channels":"trade"}}""", 11)]
    [TestCase("""{"id":1,"cmd":"subscribe","params":{"channels":["trade"],"market_ticker":"A","market_tickers":["B"]}}""", 11)]
    [TestCase("""{"id":1,"cmd":"subscribe","params":{"channels":["trade"],"use_yes_price":"yes"}}""", 11)]
    [TestCase("""{"id":1,"cmd":"update_subscription","params":{"action":"add_markets","market_tickers":["A"]}}""", 12)]
    [TestCase("""{"id":1,"cmd":"update_subscription","params":{"sids":[1,2],"action":"add_markets","market_tickers":["A"]}}""", 12)]
    [TestCase("""{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"]}}""", 14)]
    public async Task A_command_in_error_is_answered_with_its_code(string command, int code)
    {
        await _client.SendAsync(command);
        var frame = await _client.FrameAsync();
        Assert.That((frame.Type, frame.Code), Is.EqualTo(("error", code)));
    }

    [Test]
    public async Task A_scoped_error_on_a_sid_carries_sid_and_seq_and_on_the_ticker_channel_no_seq()
    {
        await _client.CommandAsync("subscribe", """{"channels":["trade","ticker"]}""");
        await _client.CommandAsync("update_subscription", """{"sid":1,"action":"get_snapshot","market_tickers":["A"]}""");
        await _client.CommandAsync("update_subscription", """{"sid":2,"action":"get_snapshot","market_tickers":["A"]}""");
        await _client.CommandAsync("update_subscription", """{"sid":1,"market_tickers":["A"]}""");
        await _client.CommandAsync("update_subscription", """{"sid":1,"action":"add_markets"}""");
        var frames = (await _client.FramesAsync(6))[2..];
        Assert.That(frames.Select(frame => (frame.Code, frame.Sid, frame.Seq)), Is.EqualTo([(13, 1L, 1L), (13, 2L, 0L), (15, 1L, 2L), (14, 1L, 3L)]));
    }

    [Test]
    public async Task More_tickers_than_the_cap_are_error_26()
    {
        var many = string.Join("\",\"", Enumerable.Range(0, 21).Select(i => $"T{i}"));
        await _client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_tickers":["{{many}}"]}""");
        Assert.That((await _client.FrameAsync()).Code, Is.EqualTo(26));
    }

    [Test]
    public async Task More_commands_in_a_second_than_allowed_are_error_27()
    {
        for (var i = 0; i < 150; i++)
        {
            await _client.SendAsync("""{"id":1,"cmd":"list_subscriptions"}""");
        }

        var frames = await _client.FramesAsync(150);
        Assert.That(frames.Count(frame => frame.Type == "error" && frame.Code == 27), Is.GreaterThanOrEqualTo(25));
        Assert.That(frames.Count(frame => frame.Type == "ok"), Is.GreaterThanOrEqualTo(50));
    }

    [Test]
    public async Task A_closed_connection_is_answered_and_forgotten()
    {
        await _client.Socket.CloseAsync(System.Net.WebSockets.WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
        await Eventually.BecomesTrue(() => _simulator.Pump.Connections.Count == 0 && _simulator.Exchange.Sessions.Count == 0);
    }
}
