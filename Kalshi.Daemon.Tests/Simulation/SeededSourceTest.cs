using System.Globalization;
using System.Text;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Simulation;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Simulation;

internal sealed class SeededSourceTest
{
    private static SeededSettings Settings(ulong seed, long rate = 4_000, int seconds = 10, int markets = 60) =>
        new(seed, markets, 12, rate, seconds * Micros.PerSecond, long.MaxValue, 3 * Micros.PerSecond, 6);

    [Test]
    public void The_same_seed_gives_the_same_frames_however_the_calls_are_cut()
    {
        var whole = new MemoryExchange(Settings(5));
        whole.RunToEnd();
        var cut = new MemoryExchange(Settings(5));
        var random = new Random(1);
        for (long until = 0; !cut.Stream.IsOver; until += random.Next(1, 50_000))
        {
            while (cut.Stream.Advance(until, random.Next(1, 100)) > 0)
            {
                // On to the same offset.
            }
        }

        Assert.That(whole.Wire.Frames, Has.Count.GreaterThan(10_000));
        Assert.That(cut.Wire.Frames.SequenceEqual(whole.Wire.Frames));
        var other = new MemoryExchange(Settings(6));
        other.RunToEnd();
        Assert.That(other.Truth.Deltas.SequenceEqual(whole.Truth.Deltas), Is.False);
    }

    [TestCase(false)]
    [TestCase(true)]
    public void What_a_client_folds_equals_the_truth_and_the_book_that_rest_serves(bool useYesPrice)
    {
        for (ulong seed = 1; seed <= 10; seed++)
        {
            var exchange = new MemoryExchange(Settings(seed, seconds: 4), useYesPrice: useYesPrice);
            exchange.RunToEnd();
            var folded = Fold(exchange.Wire.Frames, useYesPrice, out var deltas);

            var expected = exchange.Truth.Deltas.Where(delta => folded.ContainsKey(delta.Ticker)).ToList();
            Assert.That(deltas.SequenceEqual(expected.Select(delta => (delta.Ticker, delta.Side, delta.Price, delta.Change, delta.At))), $"seed {seed}");
            foreach (var (ticker, book) in folded)
            {
                var served = exchange.Exchange.Peek(exchange.Exchange.Markets.Find(Encoding.UTF8.GetBytes(ticker))!);
                Assert.That(Levels(book, Side.Yes), Is.EqualTo(served.Yes.ToArray()), $"seed {seed}, {ticker}");
                Assert.That(Levels(book, Side.No), Is.EqualTo(served.No.ToArray()), $"seed {seed}, {ticker}");
                Assert.That(served.BestYes.Price + served.BestNo.Price, Is.LessThan(SimulatedBook.Dollar), $"seed {seed}, {ticker} is crossed");
            }
        }

        static Level[] Levels(Dictionary<(Side Side, int Price), long> book, Side side) =>
            [.. book.Where(level => level.Key.Side == side).OrderBy(level => level.Key.Price).Select(level => new Level(level.Key.Price, level.Value))];
    }

    [Test]
    public void The_stream_has_what_makes_real_ones_difficult()
    {
        var exchange = new MemoryExchange(Settings(3, rate: 10_000, seconds: 30, markets: 2_000));
        exchange.RunToEnd();
        var deltas = exchange.Truth.Deltas;
        var last = new Dictionary<string, (string, long At, Side, int, long)>();
        var (equalStamps, duplicates) = (0, 0);
        foreach (var delta in deltas)
        {
            if (last.TryGetValue(delta.Ticker, out var before))
            {
                Assert.That(delta.At, Is.GreaterThanOrEqualTo(before.At), "a stamp never steps back within a market");
                equalStamps += delta.At == before.At ? 1 : 0;
                duplicates += delta == before ? 1 : 0;
            }

            last[delta.Ticker] = delta;
        }

        var perSecond = deltas.GroupBy(delta => delta.At / Micros.PerSecond).Select(group => group.Count()).ToList();
        var perMarket = deltas.GroupBy(delta => delta.Ticker).Select(group => group.Count()).OrderDescending().ToList();
        Assert.Multiple(() =>
        {
            Assert.That(exchange.Exchange.Counters.Produced, Is.EqualTo(300_000).Within(15).Percent, "the mean rate");
            Assert.That(perSecond.Max(), Is.GreaterThan(3 * perSecond.Average()), "the busiest second");
            Assert.That(perMarket[0], Is.GreaterThan(deltas.Count / 30), "the busiest market");
            Assert.That(equalStamps, Is.InRange(deltas.Count * 15 / 100, deltas.Count * 35 / 100), "about a quarter share their stamp");
            Assert.That(duplicates, Is.InRange(1, deltas.Count / 500), "few are alike in every field");
            Assert.That(deltas.Count(delta => delta.Change % 100 != 0), Is.GreaterThan(deltas.Count / 20), "fractional sizes");
            Assert.That(deltas.Count(delta => delta.Price % 10_000 != 0), Is.GreaterThan(deltas.Count / 50), "sub-cent prices");
            Assert.That(exchange.Truth.Lifecycle.Select(one => one.EventType).Distinct(), Is.SupersetOf(
                ["created", "metadata_updated", "determined", "settled", "activated", "deactivated"]));
            Assert.That(exchange.Truth.Lifecycle.Select(one => one.Type).Distinct(), Does.Contain("event_lifecycle"));
        });
    }

