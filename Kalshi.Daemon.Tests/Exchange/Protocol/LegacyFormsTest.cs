using System.Globalization;
using System.Text.Json.Nodes;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

/// <summary>The wire of 2025 (integer cents, whole contracts, unix seconds) decodes to the same values as that of 2026.</summary>
internal sealed class LegacyFormsTest
{
    private enum Form
    {
        /// <summary>Before September 2025: integers alone.</summary>
        Integers,

        /// <summary>September 2025: price strings beside the integers, sizes whole numbers.</summary>
        Transition,

        /// <summary>Early 2026: strings beside integers that say something else, so that one can tell who won.</summary>
        BothAndStringsWin,
    }

    [Test]
    public void Every_recorded_message_in_its_old_forms_gives_the_same_values()
    {
        var current = new FrameDecoder();
        var old = new FrameDecoder();
        var compared = new int[3];
        var index = 0;
        foreach (var frame in RealFrames.ReadRecordings())
        {
            // All trades and snapshots, one delta in five: enough, and quick.
            current.Decode(frame, false);
            if (current.Message.Type == FrameType.OrderbookDelta && index++ % 5 > 0)
            {
                continue;
            }

            foreach (var form in Enum.GetValues<Form>())
            {
                if (TryRespell(JsonNode.Parse(frame)!.AsObject(), form) is { } respelt)
                {
                    var text = respelt.ToJsonString(WireFrames.Relaxed);
                    Assert.That(old.Decode(WireFrames.Bytes(text), false), Is.EqualTo(DecodeVerdict.Decoded), () => $"{old.Reason}: {text}");
                    Assert.That(Describe(old.Message), Is.EqualTo(Describe(current.Message)), () => text);
                    compared[(int)form]++;
                }
            }
        }

        TestContext.Out.WriteLine(string.Join(", ", Enum.GetValues<Form>().Select(form => $"{form}: {compared[(int)form]}")));
        Assert.That(compared, Has.All.GreaterThan(10_000));
    }

    [Test]
    public void An_old_ticker_gives_the_same_values_and_a_blank_string_is_no_string()
    {
        var decoder = new FrameDecoder();
        decoder.Decode(WireFrames.Bytes(WireFrames.With(WireFrames.Ticker, WithoutNewFields)), false);
        var expected = WireFrames.Describe(decoder.Message, false);
        foreach (var blank in (JsonNode?[])[null, "", "absent"])
        {
            var frame = WireFrames.With(WireFrames.Ticker, msg =>
            {
                WithoutNewFields(msg);
                foreach (var (key, oldKey, value) in ((string, string, int)[])[("price_dollars", "price", 1), ("yes_bid_dollars", "yes_bid", 0), ("yes_ask_dollars", "yes_ask", 1)])
                {
                    msg[key] = blank?.DeepClone();
                    msg[oldKey] = value;
                    if (blank?.GetValue<string>() == "absent")
                    {
                        msg.Remove(key);
                    }
                }
            });
            Assert.That(decoder.Decode(WireFrames.Bytes(frame), false), Is.EqualTo(DecodeVerdict.Decoded), () => decoder.Reason);
            Assert.That(WireFrames.Describe(decoder.Message, false), Is.EqualTo(expected));
        }
    }

    [TestCase("51", 510_000)]
    [TestCase("0", 0)]
    [TestCase("100", 1_000_000)]
    [TestCase("\"51\"", 510_000)]
    public void Whole_cents_are_micro_dollars(string cents, int price)
    {
        var decoder = new FrameDecoder();
        var frame = $$$"""{"type":"orderbook_delta","sid":1,"seq":3,"msg":{"market_ticker":"A","price":{{{cents}}},"delta":-1,"side":"no","ts":"2025-08-12T21:00:32.539836022Z"}}""";
        Assert.That(decoder.Decode(WireFrames.Bytes(frame), false), Is.EqualTo(DecodeVerdict.Decoded));
        Assert.That((decoder.Message.Price, decoder.Message.Delta, decoder.Message.ExchangeAt), Is.EqualTo((price, -100L, 1755032432539836L)));
    }

    [TestCase("101", "orderbook_delta: price out of range")]
    [TestCase("-1", "orderbook_delta: price out of range")]
    [TestCase("51.5", "orderbook_delta: price is not a whole number of cents")]
    [TestCase("true", "orderbook_delta: price is not a whole number of cents")]
    public void Cents_that_are_none_are_refused(string cents, string reason)
    {
        var decoder = new FrameDecoder();
        var frame = $$$"""{"type":"orderbook_delta","sid":1,"seq":3,"msg":{"market_ticker":"A","price":{{{cents}}},"delta":-1,"side":"no"}}""";
        Assert.That(decoder.Decode(WireFrames.Bytes(frame), false), Is.EqualTo(DecodeVerdict.Rejected));
        Assert.That(decoder.Reason, Is.EqualTo(reason));
    }

