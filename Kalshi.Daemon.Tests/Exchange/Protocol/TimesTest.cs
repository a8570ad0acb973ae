using System.Globalization;
using System.Text;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

internal sealed class TimesTest
{
    private const string Delta = """{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"A","price_dollars":"0.32","delta_fp":"1.00","side":"no",TIMES}}""";
    private const string Ticker = """{"type":"ticker","sid":1,"msg":{"market_ticker":"A",TIMES}}""";

    [TestCase("\"ts\":\"2026-11-23T14:00:40.722003Z\",\"ts_ms\":1795442440722", 1795442440722003)]
    [TestCase("\"ts\":\"2026-11-23T14:00:40.722003Z\",\"ts_ms\":1795442440723", 1795442440723000)]
    [TestCase("\"ts\":\"2026-11-23T14:00:40.722003Z\"", 1795442440722003)]
    [TestCase("\"ts\":\"2026-11-23T14:00:40.722Z\",\"ts_ms\":1795442440722", 1795442440722000)]
    [TestCase("\"ts\":\"2026-11-23T14:00:40Z\",\"ts_ms\":1795442440000", 1795442440000000)]
    [TestCase("\"ts\":\"2026-11-23T15:30:40.722003+01:30\",\"ts_ms\":1795442440722", 1795442440722003)]
    [TestCase("\"ts\":\"yesterday\",\"ts_ms\":1795442440722", 1795442440722000)]
    [TestCase("\"ts\":\"2026-02-29T14:00:40.722003Z\"", Message.Absent)]
    [TestCase("\"ts\":\"0001-01-01T00:00:00Z\",\"ts_ms\":1795442440722", 1795442440722000)]
    [TestCase("\"ts\":\"0001-01-01T00:00:00Z\"", Message.Absent)]
    [TestCase("\"ts_ms\":1795442440722", 1795442440722000)]
    [TestCase("\"ts\":1795442440", 1795442440000000)]
    [TestCase("\"ts\":1795442440,\"ts_ms\":1795442440722", 1795442440722000)]
    [TestCase("\"ts\":null,\"ts_ms\":null", Message.Absent)]
    [TestCase("\"ts\":\"\",\"ts_ms\":0", Message.Absent)]
    [TestCase("\"ts\":-5,\"ts_ms\":-5", Message.Absent)]
    [TestCase("\"ts\":99999999999999,\"ts_ms\":9999999999999999", Message.Absent)]
    [TestCase("\"ts\":{},\"ts_ms\":[]", Message.Absent)]
    public void The_finest_stamp_that_the_milliseconds_confirm_is_taken(string times, long micros)
    {
        var decoder = new FrameDecoder();
        var frame = WireFrames.Bytes(Delta.Replace("TIMES", times, StringComparison.Ordinal));
        Assert.That(decoder.Decode(frame, false), Is.EqualTo(DecodeVerdict.Decoded), () => decoder.Reason);
        Assert.That(decoder.Message.ExchangeAt, Is.EqualTo(micros));
        decoder.DecodeByFields(frame, false);
        Assert.That(decoder.Message.ExchangeAt, Is.EqualTo(micros));
    }

    [TestCase("\"ts\":1795442440,\"ts_ms\":1795442440880,\"time\":\"2026-11-23T14:00:40.880123Z\"", 1795442440880000)]
    [TestCase("\"ts\":1795442440,\"time\":\"2026-11-23T14:00:40.880123Z\"", 1795442440000000)]
    [TestCase("\"time\":\"2026-11-23T14:00:40.880123Z\"", 1795442440880123)]
    [TestCase("\"time\":7", Message.Absent)]
    public void Of_a_ticker_time_is_the_last_resort(string times, long micros)
    {
        var decoder = new FrameDecoder();
        Assert.That(decoder.Decode(WireFrames.Bytes(Ticker.Replace("TIMES", times, StringComparison.Ordinal)), false), Is.EqualTo(DecodeVerdict.Decoded));
        Assert.That(decoder.Message.ExchangeAt, Is.EqualTo(micros));
    }

    [Test]
    public void The_scan_reads_a_stamp_as_DateTimeOffset_does_or_not_at_all()
    {
        var random = Seeds.New(out var seed);
        var day = default(DayStart);
        var read = 0;
        for (var i = 0; i < 200_000; i++)
        {
            var text = RandomStamp(random);
            var frame = Encoding.ASCII.GetBytes(text + "\",\"ts_ms\":1795442440722}");
            var at = 0;
            var isRead = day.TryReadStamp(frame, ref at, out var micros);
            var fromText = Times.FromText(Encoding.ASCII.GetBytes(text));
            var isDate = TryParse(text, out var expected);
            Assert.That(fromText, Is.EqualTo(isDate ? expected : Message.Absent), () => $"{text}, seed {seed}");
            if (isRead)
            {
                read++;
                Assert.That((micros, at), Is.EqualTo((expected, text.Length + 1)), () => $"{text}, seed {seed}");
                Assert.That(isDate, Is.True, () => $"{text}, seed {seed}");
            }
        }

        Assert.That(read, Is.GreaterThan(100_000));
    }

    [Test]
    public void The_scan_reads_a_number_as_the_parser_does_or_not_at_all()
    {
        var random = Seeds.New(out var seed);
        for (var i = 0; i < 200_000; i++)
        {
            var digits = random.Next(19);
            var text = string.Concat(Enumerable.Range(0, digits).Select(_ => (char)('0' + random.Next(10)))) + "}x\"-.e5"[random.Next(7)..];
            var frame = Encoding.ASCII.GetBytes(text + new string('}', random.Next(20)));
            var at = 0;
            var length = text.TakeWhile(char.IsAsciiDigit).Count();
            var isNumber = length is > 0 and <= 16 && (length == 1 || text[0] != '0');
            Assert.That(WireScan.TryReadNumber(frame, ref at, out var number), Is.EqualTo(isNumber), () => $"{text}, seed {seed}");
            if (isNumber)
            {
                Assert.That((number, at), Is.EqualTo((long.Parse(text[..length], CultureInfo.InvariantCulture), length)), () => $"{text}, seed {seed}");
            }
        }
    }

    private static string RandomStamp(Random random)
    {
        var time = new DateTime(1970, 1, 1).AddSeconds(random.NextInt64(0, 8_000_000_000));
        time = random.Next(3) > 0 ? new DateTime(2026, 8, 5).AddSeconds(random.Next(200_000)) : time;
        var fraction = string.Concat(Enumerable.Range(0, random.Next(11)).Select(_ => (char)('0' + random.Next(10))));
        var text = new StringBuilder(time.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture) + (fraction.Length > 0 ? "." : "") + fraction + "Z");
        if (random.Next(6) == 0)
        {
            text[random.Next(text.Length)] = "0123456789:-.TZ+ "[random.Next(17)];
        }

        return text.ToString();
    }

    /// <summary>By a regular expression and DateTimeOffset, cut to µs.</summary>
    private static bool TryParse(string text, out long micros)
    {
        micros = 0;
        var match = System.Text.RegularExpressions.Regex.Match(text, @"^([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})\z");
        if (!match.Success || !DateTimeOffset.TryParseExact(match.Groups[1].Value.ToUpperInvariant() + "Z", "yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
        {
            return false;
        }

        micros = (time.ToUnixTimeSeconds() * 1_000_000) + int.Parse(match.Groups[2].Value.PadRight(6, '0')[..6], CultureInfo.InvariantCulture);
        return micros > 0;
    }
}
