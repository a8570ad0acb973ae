using System.Text;
using System.Text.Json.Nodes;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

internal sealed class RestTradesPageTest
{
    private const string Element =
        """{"trade_id":"f195de40-6a3f-418b-1a7e-9d89fee559c0","ticker":"KXTEST-B1.5","count_fp":"46.02","yes_price_dollars":"0.6800","no_price_dollars":"0.3200","taker_side":"yes","taker_outcome_side":"yes","taker_book_side":"bid","created_time":"2026-11-23T14:00:40.722003Z","is_block_trade":true}""";

    private readonly FrameDecoder _decoder = new();

    [Test]
    public void An_element_has_all_its_values()
    {
        Assert.That(_decoder.DecodeRestTrade(WireFrames.Bytes(Element)), Is.EqualTo(DecodeVerdict.Decoded), () => _decoder.Reason);
        Assert.That(WireFrames.Describe(_decoder.Message, false), Is.EqualTo("Trade sid 0 seq 0 id 0 sent -9223372036854775808 at 1795442440722003 ticker 'KXTEST-B1.5' event ''  "
            + "market 00000000-0000-0000-0000-000000000000 f195de40-6a3f-418b-1a7e-9d89fee559c0 680000 320000 4602 Yes Bid 1"));
    }

    [Test]
    public void The_captured_page_of_January_2026_reads_in_cents_and_in_dollars()
    {
        var body = RealFrames.ReadRestCapture("/markets/trades?ticker=KXELONMARS-99&limit=5");
        var decoder = new FrameDecoder();
        Assert.That(RestTradesPage.TryOpen(body, out var page), Is.True);
        Assert.That(WireFrames.Text(page.Cursor), Is.EqualTo("EhIKEGiNwc3pm3X2QYbRDgixEEEaDAjN9pPLBhDIivDDAQ"));
        var count = 0;
        foreach (var element in page)
        {
            Assert.That(decoder.DecodeRestTrade(element), Is.EqualTo(DecodeVerdict.Decoded), () => decoder.Reason);
            var withStrings = WireFrames.Describe(decoder.Message, false);
            var node = JsonNode.Parse(element)!.AsObject();
            node.Remove("yes_price_dollars");
            node.Remove("no_price_dollars");
            decoder.DecodeRestTrade(WireFrames.Bytes(node.ToJsonString()));
            Assert.That(WireFrames.Describe(decoder.Message, false), Is.EqualTo(withStrings));
            count++;
        }

        Assert.That(count, Is.EqualTo(5));
        Assert.That(decoder.UnknownFields, Is.Zero);
    }

    [TestCase("ticker", "rest trade: ticker is missing")]
    [TestCase("trade_id", "rest trade: trade_id is missing")]
    [TestCase("count_fp", "rest trade: count_fp is missing")]
    public void A_renamed_field_is_refused_by_its_name(string key, string reason)
    {
        Assert.That(_decoder.DecodeRestTrade(WireFrames.Bytes(Element.Replace($"\"{key}\"", "\"renamed\"", StringComparison.Ordinal))), Is.EqualTo(DecodeVerdict.Rejected));
        Assert.That(_decoder.Reason, Is.EqualTo(reason));
    }

    [TestCase("""{"trades":[E,E,E],"cursor":""}""", 3, "")]
    [TestCase("""{"cursor":"abc","x":{"trades":[1]},"trades":[E]}""", 1, "abc")]
    [TestCase(""" { "trades" : [ E , E ] , "cursor" : null } """, 2, "")]
    [TestCase("""{"trades":[],"cursor":"a\/b"}""", 0, "a/b")]
    [TestCase("""{"trades":null}""", 0, "")]
    public void A_page_gives_its_elements_and_its_cursor(string body, int count, string cursor)
    {
        Assert.That(RestTradesPage.TryOpen(WireFrames.Bytes(body.Replace("E", Element, StringComparison.Ordinal)), out var page), Is.True);
        Assert.That(WireFrames.Text(page.Cursor), Is.EqualTo(cursor));
        var seen = 0;
        foreach (var element in page)
        {
            Assert.That(WireFrames.Text(element), Is.EqualTo(Element));
            seen++;
        }

        Assert.That(seen, Is.EqualTo(count));
    }

    [TestCase("")]
    [TestCase("[]")]
    [TestCase("""{"error":"too many requests"}""")]
    [TestCase("""{"trades":{}}""")]
    [TestCase("""{"trades":[1""")]
    [TestCase("""{"trades":[]} x""")]
    [TestCase("<html>")]
    public void What_is_no_page_of_trades_is_not_opened(string body) => Assert.That(RestTradesPage.TryOpen(Encoding.UTF8.GetBytes(body), out _), Is.False);
}