    [Test]
    public void Under_use_yes_price_old_no_levels_become_their_own_leg_too()
    {
        var decoder = new FrameDecoder();
        var frame = """{"type":"orderbook_snapshot","sid":1,"seq":3,"msg":{"market_ticker":"A","yes":[[8,300]],"no":[[99,5],[46,20]]}}"""u8;
        Assert.That(decoder.Decode(frame, true), Is.EqualTo(DecodeVerdict.Decoded));
        Assert.That(decoder.Message.Yes.ToArray(), Is.EqualTo(new Level[] { new(80_000, 30000) }));
        Assert.That(decoder.Message.No.ToArray(), Is.EqualTo(new Level[] { new(10_000, 500), new(540_000, 2000) }));
    }

    private static void WithoutNewFields(JsonObject msg)
    {
        msg.Remove("ts_ms");
        msg.Remove("time");
    }

    /// <summary>Times to the second for trades, which had no better.</summary>
    private static string Describe(Message message)
    {
        var at = message.ExchangeAt;
        message.ExchangeAt = message.Type == FrameType.Trade ? at / 1_000_000 : at;
        var text = WireFrames.Describe(message, false);
        message.ExchangeAt = at;
        return text;
    }

    /// <summary>Null when the old form cannot say it: fractions of a contract or of a cent.</summary>
    private static JsonObject? TryRespell(JsonObject frame, Form form)
    {
        var msg = frame["msg"]!.AsObject();
        var keepsStrings = form == Form.BothAndStringsWin;
        msg.Remove("ts_ms");
        msg.Remove("taker_outcome_side");
        msg.Remove("taker_book_side");
        if (msg["ts"] is { } ts && ts.GetValueKind() == System.Text.Json.JsonValueKind.String)
        {
            msg["ts"] = Nanoseconds(ts.GetValue<string>());
        }

        var isWhole = true;
        foreach (var (key, oldKey, scale) in ((string, string, int)[])[("price_dollars", "price", 100), ("yes_price_dollars", "yes_price", 100), ("no_price_dollars", "no_price", 100), ("delta_fp", "delta", 1), ("count_fp", "count", 1)])
        {
            if (msg[key] is { } value)
            {
                var number = decimal.Parse(value.GetValue<string>(), CultureInfo.InvariantCulture) * scale;
                isWhole &= number == decimal.Truncate(number);
                msg[oldKey] = keepsStrings ? 7 : (int)number;
                if (form == Form.Integers || (form == Form.Transition && scale == 1))
                {
                    msg.Remove(key);
                }
            }
        }

        foreach (var side in (string[])["yes", "no"])
        {
            if (msg[side + "_dollars_fp"] is JsonArray levels)
            {
                isWhole &= levels.All(level => Whole(level![1]!) is not null);
                msg[side] = keepsStrings ? JsonNode.Parse("[[7,7]]") : new JsonArray([.. levels.Select(level => new JsonArray((int)(Number(level![0]!) * 100), (int)Number(level[1]!)))]);
                if (form == Form.Transition)
                {
                    msg[side] = JsonNode.Parse("[[7,7]]");
                    msg[side + "_dollars"] = new JsonArray([.. levels.Select(level => new JsonArray(Number(level![0]!).ToString("0.000", CultureInfo.InvariantCulture), (int)Number(level[1]!)))]);
                }

                if (!keepsStrings)
                {
                    msg.Remove(side + "_dollars_fp");
                }
            }
        }

        return isWhole || keepsStrings ? frame : null;
    }

    private static decimal Number(JsonNode text) => decimal.Parse(text.GetValue<string>(), CultureInfo.InvariantCulture);

    private static decimal? Whole(JsonNode text) => decimal.Truncate(Number(text)) == Number(text) ? Number(text) : null;

    /// <summary>…40.722Z → …40.722000731Z: the nine digits of 2025.</summary>
    private static string Nanoseconds(string ts)
    {
        var body = ts.TrimEnd('Z');
        var point = body.IndexOf('.', StringComparison.Ordinal);
        var fraction = point < 0 ? "" : body[(point + 1)..];
        return (point < 0 ? body : body[..point]) + "." + fraction.PadRight(6, '0') + "731Z";
    }
}
