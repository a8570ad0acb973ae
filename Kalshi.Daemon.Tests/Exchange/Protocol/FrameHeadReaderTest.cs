using System.Text.Json.Nodes;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

internal sealed class FrameHeadReaderTest
{
    [TestCase(WireFrames.Delta, FrameType.OrderbookDelta, 1, 2146643, 0)]
    [TestCase(WireFrames.EmptySnapshot, FrameType.OrderbookSnapshot, 1, 417, 2)]
    [TestCase(WireFrames.Ticker, FrameType.Ticker, 6, 0, 0)]
    [TestCase(WireFrames.Subscribed, FrameType.Subscribed, 0, 0, 2)]
    [TestCase(WireFrames.OkList, FrameType.Ok, 0, 0, 3)]
    [TestCase(WireFrames.Unsubscribed, FrameType.Unsubscribed, 2, 7, 102)]
    [TestCase(WireFrames.Error, FrameType.Error, 3, 2, 127)]
    [TestCase(WireFrames.Lifecycle, FrameType.MarketLifecycle, 3, 4, 0)]
    [TestCase(WireFrames.Unknown, FrameType.Unknown, 9, 42, 0)]
    [TestCase("""{"type":"market_lifecycle","sid":3,"seq":1,"msg":{}}""", FrameType.MarketLifecycle, 3, 1, 0)]
    public void Reads_what_the_exchange_sends(string frame, FrameType type, int sid, long seq, long id)
    {
        var expected = new FrameHead(type, sid, seq, id, true);
        Assert.That(FrameHeadReader.Read(WireFrames.Bytes(frame)), Is.EqualTo(expected));
        Assert.That(FrameHeadReader.ReadByWalk(WireFrames.Bytes(frame)), Is.EqualTo(expected));
        Assert.That(FrameHeadReader.Read(WireFrames.Bytes(frame + "\n")), Is.EqualTo(expected));
    }

    [TestCase(WireFrames.Delta)]
    [TestCase(WireFrames.Snapshot)]
    [TestCase(WireFrames.EmptySnapshot)]
    [TestCase(WireFrames.Trade)]
    [TestCase(WireFrames.Ticker)]
    [TestCase(WireFrames.Ok)]
    [TestCase(WireFrames.Unsubscribed)]
    [TestCase(WireFrames.Error)]
    [TestCase("""{"type":"orderbook_delta","sending_ts_ms":1795442440731,"sid":1,"seq":2,"msg":{"market_ticker":"A"}}""")]
    [TestCase("""{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"A"},"sending_ts_ms":1795442440731}""" + "\n")]
    public void The_targeted_scan_answers_for_every_usual_shape(string frame) =>
        Assert.That(FrameHeadReader.TryScan(WireFrames.Bytes(frame), out _), Is.True);

    [Test]
    public void Key_order_changes_nothing()
    {
        string[] msgs = ["""{"market_ticker":"A","x":[1]}""", """{"a":{"sid":9,"seq":9}}""", """{"text":"},\"sid\":9}"}""", """{"text":"}"}""", "{}", """[{"sid":8}]""", "null", "7"];
        string[] extras = ["\"sending_ts_ms\":1795442440731", "\"id\":5", "\"x\":{}", "\"y\":[{\"type\":\"trade\"}]", "\"z\":\"}\""];
        var scanned = 0;
        var total = 0;
        foreach (var msg in msgs)
        {
            foreach (var extra in extras)
            {
                string[] members = ["\"type\":\"orderbook_delta\"", "\"sid\":17", "\"seq\":2146643", $"\"msg\":{msg}", extra];
                foreach (var order in WireFrames.Permutations(members.Length))
                {
                    var frame = WireFrames.Bytes("{" + string.Join(',', order.Select(index => members[index])) + "}");
                    var expected = new FrameHead(FrameType.OrderbookDelta, 17, 2146643, extra.Contains("id\":5") ? 5 : 0, true);
                    Assert.That(FrameHeadReader.Read(frame), Is.EqualTo(expected), WireFrames.Text(frame));
                    Assert.That(FrameHeadReader.ReadByWalk(frame), Is.EqualTo(expected), WireFrames.Text(frame));
                    scanned += FrameHeadReader.TryScan(frame, out _) ? 1 : 0;
                    total++;
                }
            }
        }

        TestContext.Out.WriteLine($"{scanned} of {total} by the targeted scan");
        Assert.That(scanned, Is.GreaterThan(100));
    }

    [Test]
    public void Whitespace_changes_nothing()
    {
        string[] blanks = ["", " ", "\n", "\r\n\t "];
        foreach (var frame in WireFrames.All)
        {
            var expected = FrameHeadReader.ReadByWalk(WireFrames.Bytes(frame));
            foreach (var blank in blanks)
            {
                var spaced = WireFrames.Bytes(Respace(JsonNode.Parse(frame)!, blank) + blank);
                Assert.That(FrameHeadReader.Read(spaced), Is.EqualTo(expected), WireFrames.Text(spaced));
                Assert.That(FrameHeadReader.ReadByWalk(spaced), Is.EqualTo(expected));
            }
        }
    }

