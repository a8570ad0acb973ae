using System.Text;
using Kalshi.Daemon.Registry;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Registry;

internal sealed class MarketPageTest
{
    [Test]
    public void A_page_gives_its_markets_and_the_cursor()
    {
        var body = """
            {"markets":[
              {"ticker":"KX-A","event_ticker":"KX","status":"active","volume_24h_fp":"12.50","open_interest_fp":"3.00","close_time":"2026-11-23T15:00:00Z","price_ranges":[{"start":"0.01"}]},
              {"ticker":"KX-\u0042","status":"initialized","volume_24h_fp":null,"close_time":null}
            ],"cursor":"next"}
            """u8;
        Assert.That(MarketPage.TryParse(body, out var page), Is.True);
        Assert.That(page.Cursor, Is.EqualTo("next"));
        Assert.That(page.Markets, Is.EqualTo(new[]
        {
            new MarketListing("KX-A", "active", 1250, 300, 1_795_446_000_000_000),
            new MarketListing("KX-B", "initialized", 0, 0, 0),
        }));
    }

    [Test]
    public void One_unreadable_market_does_not_cost_the_others()
    {
        Assert.That(MarketPage.TryParse("""{"cursor":"","markets":[{"ticker":7},{"id":1},{"ticker":"KX-A","status":5}]}"""u8, out var page), Is.True);
        Assert.That(page.Markets.Select(market => market.Ticker), Is.EqualTo(new[] { "KX-A" }));
        Assert.That(page.Unreadable, Is.EqualTo(2));
    }

    [TestCase("""{"markets":[]}""", true)]
    [TestCase("""{"markets":null,"cursor":null}""", true)]
    [TestCase("""{"error":"too many requests"}""", false)]
    [TestCase("", false)]
    [TestCase("[]", false)]
    [TestCase("<html>", false)]
    [TestCase("""{"markets":[{"ticker":"KX-A"}""", false)]
    public void Only_a_whole_page_is_a_page(string body, bool expected) =>
        Assert.That(MarketPage.TryParse(Encoding.UTF8.GetBytes(body), out _), Is.EqualTo(expected));
}
