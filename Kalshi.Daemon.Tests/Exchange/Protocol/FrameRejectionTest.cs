using System.Text.Json.Nodes;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

/// <summary>What is refused, and in which words.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class FrameRejectionTest : DecoderFixture
{
    [TestCase("yes_dollars_fp", "yes_levels")]
    [TestCase("no_dollars_fp", "no_dollars_v3")]
    public void A_renamed_side_is_refused_and_not_read_as_an_empty_book(string key, string renamed)
    {
        var frame = WireFrames.With(WireFrames.Snapshot, msg => Rename(msg, key, renamed));
        ExpectRejected(frame, "orderbook_snapshot: unknown key holds levels");
        Assert.That(WireFrames.Text(Message.Ticker), Is.EqualTo("KXTEST-26NOV231500-B1.5"));
        Assert.That(Message.Seq, Is.EqualTo(7));
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
        Assert.That(Decoder.UnknownFields, Is.EqualTo(1));
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
    public void A_frame_cut_at_any_byte_is_rejected()
    {
        foreach (var frame in WireFrames.All)
        {
            var bytes = WireFrames.Bytes(frame);
            for (var length = 0; length < bytes.Length; length++)
            {
                Assert.That(Decoder.Decode(bytes.AsSpan(0, length), length % 2 == 0), Is.EqualTo(DecodeVerdict.Rejected), () => frame[..Math.Min(length, frame.Length)]);
                Assert.That(Decoder.Reason, Is.EqualTo(FrameDecoder.NotJson));
            }
        }
    }

    private static void Rename(JsonObject msg, string key, string renamed)
    {
        var value = msg[key]?.DeepClone();
        msg.Remove(key);
        msg[renamed] = value;
    }
}