    [TestCase("""{"\u0074ype":"trade","s\u0069d":4,"seq":5,"msg":{}}""", FrameType.Trade, 4, 5, 0)]
    [TestCase("""{"type":"tr\u0061de","sid":4,"seq":5,"msg":{}}""", FrameType.Trade, 4, 5, 0)]
    [TestCase("""{"type":"trade","sid":4,"seq":5,"msg":{},"a\"b":{"c":"\\"}}""", FrameType.Trade, 4, 5, 0)]
    public void Escapes_are_resolved(string frame, FrameType type, int sid, long seq, long id) =>
        Assert.That(FrameHeadReader.Read(WireFrames.Bytes(frame)), Is.EqualTo(new FrameHead(type, sid, seq, id, true)));

    [TestCase("""{"type":"trade","sid":2147483648,"seq":5}""", 0, 5)]
    [TestCase("""{"type":"trade","sid":2147483647,"seq":9999999999999999}""", 2147483647, 9999999999999999)]
    [TestCase("""{"type":"trade","sid":-4,"seq":-5}""", 0, 0)]
    [TestCase("""{"type":"trade","sid":4.0,"seq":5e0}""", 0, 0)]
    [TestCase("""{"type":"trade","sid":"4","seq":null}""", 0, 0)]
    [TestCase("""{"type":"trade","sid":0,"seq":99999999999999999999}""", 0, 0)]
    [TestCase("""{"type":"trade","sid":12345678,"seq":123456789}""", 12345678, 123456789)]
    [TestCase("""{"type":"trade","sid":1234567,"seq":1234567890123456}""", 1234567, 1234567890123456)]
    [TestCase("""{"type":"trade","sid":1234567,"seq":12345678901234567}""", 1234567, 0)]
    public void A_number_that_is_no_count_reads_as_absent(string frame, int sid, long seq)
    {
        var expected = new FrameHead(FrameType.Trade, sid, seq, 0, true);
        Assert.That(FrameHeadReader.Read(WireFrames.Bytes(frame)), Is.EqualTo(expected));
        Assert.That(FrameHeadReader.ReadByWalk(WireFrames.Bytes(frame)), Is.EqualTo(expected));
        Assert.That(FrameHeadReader.Read(WireFrames.Bytes(frame[..^1] + ",\"msg\":{\"a\":\"some text that is long enough\"}}")), Is.EqualTo(expected));
    }

    [Test]
    public void Of_a_key_that_stands_twice_the_first_counts_in_both_readers()
    {
        var frame = WireFrames.Bytes("""{"type":"trade","sid":4,"seq":5,"msg":{"a":1},"seq":6,"type":"ticker"}""");
        Assert.That(FrameHeadReader.Read(frame), Is.EqualTo(new FrameHead(FrameType.Trade, 4, 5, 0, true)));
        Assert.That(FrameHeadReader.ReadByWalk(frame), Is.EqualTo(FrameHeadReader.Read(frame)));
    }

    [TestCase("")]
    [TestCase(" ")]
    [TestCase("x")]
    [TestCase("null")]
    [TestCase("[]")]
    [TestCase("7")]
    [TestCase("{")]
    [TestCase("}")]
    [TestCase("{}{}")]
    [TestCase("{\"type\"}")]
    [TestCase("{\"type\":\"trade\",}")]
    [TestCase("{,\"type\":\"trade\"}")]
    [TestCase("{\"type\":\"trade\" \"sid\":1}")]
    [TestCase("{\"type\":\"trade\",\"sid\":01}")]
    [TestCase("{\"type\":\"trade\",\"sid\":1]")]
    [TestCase("{\"type\":\"tr\\xade\"}")]
    [TestCase("{\"type\":\"tr\nade\"}")]
    [TestCase("\uFEFF{}")]
    public void Bytes_that_are_no_object_are_not_JSON(string frame) => Assert.That(FrameHeadReader.Read(WireFrames.Bytes(frame)).IsJson, Is.False);

    [Test]
    public void A_head_cut_at_any_byte_is_not_JSON_or_not_believed()
    {
        foreach (var frame in WireFrames.All)
        {
            var bytes = WireFrames.Bytes(frame);
            for (var length = 0; length < bytes.Length; length++)
            {
                Assert.That(FrameHeadReader.Read(bytes.AsSpan(0, length)).IsJson, Is.False, () => frame[..Math.Min(length, frame.Length)]);
            }
        }
    }

    private static string Respace(JsonNode node, string blank) => node switch
    {
        JsonObject map => "{" + blank + string.Join(blank + "," + blank, map.Select(pair =>
            System.Text.Json.Nodes.JsonValue.Create(pair.Key).ToJsonString() + blank + ":" + blank + (pair.Value is null ? "null" : Respace(pair.Value, blank)))) + blank + "}",
        JsonArray list => "[" + blank + string.Join(blank + "," + blank, list.Select(item => item is null ? "null" : Respace(item, blank))) + blank + "]",
        _ => node.ToJsonString(),
    };
}
