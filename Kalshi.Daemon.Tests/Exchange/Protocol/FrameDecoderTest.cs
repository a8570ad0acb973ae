using System.Text;
using System.Text.Json.Nodes;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class FrameDecoderTest
{
    private readonly FrameDecoder _decoder = new();

    private Message Message => _decoder.Message;

    [Test]
    public void A_delta_has_all_its_values()
    {
        Expect(WireFrames.Delta, "OrderbookDelta sid 1 seq 2146643 id 0 sent 1795442440731000 at 1795442440722003 ticker 'KXTEST-26NOV231500-B1.5' "
            + "event ''  market 4f5c2e39-5132-4147-ba3f-b3485ad89427 payload (54, 208) No 320000 -4602");
        Assert.That(WireFrames.Delta.Substring(54, 208), Does.StartWith("{\"market_ticker\"").And.EndsWith("}"));
    }

    [Test]
    public void A_snapshot_has_all_its_levels()
    {
        Decode(WireFrames.Snapshot);
        Assert.That(Message.Yes.ToArray(), Is.EqualTo(new Level[] { new(10_000, 140647486), new(430_000, 1) }));
        Assert.That(Message.No.ToArray(), Is.EqualTo(new Level[] { new(10_000, 10000), new(20_000, 250000), new(540_000, 750) }));
        Assert.That(Message.ExchangeAt, Is.EqualTo(Message.Absent));
        Assert.That(Message.SentAt, Is.EqualTo(Message.Absent));
    }

    [Test]
    public void A_trade_has_both_legs()
    {
        Decode(WireFrames.Trade);
        Assert.That(WireFrames.Describe(Message, false), Does.EndWith("f195de40-6a3f-418b-1a7e-9d89fee559c0 680000 320000 4602 Yes Bid 0"));
        Assert.That(Message.ExchangeAt, Is.EqualTo(1795442440722000));
    }

    [Test]
    public void A_ticker_has_all_its_values()
    {
        Decode(WireFrames.Ticker);
        Assert.That(WireFrames.Describe(Message, false), Does.EndWith("10000 0 10000 0 7800 9 75986 66618 379 -3"));
        Assert.That(Message.ExchangeAt, Is.EqualTo(1795442440880000));
    }

    [Test]
    public void Lifecycle_messages_say_what_they_are_about()
    {
        Decode(WireFrames.Lifecycle);
        Assert.That((WireFrames.Text(Message.Ticker), WireFrames.Text(Message.EventType)), Is.EqualTo(("KXTEST-26NOV231500-B1.5", "created")));
        var (start, length) = Message.Payload;
        Assert.That(JsonNode.Parse(WireFrames.Bytes(WireFrames.Lifecycle).AsSpan(start, length))!["close_ts"]!.GetValue<long>(), Is.EqualTo(1795449640));
        Decode(WireFrames.ComboLifecycle);
        Assert.That((Message.Type, WireFrames.Text(Message.EventType)), Is.EqualTo((FrameType.MultivariateLifecycle, "settled")));
        Decode(WireFrames.EventLifecycle);
        Assert.That((WireFrames.Text(Message.Ticker), WireFrames.Text(Message.EventTicker), WireFrames.Text(Message.EventType)), Is.EqualTo(("", "KXTEST-26NOV", "")));
        Decode(WireFrames.FeeUpdate);
        Assert.That((Message.Type, WireFrames.Text(Message.EventTicker)), Is.EqualTo((FrameType.EventFeeUpdate, "KXTEST-26NOV")));
    }

    [Test]
    public void Replies_are_read()
    {
        Decode(WireFrames.Subscribed);
        Assert.That((Message.Sid, Message.Id, WireFrames.Text(Message.Channel)), Is.EqualTo((5, 2L, "orderbook_delta")));
        Decode("""{"type":"subscribed","id":7}""");
        Assert.That((Message.Sid, Message.Id, WireFrames.Text(Message.Channel)), Is.EqualTo((0, 7L, "")));
        Decode(WireFrames.Error);
        Assert.That((Message.ErrorCode, WireFrames.Text(Message.ErrorText), WireFrames.Text(Message.Ticker)),
            Is.EqualTo((26, "Subscription market limit exceeded", "KXTEST-A")));
        Decode(WireFrames.Ok);
        Decode(WireFrames.OkList);
        Decode("""{"id":123,"sid":456,"seq":222,"type":"ok","market_tickers":["MARKET-1","MARKET-2"]}""");
        Decode(WireFrames.Unsubscribed);
        Assert.That((Message.Sid, Message.Seq, Message.Id), Is.EqualTo((2, 7L, 102L)));
        Assert.That(_decoder.UnknownFields, Is.Zero);
    }

    [Test]
    public void An_unknown_type_is_unknown_and_harmless()
    {
        Assert.That(_decoder.Decode(WireFrames.Bytes(WireFrames.Unknown), true), Is.EqualTo(DecodeVerdict.Unknown));
        Assert.That((Message.Type, Message.Sid, Message.Seq), Is.EqualTo((FrameType.Unknown, 9, 42L)));
        Assert.That(_decoder.Decode("""{"no":"type"}"""u8, true), Is.EqualTo(DecodeVerdict.Unknown));
    }

    [Test]
    public void Under_use_yes_price_a_no_price_becomes_its_own_leg()
    {
        Decode(WireFrames.Delta, useYesPrice: true);
        Assert.That((Message.Side, Message.Price), Is.EqualTo((Side.No, 680_000)));
        Decode(WireFrames.With(WireFrames.Delta, msg => msg["side"] = "yes"), useYesPrice: true);
        Assert.That((Message.Side, Message.Price), Is.EqualTo((Side.Yes, 320_000)));
        Decode(WireFrames.With(WireFrames.Snapshot, msg => msg["no_dollars_fp"] = JsonNode.Parse("""[["0.9900","1.00"],["0.4600","2.00"],["1.0000","3.00"]]""")), useYesPrice: true);
        Assert.That(Message.No.ToArray(), Is.EqualTo(new Level[] { new(0, 300), new(10_000, 100), new(540_000, 200) }));
        Assert.That(Message.Yes.ToArray(), Is.EqualTo(new Level[] { new(10_000, 140647486), new(430_000, 1) }));
        Decode(WireFrames.Trade, useYesPrice: true);
        Assert.That((Message.YesPrice, Message.NoPrice), Is.EqualTo((680_000, 320_000)));
    }

    [TestCase("""{"market_ticker":"A","market_id":""}""")]
    [TestCase("""{"market_ticker":"A"}""")]
    [TestCase("""{"market_ticker":"A","yes_dollars_fp":null,"no_dollars_fp":[]}""")]
    [TestCase("""{"market_ticker":"A","yes":null,"no":null}""")]
    [TestCase("""{"market_ticker":"A","note":"new","level_count":0,"hints":[]}""")]
    public void A_side_that_is_missing_null_or_empty_is_an_empty_side(string msg)
    {
        Decode($$"""{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{{msg}}}""");
        Assert.That(Message.Yes.Length + Message.No.Length, Is.Zero);
        Assert.That(Message.MarketId, Is.EqualTo(Guid.Empty));
    }

    [TestCase("yes_dollars_fp", "yes_levels")]
    [TestCase("no_dollars_fp", "no_dollars_v3")]
    public void A_renamed_side_is_refused_and_not_read_as_an_empty_book(string key, string renamed)
    {
        var frame = WireFrames.With(WireFrames.Snapshot, msg => Rename(msg, key, renamed));
        ExpectRejected(frame, "orderbook_snapshot: unknown key holds levels");
        Assert.That(WireFrames.Text(Message.Ticker), Is.EqualTo("KXTEST-26NOV231500-B1.5"));
        Assert.That(Message.Seq, Is.EqualTo(7));
    }

    [Test]
    public void An_additional_array_beside_both_sides_is_only_an_unknown_field()
    {
        Decode(WireFrames.With(WireFrames.Snapshot, msg => msg["order_counts"] = JsonNode.Parse("[[1,2],[3,4]]")));
        Assert.That(_decoder.UnknownFields, Is.EqualTo(1));
    }

    [TestCase(WireFrames.Delta, "price_dollars", "orderbook_delta: price_dollars is missing")]
    [TestCase(WireFrames.Delta, "delta_fp", "orderbook_delta: delta_fp is missing")]
    [TestCase(WireFrames.Delta, "side", "orderbook_delta: side is missing")]
    [TestCase(WireFrames.Delta, "market_ticker", "orderbook_delta: market_ticker is missing")]
    [TestCase(WireFrames.Snapshot, "market_ticker", "orderbook_snapshot: market_ticker is missing")]
    [TestCase(WireFrames.Trade, "trade_id", "trade: trade_id is missing")]
    [TestCase(WireFrames.Trade, "market_ticker", "trade: market_ticker is missing")]
    [TestCase(WireFrames.Trade, "count_fp", "trade: count_fp is missing")]
    [TestCase(WireFrames.Ticker, "market_ticker", "ticker: market_ticker is missing")]
    [TestCase(WireFrames.Ticker, "yes_bid_dollars", "ticker: yes_bid_dollars is missing")]
    [TestCase(WireFrames.Lifecycle, "event_type", "market_lifecycle_v2: event_type is missing")]
    [TestCase(WireFrames.Lifecycle, "market_ticker", "market_lifecycle_v2: market_ticker is missing")]
    [TestCase(WireFrames.ComboLifecycle, "market_ticker", "multivariate_market_lifecycle: market_ticker is missing")]
    [TestCase(WireFrames.EventLifecycle, "event_ticker", "event_lifecycle: event_ticker is missing")]
    [TestCase(WireFrames.FeeUpdate, "event_ticker", "event_fee_update: event_ticker is missing")]
    public void A_renamed_field_is_refused_by_its_name(string frame, string key, string reason)
    {
        ExpectRejected(WireFrames.With(frame, msg => Rename(msg, key, key + "_v2")), reason);
        Assert.That(_decoder.UnknownFields, Is.EqualTo(1));
        if (key != "market_ticker")
        {
            Assert.That(WireFrames.Text(Message.Ticker), Is.EqualTo(WireFrames.Text(Message.EventTicker).Length > 0 ? "" : JsonNode.Parse(frame)!["msg"]!["market_ticker"]?.GetValue<string>() ?? ""));
        }
    }

    [Test]
    public void A_trade_with_one_leg_renamed_is_still_whole_and_with_both_refused()
    {
        Decode(WireFrames.With(WireFrames.Trade, msg => msg.Remove("no_price_dollars")));
        Assert.That((Message.YesPrice, Message.NoPrice), Is.EqualTo((680_000, 320_000)));
        Decode(WireFrames.With(WireFrames.Trade, msg => msg.Remove("yes_price_dollars")));
        Assert.That((Message.YesPrice, Message.NoPrice), Is.EqualTo((680_000, 320_000)));
        ExpectRejected(WireFrames.With(WireFrames.Trade, msg =>
        {
            msg.Remove("yes_price_dollars");
            msg.Remove("no_price_dollars");
        }), "trade: yes_price_dollars is missing");
    }

    [TestCase("price_dollars", "\"1.000001\"", "orderbook_delta: price_dollars out of range")]
    [TestCase("price_dollars", "\"-0.01\"", "orderbook_delta: price_dollars out of range")]
    [TestCase("price_dollars", "\"0.1234567\"", "orderbook_delta: price_dollars is not a decimal number with at most 6 decimals")]
    [TestCase("price_dollars", "\"32c\"", "orderbook_delta: price_dollars is not a decimal number with at most 6 decimals")]
    [TestCase("price_dollars", "true", "orderbook_delta: price_dollars is not a decimal number with at most 6 decimals")]
    [TestCase("price_dollars", "[1]", "orderbook_delta: price_dollars is not a decimal number with at most 6 decimals")]
    [TestCase("price_dollars", "3e-1", "orderbook_delta: price_dollars is not a decimal number with at most 6 decimals")]
    [TestCase("price_dollars", "null", "orderbook_delta: price_dollars is missing")]
    [TestCase("price_dollars", "\"\"", "orderbook_delta: price_dollars is missing")]
    [TestCase("delta_fp", "\"1.001\"", "orderbook_delta: delta_fp is not a decimal number with at most 2 decimals")]
    [TestCase("delta_fp", "\"92233720368547758.08\"", "orderbook_delta: delta_fp is not a decimal number with at most 2 decimals")]
    [TestCase("side", "\"maybe\"", "orderbook_delta: side is none of the words known")]
    [TestCase("side", "1", "orderbook_delta: side is none of the words known")]
    [TestCase("market_ticker", "7", "orderbook_delta: market_ticker is not text")]
    [TestCase("market_ticker", "\"\\uD800\"", "orderbook_delta: market_ticker is not text")]
    [TestCase("market_ticker", "\"\"", "orderbook_delta: market_ticker is missing")]
    public void A_delta_with_a_bad_value_is_refused_by_its_name(string key, string rawValue, string reason) =>
        ExpectRejected(WireFrames.WithRaw(WireFrames.Delta, key, rawValue), reason);

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
    public void A_delta_of_zero_is_a_delta()
    {
        Decode(WireFrames.WithRaw(WireFrames.Delta, "delta_fp", "\"0.00\""));
        Assert.That(Message.Delta, Is.Zero);
    }

    [TestCase("count_fp", "\"-1.00\"", "trade: count_fp out of range")]
    [TestCase("count_fp", "\"1.005\"", "trade: count_fp is not a decimal number with at most 2 decimals")]
    [TestCase("yes_price_dollars", "\"1.5\"", "trade: yes_price_dollars out of range")]
    [TestCase("taker_outcome_side", "\"both\"", "trade: taker_outcome_side is none of the words known")]
    [TestCase("taker_book_side", "\"mid\"", "trade: taker_book_side is none of the words known")]
    [TestCase("is_block_trade", "\"yes\"", "trade: is_block_trade is none of the words known")]
    [TestCase("trade_id", "5", "trade: trade_id is not text")]
    public void A_trade_with_a_bad_value_is_refused_by_its_name(string key, string rawValue, string reason) =>
        ExpectRejected(WireFrames.WithRaw(WireFrames.Trade, key, rawValue), reason);

    [TestCase("""{"a":1}""", "orderbook_snapshot: yes_dollars_fp is not an array")]
    [TestCase("[1]", "orderbook_snapshot: yes_dollars_fp[] is not a pair of price and quantity")]
    [TestCase("[[]]", "orderbook_snapshot: yes_dollars_fp[] is not a pair of price and quantity")]
    [TestCase("""[["0.1"]]""", "orderbook_snapshot: yes_dollars_fp[] is not a pair of price and quantity")]
    [TestCase("""[["1.1","1.00"]]""", "orderbook_snapshot: yes_dollars_fp[].price out of range")]
    [TestCase("""[["x","1.00"]]""", "orderbook_snapshot: yes_dollars_fp[].price is not a decimal number with at most 6 decimals")]
    [TestCase("""[["0.1","1.001"]]""", "orderbook_snapshot: yes_dollars_fp[].quantity is not a decimal number with at most 2 decimals")]
    [TestCase("""[["0.1","-1.00"]]""", "orderbook_snapshot: yes_dollars_fp[].quantity out of range")]
    [TestCase("""[["0.1",null]]""", "orderbook_snapshot: yes_dollars_fp[].quantity is not a decimal number with at most 2 decimals")]
    [TestCase("""[["0.1","1.00"],["0.10","2.00"]]""", "orderbook_snapshot: yes_dollars_fp[] holds a price twice")]
    public void A_snapshot_with_a_bad_level_is_refused_by_its_name(string levels, string reason) =>
        ExpectRejected(WireFrames.WithRaw(WireFrames.Snapshot, "yes_dollars_fp", levels), reason);

    [Test]
    public void Levels_in_any_order_come_out_ascending()
    {
        Decode(WireFrames.WithRaw(WireFrames.Snapshot, "yes_dollars_fp", """[["0.3","1"],["0.1","2.00","extra",[1]],["0.2","3.0"]]"""));
        Assert.That(Message.Yes.ToArray(), Is.EqualTo(new Level[] { new(100_000, 200), new(200_000, 300), new(300_000, 100) }));
    }

    [Test]
    public void A_level_of_nothing_is_kept_as_told()
    {
        Decode(WireFrames.WithRaw(WireFrames.Snapshot, "yes_dollars_fp", """[["0.3","0.00"]]"""));
        Assert.That(Message.Yes.ToArray(), Is.EqualTo(new Level[] { new(300_000, 0) }));
    }

    [TestCase("{\"type\":\"orderbook_delta\",\"sid\":1,\"seq\":2}")]
    [TestCase("{\"type\":\"trade\",\"sid\":1,\"seq\":2,\"msg\":null}")]
    [TestCase("{\"type\":\"ticker\",\"sid\":1,\"msg\":[]}")]
    [TestCase("{\"type\":\"market_lifecycle_v2\",\"sid\":1,\"msg\":\"x\"}")]
    public void Data_without_an_object_in_msg_is_refused(string frame) => ExpectRejected(frame, FrameDecoder.NoPayload);

    [TestCase(WireFrames.Delta, "722},", "722,},")]
    [TestCase(WireFrames.Delta, "722003Z\",\"ts_ms\":1795442440722", "722003Z\",\"ts_ms\":1795442440722,")]
    [TestCase(WireFrames.Trade, "722}", "722,}")]
    [TestCase(WireFrames.Trade, "{\"trade_id", "{,\"trade_id")]
    [TestCase(WireFrames.Trade, "\"yes_price", ",\"yes_price")]
    [TestCase(WireFrames.Delta, "\"side\":\"no\",", "\"side\":\"no\"")]
    [TestCase(WireFrames.Delta, "\"side\":", "\"side\"")]
    [TestCase(WireFrames.Delta, "1795442440722", "01795442440722")]
    public void A_comma_too_many_or_too_few_is_not_JSON(string frame, string good, string bad) =>
        ExpectRejected(frame.Replace(good, bad, StringComparison.Ordinal), FrameDecoder.NotJson);

    [TestCase("{\"type\":\"orderbook_delta\",\"type\":\"trade\",\"msg\":{}}")]
    [TestCase("{\"type\":\"ok\",\"sid\":1,\"sid\":2}")]
    public void A_key_that_stands_twice_is_refused(string frame) => ExpectRejected(frame, FrameDecoder.Duplicate);

    [Test]
    public void A_field_that_stands_twice_is_refused() => ExpectRejected(
        WireFrames.Delta.Replace("\"side\":\"no\"", "\"side\":\"no\",\"side\":\"yes\"", StringComparison.Ordinal), FrameDecoder.Duplicate);

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
        Assert.That(_decoder.UnknownFields, Is.EqualTo(2));
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
        Assert.That(_decoder.Decode(broken, false), Is.EqualTo(DecodeVerdict.Rejected));
        Assert.That(_decoder.Reason, Is.EqualTo("event_lifecycle: event_ticker is not text"));
    }

    [Test]
    public void A_frame_cut_at_any_byte_is_rejected()
    {
        foreach (var frame in WireFrames.All)
        {
            var bytes = WireFrames.Bytes(frame);
            for (var length = 0; length < bytes.Length; length++)
            {
                Assert.That(_decoder.Decode(bytes.AsSpan(0, length), length % 2 == 0), Is.EqualTo(DecodeVerdict.Rejected), () => frame[..Math.Min(length, frame.Length)]);
                Assert.That(_decoder.Reason, Is.EqualTo(FrameDecoder.NotJson));
            }
        }
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
        var random = Seed.Random(out var seed);
        foreach (var frame in WireFrames.All)
        {
            _decoder.Decode(WireFrames.Bytes(frame), true);
            var expected = WireFrames.Describe(Message, false);
            for (var round = 0; round < 200; round++)
            {
                var node = JsonNode.Parse(frame)!.AsObject();
                if (node["msg"] is JsonObject msg)
                {
                    node["msg"] = WireFrames.Reorder(msg, Shuffled(random, msg.Count));
                }

                var text = WireFrames.Reorder(node, Shuffled(random, node.Count)).ToJsonString(WireFrames.Relaxed);
                var verdict = _decoder.Decode(WireFrames.Bytes(text), true);
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
                    var verdict = _decoder.Decode(bytes, true);
                    Assert.That(verdict, Is.EqualTo(general.DecodeByFields(bytes, true)), () => Encoding.UTF8.GetString(bytes));
                    Assert.That(verdict == DecodeVerdict.Decoded ? WireFrames.Describe(Message) : _decoder.Reason,
                        Is.EqualTo(verdict == DecodeVerdict.Decoded ? WireFrames.Describe(general.Message) : general.Reason), () => Encoding.UTF8.GetString(bytes));
                }
            }
        }
    }

    private static int[] Shuffled(Random random, int count)
    {
        var order = Enumerable.Range(0, count).ToArray();
        random.Shuffle(order);
        return order;
    }

    private static void Rename(JsonObject msg, string key, string renamed)
    {
        var value = msg[key]?.DeepClone();
        msg.Remove(key);
        msg[renamed] = value;
    }

    private void Decode(string frame, bool useYesPrice = false) =>
        Assert.That(_decoder.Decode(WireFrames.Bytes(frame), useYesPrice), Is.EqualTo(DecodeVerdict.Decoded), () => _decoder.Reason);

    private void Expect(string frame, string description, bool withPayload = true)
    {
        Decode(frame);
        Assert.That(WireFrames.Describe(Message, withPayload), Is.EqualTo(description));
    }

    private void ExpectRejected(string frame, string reason)
    {
        Assert.That(_decoder.Decode(WireFrames.Bytes(frame), false), Is.EqualTo(DecodeVerdict.Rejected));
        Assert.That(_decoder.Reason, Is.EqualTo(reason));
    }
}
