using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>The configuration gets a gatherer that production does not know yet: what the merge remembers is of fewer.</summary>
internal sealed class AddedGathererTest
{
    private const long Start = 1_790_000_000L * Micros.PerSecond;
    private const long Margin = 10 * Micros.PerSecond;
    private const int Markets = 3;
    private static readonly Level[] Yes = [new(400_000, 1_000), new(410_000, 2_000)];
    private static readonly Level[] No = [new(550_000, 3_000)];

    [TestCase(2, 3)]
    [TestCase(1, 2)]
    [TestCase(1, 16)]
    public void It_vouches_for_the_books_that_the_others_told(int before, int after)
    {
        var merge = New(before, new BookOutputLog());
        Open(merge, 0, before, Start);
        for (var gatherer = 0; gatherer < before; gatherer++)
        {
            merge.OnChange(gatherer, 1, gatherer + 1, Change(Start + (3 * Margin), gatherer));
        }

        merge.Turn(before, Start + (4 * Margin));
        TurnRig.Written(merge.WriteAll);
        merge.Turn(before, Start + (8 * Margin));
        var state = TurnRig.Written(merge.WriteAll); // markets 2 and 3 at rest

        var log = new BookOutputLog();
        merge = New(after, log);
        merge.Restore(state);
        Level[] changed = [new(400_000, 1_000), new(410_000, 2_000), new(420_000, 100)];
        Open(merge, before, after, Start + (9 * Margin), changed);
        for (var gatherer = 0; gatherer < after; gatherer++)
        {
            merge.OnChange(gatherer, 1, gatherer + 1, Change(Start + (12 * Margin), gatherer));
        }

        merge.Turn(after, Start + (13 * Margin));
        Assert.That(log.Entries.OfType<BookOutput.Changed>().Count(), Is.EqualTo(1), "what all tell is told once");
        Assert.That(log.Entries.OfType<BookOutput.Vouched>().Select(entry => (entry.Row.Market, entry.Row.Gatherer)).Where(vouch => vouch.Market <= Markets),
            Is.EquivalentTo(Enumerable.Range(1, Markets).SelectMany(market => Enumerable.Range(before, after - before).Select(gatherer => (market, gatherer)))));
        Assert.That(log.Entries.Where(entry => entry is BookOutput.Disagreed or BookOutput.VouchEnded), Is.Empty);
        Assert.That(merge.Counters.Gaps, Is.Zero);
    }

    private static BookMerge New(int gatherers, BookOutputLog log) => new(new MergeSettings(gatherers, Margin, 60 * Micros.PerSecond), log, new BookProduction());

    private static MarketChange Change(long at, int delay) => new(at, at + delay, Side.Yes, 420_000, 100);

    /// <summary>Snapshots from gatherers `first` to before `end`; `changed`: what market 1 has by now.</summary>
    private static void Open(BookMerge merge, int first, int end, long at, Level[]? changed = null)
    {
        for (var gatherer = 0; gatherer < end; gatherer++)
        {
            merge.OnPresence(gatherer, isPresent: true);
        }

        for (var gatherer = first; gatherer < end; gatherer++)
        {
            for (var market = 1; market <= Markets; market++)
            {
                merge.OnSnapshot(gatherer, market, gatherer + 1, at + gatherer, market == 1 && changed is not null ? changed : Yes, No);
            }
        }

        merge.Turn(end, at + 1_000);
        for (var gatherer = 0; gatherer < end; gatherer++)
        {
            // That a connection is alive, and its silence means something, its rows of other markets show.
            merge.OnSnapshot(gatherer, Markets + 1 + gatherer, gatherer + 1, at + (2 * Margin) - 1, Yes, No);
        }

        merge.Turn(end, at + (2 * Margin));
    }
}
