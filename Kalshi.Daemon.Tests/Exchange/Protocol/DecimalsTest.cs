using System.Globalization;
using System.Numerics;
using System.Text;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

internal sealed class DecimalsTest
{
    [TestCase("0", 0)]
    [TestCase("1", 1_000_000)]
    [TestCase("0.5", 500_000)]
    [TestCase("0.080", 80_000)]
    [TestCase("0.3200", 320_000)]
    [TestCase("0.000001", 1)]
    [TestCase("0.0000010000", 1)]
    [TestCase("1.0000", 1_000_000)]
    [TestCase("-0.25", -250_000)]
    [TestCase("00.10", 100_000)]
    [TestCase("2147.483647", int.MaxValue)]
    [TestCase("-2147.483648", int.MinValue)]
    public void Prices_are_exact(string text, int microDollars)
    {
        Assert.That(Decimals.TryParsePrice(Encoding.ASCII.GetBytes(text), out var price), Is.True);
        Assert.That(price, Is.EqualTo(microDollars));
    }

    [TestCase("")]
    [TestCase("-")]
    [TestCase("+1")]
    [TestCase(".5")]
    [TestCase("5.")]
    [TestCase("-.5")]
    [TestCase("1e2")]
    [TestCase("0.0000001")]
    [TestCase("0.1.2")]
    [TestCase(" 1")]
    [TestCase("1 ")]
    [TestCase("0,5")]
    [TestCase("0x1")]
    [TestCase("NaN")]
    [TestCase("١")]
    [TestCase("2147.483648")]
    [TestCase("99999999999999999999999")]
    [TestCase("1-")]
    [TestCase("--1")]
    [TestCase("0.5\0")]
    public void Junk_is_refused_as_a_price(string text) => Assert.That(Decimals.TryParsePrice(Encoding.UTF8.GetBytes(text), out _), Is.False);

    [TestCase("92233720368547758.07", long.MaxValue)]
    [TestCase("-92233720368547758.07", -long.MaxValue)]
    [TestCase("1406474.86", 140647486)]
    [TestCase("-0.01", -1)]
    [TestCase("300", 30000)]
    [TestCase("7.5", 750)]
    [TestCase("7.500", 750)]
    public void Quantities_are_exact(string text, long hundredths)
    {
        Assert.That(Decimals.TryParseQuantity(Encoding.ASCII.GetBytes(text), out var quantity), Is.True);
        Assert.That(quantity, Is.EqualTo(hundredths));
    }

    [TestCase("92233720368547758.08")]
    [TestCase("92233720368547759")]
    [TestCase("0.001")]
    [TestCase("1000000000000000000000.00")]
    public void Quantities_out_of_reach_are_refused(string text) => Assert.That(Decimals.TryParseQuantity(Encoding.ASCII.GetBytes(text), out _), Is.False);

    [Test]
    public void Any_text_of_digits_gives_what_big_integers_give()
    {
        var random = Seeds.New(out var seed);
        for (var i = 0; i < 300_000; i++)
        {
            var text = RandomDecimal(random);
            var decimals = random.Next(7);
            var isParsed = Decimals.TryParse(Encoding.ASCII.GetBytes(text), decimals, out var value);
            var expected = Expected(text, decimals);
            Assert.That(isParsed, Is.EqualTo(expected is not null), () => $"{text} to {decimals} decimals, seed {seed}");
            if (isParsed)
            {
                Assert.That((BigInteger)value, Is.EqualTo(expected), () => $"{text} to {decimals} decimals, seed {seed}");
            }
        }
    }

    [Test]
    public void Every_price_survives_its_text_at_every_length()
    {
        for (var price = 0; price <= 1_000_000; price += price % 1_000 == 0 ? 1 : 37)
        {
            var text = (price / 1_000_000m).ToString("0.000000", CultureInfo.InvariantCulture);
            for (var length = text.Length; length > 0 && length >= text.TrimEnd('0').Length; length--)
            {
                if (text[length - 1] != '.')
                {
                    Assert.That(Decimals.TryParsePrice(Encoding.ASCII.GetBytes(text[..length]), out var parsed) ? parsed : -1, Is.EqualTo(price));
                }
            }
        }
    }

    [Test]
    public void The_scan_reads_a_price_or_quantity_as_the_parser_does_or_not_at_all()
    {
        var random = Seeds.New(out var seed);
        var read = 0;
        for (var i = 0; i < 300_000; i++)
        {
            var text = i % 2 == 0 ? (random.Next(10_100) / 10_000m).ToString("0.0000", CultureInfo.InvariantCulture)
                : i % 3 == 0 ? (random.NextInt64(-1L << random.Next(50), 1L << 50) / 100m).ToString("0.00", CultureInfo.InvariantCulture) : RandomDecimal(random);
            var bytes = Encoding.ASCII.GetBytes(text + "\",\"x\":\"padding\"}");
            var at = 0;
            if (WireScan.TryReadPrice(bytes, ref at, out var price))
            {
                read++;
                Assert.That(at, Is.EqualTo(text.Length + 1));
                Assert.That(Decimals.TryParsePrice(bytes.AsSpan(0, text.Length), out var parsed) ? parsed : -1, Is.EqualTo(price), () => $"{text}, seed {seed}");
            }

            at = 0;
            if (WireScan.TryReadQuantity(bytes, ref at, out var quantity))
            {
                read++;
                Assert.That(at, Is.EqualTo(text.Length + 1));
                Assert.That(Decimals.TryParseQuantity(bytes.AsSpan(0, text.Length), out var parsed) ? parsed : -1, Is.EqualTo(quantity), () => $"{text}, seed {seed}");
            }
        }

        Assert.That(read, Is.GreaterThan(150_000));
    }

    private static string RandomDecimal(Random random)
    {
        var text = new StringBuilder(random.Next(4) == 0 ? "-" : "");
        text.Append(Digits(random, random.Next(random.Next(2) == 0 ? 4 : 22)));
        if (random.Next(3) > 0)
        {
            text.Append('.').Append(Digits(random, random.Next(10))).Append('0', random.Next(3));
        }

        if (random.Next(20) == 0 && text.Length > 0)
        {
            text[random.Next(text.Length)] = (char)random.Next(35, 127);
        }

        return text.ToString();
    }

    private static string Digits(Random random, int count) => string.Concat(Enumerable.Range(0, count).Select(_ => (char)('0' + random.Next(10))));

    /// <summary>The same by another way: a regular expression and big integers.</summary>
    private static BigInteger? Expected(string text, int decimals)
    {
        var match = System.Text.RegularExpressions.Regex.Match(text, @"^(-?)([0-9]+)(?:\.([0-9]+))?\z");
        var fraction = match.Groups[3].Value;
        if (!match.Success || fraction[Math.Min(decimals, fraction.Length)..].Trim('0').Length > 0)
        {
            return null;
        }

        var number = BigInteger.Parse(match.Groups[2].Value + fraction[..Math.Min(decimals, fraction.Length)].PadRight(decimals, '0'), CultureInfo.InvariantCulture);
        return number > long.MaxValue ? null : match.Groups[1].Length > 0 ? -number : number;
    }
}
