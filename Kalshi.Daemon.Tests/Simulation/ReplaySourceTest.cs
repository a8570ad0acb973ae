using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kalshi.Daemon.Simulation;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Simulation;

/// <summary>Over a real socket, at full speed: what a client receives is what was recorded, message for message.</summary>
internal sealed class ReplaySourceTest
{
    private static string Recordings
    {
        get
        {
            var directory = new DirectoryInfo(AppContext.BaseDirectory);
            while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "kalshid.slnx")))
            {
                directory = directory.Parent;
            }

            var recordings = Path.Combine(directory!.FullName, "..", "shared", "kalshi", "recordings");
            if (!Directory.Exists(recordings))
            {
                Assert.Ignore($"the recordings are not there: {recordings}");
            }

            return recordings;
        }
    }

    [Test]
    public async Task A_replay_equals_the_recordings_in_count_order_and_content()
    {
        var recorded = ReadRecordings();
        var source = new ReplaySource(Recording.ReadAll(Recordings));
        await using var simulator = await SimulatorHarness.StartAsync(source, speed: 0, startNow: false);
        using var client = await simulator.ConnectAsync();
        await client.CommandAsync("subscribe", """{"channels":["trade"]}""");
        var tickers = string.Join("\",\"", recorded.Keys);
        await client.CommandAsync("subscribe", $$"""{"channels":["orderbook_delta"],"market_tickers":["{{tickers}}"],"skip_ticker_ack":true}""");

        var total = recorded.Values.Sum(messages => messages.Count);
        Assert.That(total, Is.EqualTo(243_717));
        var seqs = new Dictionary<long, long>();
        var taken = recorded.Keys.ToDictionary(ticker => ticker, _ => 0);
        var interleaved = 0;
        var previous = "";
        for (var received = 0; received < total;)
        {
            var frame = JsonNode.Parse((await client.TextAsync())!)!;
            var type = (string)frame["type"]!;
            if (type is "subscribed")
            {
                continue;
            }

            var sid = (long)frame["sid"]!;
            Assert.That((long)frame["seq"]!, Is.EqualTo(seqs.GetValueOrDefault(sid) + 1), "seq is dense on each sid");
            seqs[sid] = (long)frame["seq"]!;
            var ticker = (string)frame["msg"]!["market_ticker"]!;
            var expected = recorded[ticker][taken[ticker]++];
            if (type != expected.Type || !JsonNode.DeepEquals(frame["msg"], JsonNode.Parse(expected.Msg)))
            {
                Assert.Fail($"message {taken[ticker]} of {ticker}: recorded {expected.Type} {expected.Msg}, received {frame.ToJsonString()}");
            }

            interleaved += ticker != previous ? 1 : 0;
            previous = ticker;
            received++;
        }

        Assert.That(taken.Select(pair => pair.Value), Is.EqualTo(recorded.Values.Select(messages => messages.Count)));
        Assert.That(interleaved, Is.GreaterThan(10_000), "the markets share the stream");
        await simulator.Pump.Over.WaitAsync(TimeSpan.FromSeconds(5));
    }

    [Test]
    public async Task Rest_serves_the_recorded_markets_their_books_and_their_trades()
    {
        var recorded = ReadRecordings();
        var source = new ReplaySource(Recording.ReadAll(Recordings));
        await using var simulator = await SimulatorHarness.StartAsync(source, speed: 0, exchangeSettings: new ExchangeSettings { HistoricalCutoff = 0 });
        var (_, open, _) = await simulator.GetAsync("/markets?limit=1000&mve_filter=exclude");
        Assert.That(open.GetProperty("markets").EnumerateArray().Select(market => market.GetProperty("ticker").GetString()), Is.EquivalentTo(recorded.Keys));
        await simulator.Pump.Over.WaitAsync(TimeSpan.FromSeconds(30));

        var ids = new HashSet<string>();
        var cursor = "";
        do
        {
            var (_, page, _) = await simulator.GetAsync($"/markets/trades?limit=1000&cursor={cursor}");
            foreach (var trade in page.GetProperty("trades").EnumerateArray())
            {
                Assert.That(ids.Add(trade.GetProperty("trade_id").GetString()!), "a trade comes once");
            }

            cursor = page.GetProperty("cursor").GetString()!;
        }
        while (cursor != "");

        var expected = recorded.Values.SelectMany(messages => messages).Where(message => message.Type == "trade")
            .Select(message => JsonNode.Parse(message.Msg)!["trade_id"]!.GetValue<string>()).ToHashSet();
        Assert.That(ids.SetEquals(expected));
        var (_, closed, _) = await simulator.GetAsync($"/markets/{recorded.Keys.First()}");
        Assert.That(closed.GetProperty("market").GetProperty("status").GetString(), Is.EqualTo("closed"));
    }

    private static SortedDictionary<string, List<(string Type, string Msg)>> ReadRecordings()
    {
        var recorded = new SortedDictionary<string, List<(string Type, string Msg)>>(StringComparer.Ordinal);
        foreach (var file in Directory.GetFiles(Recordings, "*.ndjson.gz"))
        {
            using var reader = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
            while (reader.ReadLine() is { } line)
            {
                using var document = JsonDocument.Parse(line);
                var message = document.RootElement.GetProperty("event");
                var msg = message.GetProperty("msg");
                var ticker = msg.GetProperty("market_ticker").GetString()!;
                if (!recorded.TryGetValue(ticker, out var messages))
                {
                    recorded[ticker] = messages = [];
                }

                messages.Add((message.GetProperty("type").GetString()!, msg.GetRawText()));
            }
        }

        return recorded;
    }
}
