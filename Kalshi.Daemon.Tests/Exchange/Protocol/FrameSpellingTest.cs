using System.Text;
using System.Text.Json.Nodes;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

/// <summary>The same said otherwise, at greater length, or with more besides.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class FrameSpellingTest : DecoderFixture
{
    [Test]
    public void An_additional_array_beside_both_sides_is_only_an_unknown_field()
    {
        Decode(WireFrames.With(WireFrames.Snapshot, msg => msg["order_counts"] = JsonNode.Parse("[[1,2],[3,4]]")));
        Assert.That(Decoder.UnknownFields, Is.EqualTo(1));
    }

    [TestCase("price_dollars", "0.32")]
    [TestCase("price_dollars", "\"0.320000\"")]
    [TestCase("price_dollars", "\"0.3200000\"")]
    [TestCase("price_dollars", "\"0\\u002e32\"")]
    [TestCase("price_dollars", "\"0.32\"")]
    [TestCase("delta_fp", "-46.02")]
    [TestCase("delta_fp", "\"-46.020\"")]
    [TestCase("side", "\"n\\u006f\"")]
    [TestCase("market_ticker", "\"KXTEST\\u002d26NOV231500-B1.5\"")]
    [TestCase("ts_ms", "\"1795442440722\"")]
    [TestCase("market_id", "\"4F5C2E39-5132-4147-BA3F-B3485AD89427\"")]
    public void The_same_value_spelt_otherwise_is_the_same_value(string key, string rawValue)
    {
        Decode(WireFrames.Delta);
        var expected = WireFrames.Describe(Message, false);
        Expect(WireFrames.WithRaw(WireFrames.Delta, key, rawValue), expected, false);
    }

    [Test]
    public void Unknown_fields_are_passed_over_and_counted_however_deep()
    {
        var deep = new string('[', 62) + new string(']', 62);
        Decode(WireFrames.With(WireFrames.Delta, msg =>
        {
            msg["new_text"] = "}\\\"{";
            msg["new_object"] = JsonNode.Parse(deep, null, new() { MaxDepth = 100 });
        }));
        Assert.That(Message.Delta, Is.EqualTo(-4602));
        Assert.That(Decoder.UnknownFields, Is.EqualTo(2));
        ExpectRejected(WireFrames.WithRaw(WireFrames.Delta, "new_object", "[" + deep + "]"), FrameDecoder.NotJson);
        ExpectRejected(WireFrames.WithRaw(WireFrames.Delta, "new_object", new string('[', 1_000_000)), FrameDecoder.NotJson);
    }

    [Test]
    public void Text_keeps_its_letters_whatever_their_spelling()
    {
        Decode("""{"type":"event_lifecycle","sid":1,"msg":{"event_ticker":"a\u0041\/\\\"\n\u00e9\ud83d\ude00é"}}""");
        Assert.That(WireFrames.Text(Message.EventTicker), Is.EqualTo("aA/\\\"\né😀é"));
        var broken = WireFrames.Bytes("""{"type":"event_lifecycle","sid":1,"msg":{"event_ticker":"a?"}}""");
        broken[Array.IndexOf(broken, (byte)'?')] = 0xFF;
        Assert.That(Decoder.Decode(broken, false), Is.EqualTo(DecodeVerdict.Rejected));
        Assert.That(Decoder.Reason, Is.EqualTo("event_lifecycle: event_ticker is not text"));
    }

    [Test]
    public void A_snapshot_of_five_megabytes_and_an_ok_of_7500_tickers_decode()
    {
        var levels = new StringBuilder("[");
        for (var price = 0; price < 220_000; price++)
        {
            levels.Append(price == 0 ? "" : ",").Append($"[\"0.{price:D6}\",\"{price}.25\"]");
        }

        Decode(WireFrames.WithRaw(WireFrames.Snapshot, "yes_dollars_fp", levels.Append(']').ToString()));
        Assert.That(Message.Payload.Length, Is.GreaterThan(5_000_000));
        Assert.That(Message.Yes.Length, Is.EqualTo(220_000));
        Assert.That(Message.Yes[219_999], Is.EqualTo(new Level(219_999, 21_999_925)));
        var tickers = string.Join(',', Enumerable.Range(0, 7_500).Select(i => $"\"KXTEST-{i}\""));
        Decode($$$"""{"type":"ok","id":6,"sid":1,"seq":1,"msg":{"market_tickers":[{{{tickers}}}]}}""");
        Assert.That(Message.Seq, Is.EqualTo(1));
    }

    [Test]
    public void The_order_of_keys_changes_nothing()
    {
        var random = Seeds.New(out var seed);
        foreach (var frame in WireFrames.All)
        {
            Decoder.Decode(WireFrames.Bytes(frame), true);
            var expected = WireFrames.Describe(Message, false);
            for (var round = 0; round < 200; round++)
            {
                var node = JsonNode.Parse(frame)!.AsObject();
                if (node["msg"] is JsonObject msg)
                {
                    node["msg"] = WireFrames.Reorder(msg, Shuffled(random, msg.Count));
                }

                var text = WireFrames.Reorder(node, Shuffled(random, node.Count)).ToJsonString(WireFrames.Relaxed);
                var verdict = Decoder.Decode(WireFrames.Bytes(text), true);
                Assert.That(WireFrames.Describe(Message, false), Is.EqualTo(expected), () => $"{text}, seed {seed}");
                Assert.That(verdict, Is.Not.EqualTo(DecodeVerdict.Rejected));
            }
        }
    }

    [Test]
    public void The_scan_and_the_general_reader_agree_on_every_respelling()
    {
        string[] values = ["\"0.3200\"", "\"1.0000\"", "\"1.0001\"", "\"0.32\"", "0.32", "32", "\"-1.00\"", "\"5\"", "\"yes\"", "\"no\"", "\"bid\"", "\"\"", "null", "true", "false",
            "\"2026-11-23T14:00:40.722Z\"", "\"2026-11-23T14:00:40Z\"", "\"2026-11-23T14:00:40.72200399Z\"", "\"2026-02-30T14:00:40.722003Z\"", "\"2026-11-23T24:00:40.722003Z\"",
            "\"2026-11-23T14:00:40.722003+01:00\"", "1795442440", "1795442440722", "1795442440723", "-1", "0", "[1]", "{}", "\"abc\\u0041\"", "\"é\"", "\"4f5c2e39-5132-4147-ba3f-b3485ad8942g\"",
            "\"4f5c2e39-5132-4147-ba3f+b3485ad89427\"", "99999999999999999999"];
        var general = new FrameDecoder();
        foreach (var frame in (string[])[WireFrames.Delta, WireFrames.Trade])
        {
            foreach (var key in JsonNode.Parse(frame)!["msg"]!.AsObject().Select(pair => pair.Key))
            {
                foreach (var value in values)
                {
                    var bytes = WireFrames.Bytes(WireFrames.WithRaw(frame, key, value));
                    var verdict = Decoder.Decode(bytes, true);
                    Assert.That(verdict, Is.EqualTo(general.DecodeByFields(bytes, true)), () => Encoding.UTF8.GetString(bytes));
                    Assert.That(verdict == DecodeVerdict.Decoded ? WireFrames.Describe(Message) : Decoder.Reason,
                        Is.EqualTo(verdict == DecodeVerdict.Decoded ? WireFrames.Describe(general.Message) : general.Reason), () => Encoding.UTF8.GetString(bytes));
                }
            }
        }
    }

    [Test]
    public void Decoding_allocates_nothing_once_warm()
    {
        var frames = WireFrames.All.Select(WireFrames.Bytes).Concat(WireFrames.All.Select(frame => WireFrames.Bytes(frame)[..^9]))
            .Append(WireFrames.Bytes(WireFrames.Delta.Replace("KXTEST", "K\\u0058TEST", StringComparison.Ordinal))).ToArray();
        var decoder = new FrameDecoder();
        Decode(20_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Decode(1_000_000);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);

        void Decode(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var frame = frames[i % frames.Length];
                FrameHeadReader.Read(frame);
                decoder.Decode(frame, (i & 1) != 0);
            }
        }
    }

    private static int[] Shuffled(Random random, int count)
    {
        var order = Enumerable.Range(0, count).ToArray();
        random.Shuffle(order);
        return order;
    }
}
