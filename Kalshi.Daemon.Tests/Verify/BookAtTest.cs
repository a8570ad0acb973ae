using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Verify;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Verify;

internal sealed class BookAtTest
{
    private const string Channel = "orderbook_delta";

    [Test]
    public void The_book_is_the_covering_epochs_snapshot_and_the_deltas_up_to_the_instant()
    {
        var book = Rebuild(at: 35);
        Assert.That(book.Cover?.EpochId, Is.EqualTo(10));
        Assert.That(book.Book!.Deltas, Is.EqualTo(2));
        Assert.That(book.Book.Book.Yes(0), Is.EqualTo(new Level(500_000, 300)));
        Assert.That(book.Statement(), Does.StartWith("covered: epoch ").And.Contains("(seq 1) and 2 deltas since"));
    }

    [Test]
    public void In_a_gap_the_last_known_book_is_shown_as_such()
    {
        var book = Rebuild(at: 50);
        Assert.That(book.Cover, Is.Null);
        Assert.That(book.Statement(), Does.StartWith("not covered: gap from").And.EndsWith("session closed: test"));
        Assert.That(book.Book!.ChangedAt, Is.EqualTo(40));
        var text = new StringWriter();
        BookCommand.Print(book, text);
        Assert.That(text.ToString(), Does.Contain("last known book, changed").And.Contains("best yes bid 0.5000"));
    }

    [Test]
    public void Before_the_first_snapshot_and_without_any_it_says_so()
    {
        Assert.That(Rebuild(at: 5).Statement(), Does.StartWith("not covered: coverage begins"));
        Assert.That(new BookAt("B", 5).Statement(), Does.Contain("no snapshot"));
    }

    [Test]
    public void After_the_gap_the_new_epochs_snapshot_counts()
    {
        var book = Rebuild(at: 65);
        Assert.That(book.Cover?.EpochId, Is.EqualTo(60));
        Assert.That(book.Book!.Book.Yes(0), Is.EqualTo(new Level(600_000, 700)));
    }

    [Test]
    public void Times_are_rfc_3339_microseconds_or_now()
    {
        Assert.That(BookCommand.ParseTime("2026-11-23T14:00:00Z"), Is.EqualTo(1_795_442_400_000_000));
        Assert.That(BookCommand.ParseTime("1795442400000000"), Is.EqualTo(1_795_442_400_000_000));
        Assert.That(BookCommand.ParseTime("now"), Is.GreaterThan(1_700_000_000_000_000));
        Assert.That(() => BookCommand.ParseTime("yesterday"), Throws.TypeOf<SetupException>().With.Message.Contains("--at yesterday"));
    }

    [Test]
    public void A_mistyped_ticker_gets_its_neighbours_named()
    {
        Assert.That(BookCommand.NearMatches("KXGOLD-26B", ["KXGOLD-26A", "KXSILVER-1", "KXGOLD-27B"]), Is.EqualTo(" (did you mean KXGOLD-26A or KXGOLD-27B or KXSILVER-1?)"));
        Assert.That(BookCommand.NearMatches("ZZZ", ["KXGOLD"]), Is.Empty);
    }

    private static BookAt Rebuild(long at)
    {
        var book = new BookAt("A", at);
        book.OnSnapshot(new RowKey(10, 1, 10), [new Level(500_000, 100)], []);
        book.OnDelta(new RowKey(10, 2, 20), Side.Yes, 500_000, 50);
        book.OnDelta(new RowKey(10, 3, 30), Side.Yes, 500_000, 150);
        book.OnDelta(new RowKey(10, 4, 40), Side.No, 400_000, 25);
        book.OnSnapshot(new RowKey(60, 1, 60), [new Level(600_000, 700)], []);
        book.OnDelta(new RowKey(60, 2, 70), Side.Yes, 600_000, 1);
        book.OnCoverage(new Coverage(Channel, "A", 10, 40, 10, 1, CoverageState.Whole, ""));
        book.OnCoverage(new Coverage(Channel, "A", 40, 60, 0, 0, CoverageState.Gap, "session closed: test"));
        book.OnCoverage(new Coverage(Channel, "A", 60, long.MaxValue, 60, 1, CoverageState.Whole, ""));
        return book;
    }
}
