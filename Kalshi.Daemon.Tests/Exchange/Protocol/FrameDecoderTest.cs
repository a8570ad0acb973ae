using System.Text.Json.Nodes;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

/// <summary>What frames of each type decode to.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class FrameDecoderTest : DecoderFixture
{
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
        Assert.That(Decoder.UnknownFields, Is.Zero);
    }

    [Test]
    public void An_unknown_type_is_unknown_and_harmless()
    {
        Assert.That(Decoder.Decode(WireFrames.Bytes(WireFrames.Unknown), true), Is.EqualTo(DecodeVerdict.Unknown));
        Assert.That((Message.Type, Message.Sid, Message.Seq), Is.EqualTo((FrameType.Unknown, 9, 42L)));
        Assert.That(Decoder.Decode("""{"no":"type"}"""u8, true), Is.EqualTo(DecodeVerdict.Unknown));
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

    [Test]
    public void A_delta_of_zero_is_a_delta()
    {
        Decode(WireFrames.WithRaw(WireFrames.Delta, "delta_fp", "\"0.00\""));
        Assert.That(Message.Delta, Is.Zero);
    }

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
}