    [Test]
    public void A_trade_stands_behind_the_deltas_that_made_it_with_their_stamp()
    {
        var exchange = new MemoryExchange(Settings(4));
        exchange.RunToEnd();
        var taken = exchange.Truth.Deltas.Where(delta => delta.Change < 0)
            .GroupBy(delta => (delta.Ticker, delta.At, delta.Side, delta.Price)).ToDictionary(group => group.Key, group => -group.Sum(delta => delta.Change));
        Assert.That(exchange.Truth.Trades, Is.Not.Empty);
        foreach (var (ticker, trade) in exchange.Truth.Trades)
        {
            var key = (ticker, trade.At, trade.TakerYes ? Side.No : Side.Yes, trade.TakerYes ? SimulatedBook.Dollar - trade.YesPrice : trade.YesPrice);
            Assert.That(taken.GetValueOrDefault(key), Is.GreaterThanOrEqualTo(trade.Count));
        }

        Assert.That(exchange.Truth.Trades.Select(one => one.Trade.Id).Distinct().Count(), Is.EqualTo(exchange.Truth.Trades.Count));
    }

    [Test]
    public void A_wave_closes_with_an_empty_snapshot_and_is_settled_afterwards()
    {
        var exchange = new MemoryExchange(Settings(2));
        exchange.RunToEnd();
        var first = Encoding.UTF8.GetString(exchange.Exchange.Markets[0].Ticker);
        var (_, yes, no) = exchange.Truth.Snapshots.Last(snapshot => snapshot.Ticker == first);
        Assert.That(yes.Length + no.Length, Is.Zero);
        Assert.That(exchange.Truth.Lifecycle.Where(one => one.Ticker == first).Select(one => one.EventType), Is.SupersetOf(["determined", "settled"]));
        Assert.That(exchange.Wire.Frames.FindLast(frame => frame.Contains(first) && frame.Contains("orderbook_snapshot")), Does.Not.Contain("_dollars_fp"));
    }

    [Test]
    public void Frames_ends_the_stream_at_that_count()
    {
        var exchange = new MemoryExchange(Settings(1) with { Rate = 0, FramesMax = 5_000 });
        exchange.RunToEnd();
        Assert.That(exchange.Exchange.Counters.Produced, Is.InRange(5_000, 5_010));
    }

    [Test]
    public void A_reader_that_is_too_slow_gets_error_25_and_nothing_after_it()
    {
        var wire = new MemoryWire(framesMax: 500);
        var exchange = new MemoryExchange(Settings(1), wire: wire);
        exchange.RunToEnd();
        var errors = wire.Frames.Where(frame => frame.Contains("\"code\":25")).Select(frame => new Frame(frame)).ToList();
        Assert.That(errors.Select(error => error.Sid), Does.Contain(1L));
        var last = wire.Frames.Select(frame => new Frame(frame)).Where(frame => frame.Sid == 1).ToList();
        Assert.That(last[^1].Type, Is.EqualTo("error"));
        Assert.That(last[^1].Seq, Is.EqualTo(last[^2].Seq + 2), "the refused frame's number is missing: a gap that is said");
        Assert.That(exchange.Exchange.Counters.Overflows, Is.GreaterThan(0));
    }

    /// <summary>An independent client: books from frames, in decimal arithmetic.</summary>
    private static Dictionary<string, Dictionary<(Side Side, int Price), long>> Fold(
        List<string> frames, bool useYesPrice, out List<(string Ticker, Side Side, int Price, long Change, long At)> deltas)
    {
        var books = new Dictionary<string, Dictionary<(Side Side, int Price), long>>();
        deltas = [];
        var seqs = new Dictionary<long, long>();
        foreach (var frame in frames.Select(text => new Frame(text)).Where(frame => frame.Seq > 0))
        {
            Assert.That(frame.Seq, Is.EqualTo(seqs.GetValueOrDefault(frame.Sid) + 1));
            seqs[frame.Sid] = frame.Seq;
            if (frame.Type == "orderbook_snapshot")
            {
                var book = books[frame.Ticker] = [];
                Read("yes_dollars_fp", Side.Yes);
                Read("no_dollars_fp", Side.No);

                void Read(string name, Side side)
                {
                    foreach (var level in frame.Msg.TryGetProperty(name, out var levels) ? levels.EnumerateArray().ToArray() : [])
                    {
                        book.Add((side, Price(level[0].GetString()!, side)), Hundredths(level[1].GetString()!));
                    }
                }
            }
            else if (frame.Type == "orderbook_delta")
            {
                var side = frame.Msg.GetProperty("side").GetString() == "yes" ? Side.Yes : Side.No;
                var price = Price(frame.Msg.GetProperty("price_dollars").GetString()!, side);
                var change = Hundredths(frame.Msg.GetProperty("delta_fp").GetString()!);
                Assert.That(Micros.TryParseRfc3339(Encoding.UTF8.GetBytes(frame.Msg.GetProperty("ts").GetString()!), out var at));
                Assert.That(frame.Msg.GetProperty("ts_ms").GetInt64(), Is.EqualTo(at / 1_000));
                deltas.Add((frame.Ticker, side, price, change, at));
                var book = books[frame.Ticker];
                var quantity = book.GetValueOrDefault((side, price)) + change;
                Assert.That(quantity, Is.GreaterThanOrEqualTo(0), "no level below zero");
                _ = quantity == 0 ? book.Remove((side, price)) : (book[(side, price)] = quantity) > 0;
            }
        }

        return books;

        int Price(string text, Side side)
        {
            var price = (int)(decimal.Parse(text, CultureInfo.InvariantCulture) * 1_000_000);
            return useYesPrice && side == Side.No ? 1_000_000 - price : price;
        }

        static long Hundredths(string text) => (long)(decimal.Parse(text, CultureInfo.InvariantCulture) * 100);
    }
}
