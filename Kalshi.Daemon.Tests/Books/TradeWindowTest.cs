using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Export;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Books;

/// <summary>Trade n is named "n" and made n seconds after <see cref="ExportFixture.Start"/>.</summary>
internal sealed class TradeWindowTest
{
    private const int CountMax = 10;

    private readonly List<int> _journal = [];
    private int _reads;

    private TradeWindow NewWindow()
    {
        _journal.Clear();
        _reads = 0;
        return new TradeWindow(Recall, CountMax);
    }

    private HashSet<UInt128> Recall(long since)
    {
        _reads++;
        return [.. _journal.Where(trade => At(trade) >= since - Micros.PerMinute).Select(trade => TradeWindow.IdOf(Name(trade)))];
    }

    [Test]
    public void A_backfilled_trade_that_was_forgotten_is_looked_for_in_the_journal()
    {
        var window = NewWindow();
        Stream(window, 0, 20);
        Assert.That(Backfill(window, 5), Is.EqualTo(TradeVerdict.Duplicate));
        Assert.That(Backfill(window, 15), Is.EqualTo(TradeVerdict.Duplicate));
        Assert.That(Backfill(window, 100), Is.EqualTo(TradeVerdict.New));
        Assert.That(_reads, Is.EqualTo(1));
    }

    [Test]
    public void What_is_forgotten_after_the_journal_was_read_is_known_as_well()
    {
        var window = NewWindow();
        Stream(window, 0, 20);
        Backfill(window, 5);
        Stream(window, 20, 28);
        for (var trade = 6; trade < 28; trade++)
        {
            Assert.That(Backfill(window, trade), Is.EqualTo(TradeVerdict.Duplicate), $"trade {trade}");
        }

        Assert.That(_reads, Is.EqualTo(1));

        // Far more: what was read of the journal is thrown away, and read again when it is needed.
        Stream(window, 28, 80);
        for (var trade = 6; trade < 80; trade++)
        {
            Assert.That(Backfill(window, trade), Is.EqualTo(TradeVerdict.Duplicate), $"trade {trade}");
        }

        Assert.That(_reads, Is.EqualTo(2));
    }

    [Test]
    public void Whatever_comes_in_whatever_order_each_trade_has_one_row()
    {
        var random = Seeds.New(out var seed);
        for (var round = 0; round < 200; round++)
        {
            var window = NewWindow();
            var rows = new HashSet<int>();
            var newest = 0;
            for (var step = 0; step < 400; step++)
            {
                var isPage = random.Next(3) == 0;
                var trade = isPage ? random.Next(newest + 1) : newest++;
                var isNew = rows.Add(trade);
                var verdict = isPage ? Backfill(window, trade) : window.Stream(Name(trade), At(trade), out _);
                _journal.Add(trade);
                Assert.That(verdict == TradeVerdict.New, Is.EqualTo(isNew), $"seed {seed}, round {round}, step {step}: trade {trade}, {(isPage ? "page" : "stream")}: {verdict}");
                if (random.Next(100) == 0)
                {
                    window = Again(window);
                }
            }
        }
    }

    [Test]
    public void The_newest_forgotten_trade_is_known_when_the_stream_stamps_it_in_seconds()
    {
        var window = NewWindow();
        Stream(window, 0, 11);
        Assert.That(window.Backfill(Name(0), At(0) + 734_512, 0), Is.EqualTo(TradeVerdict.Duplicate));
    }

    [Test]
    public void A_journal_tells_the_trades_of_its_stream_and_of_its_pages_that_came_before()
    {
        using var fixture = new ExportFixture();
        string Json(int trade) => ExportFixture.TradeJson($"{trade}", "KX-A", At(trade));
        fixture.Append(new Script().SubscribeGlobal("trade").Trade(1, "KX-A", "1", At(1)).Trade(2, "KX-A", "2", At(2)), 0);
        var page = new Script().BackfillPage(At(0), At(9), last: true, $"{Json(3)},{Json(4)}").BackfillPage(At(0), At(9), last: true, Json(5), status: 500);
        fixture.Append(page, Micros.PerMinute);
        fixture.Append(new Script().BackfillPage(At(0), At(9), last: true, Json(6)).Trade(3, "KX-A", "7", At(7)), 2 * Micros.PerMinute);
        fixture.Close();
        var directory = Path.Combine(fixture.DataDirectory, "journal");
        var lastPageAt = ExportFixture.Start + (2 * Micros.PerMinute) + Script.StepMicros;
        Assert.That(JournalTrades.IdsSince(directory, At(0), lastPageAt), Is.EquivalentTo(new[] { 1, 2, 3, 4 }.Select(trade => TradeWindow.IdOf(Name(trade)))));
        Assert.That(JournalTrades.IdsSince(directory, At(90), lastPageAt), Is.EquivalentTo(new[] { 3, 4 }.Select(trade => TradeWindow.IdOf(Name(trade)))));
    }

    private void Stream(TradeWindow window, int from, int to)
    {
        for (var trade = from; trade < to; trade++)
        {
            Assert.That(window.Stream(Name(trade), At(trade), out _), Is.EqualTo(TradeVerdict.New));
            _journal.Add(trade);
        }
    }

    private static TradeVerdict Backfill(TradeWindow window, int trade) => window.Backfill(Name(trade), At(trade), 0);

    private TradeWindow Again(TradeWindow window)
    {
        var bytes = new MemoryStream();
        using (var writer = new BinaryWriter(bytes, Encoding.UTF8, leaveOpen: true))
        {
            window.Save(writer, withPlaces: true);
        }

        bytes.Position = 0;
        var loaded = new TradeWindow(Recall, CountMax);
        loaded.Load(new BinaryReader(bytes));
        return loaded;
    }

    private static byte[] Name(int trade) => Encoding.UTF8.GetBytes($"{trade}");

    private static long At(int trade) => ExportFixture.Start + (trade * Micros.PerSecond);
}
