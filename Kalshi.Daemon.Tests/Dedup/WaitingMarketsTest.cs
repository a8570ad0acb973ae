using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Store;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Books of all markets at one instant: nothing but time can say that they are the same, and then all is due at once.</summary>
internal sealed class WaitingMarketsTest
{
    private const long Start = 1_790_000_000L * Micros.PerSecond;
    private const long Margin = 10 * Micros.PerSecond;
    private const int Markets = 45_000;
    private const int Gatherers = 3;

    [TestCase(false)]
    [TestCase(true)]
    public void What_is_due_at_once_is_decided_in_several_turns(bool isRestarted)
    {
        var log = new BookOutputLog();
        var merge = New(log);
        for (var market = 1; market <= Markets; market++)
        {
            for (var gatherer = 0; gatherer < Gatherers; gatherer++)
            {
                // Of every third market the last gatherer has another book: it waits for longer.
                merge.OnSnapshot(gatherer, market, gatherer + 1, Start + gatherer, gatherer == 2 && market % 3 == 0 ? [new Level(market, 7)] : [new Level(market, 1)], [new Level(2, market)]);
            }
        }

        Assert.That(merge.Turn(Gatherers, Start + 1_000), Is.False, "what was just told is decided as far as it can be");
        TurnRig.Written(merge.WriteChanges);
        Assert.That(merge.Turn(Gatherers, Start + (Margin / 2)), Is.False);
        if (isRestarted)
        {
            merge = Restarted(merge, log);
        }

        for (var gatherer = 0; gatherer < Gatherers; gatherer++)
        {
            // That a connection is alive, and its silence means something, its rows of other markets show.
            merge.OnSnapshot(gatherer, Markets + 1, gatherer + 1, Start + (2 * Margin) - 1, [], []);
        }

        Assert.That(VouchesOf(log), Has.Count.EqualTo(Markets), "one gatherer of each market so far");
        List<int> vouches = [];
        var hasMore = true;
        while (hasMore)
        {
            hasMore = merge.Turn(Gatherers, Start + (2 * Margin));
            vouches.Add(VouchesOf(log).Count);
            if (isRestarted)
            {
                TurnRig.Written(merge.WriteChanges); // a turn is saved before the next one
            }
        }

        Assert.That(vouches, Has.Count.EqualTo(3), "at most 20,000 markets a turn");
        Assert.That(vouches, Is.Ordered.Ascending.And.Unique);
        var expected = Enumerable.Range(1, Markets).SelectMany(market => Enumerable.Range(0, market % 3 == 0 ? 2 : 3).Select(gatherer => (market, gatherer)));
        Assert.That(VouchesOf(log), Is.EquivalentTo(expected));
        Assert.That(log.Entries.OfType<BookOutput.Snapshot>().Count(entry => entry.Market <= Markets), Is.EqualTo(Markets));
    }

    [Test]
    public async Task Nothing_more_is_told_before_it_is_decided()
    {
        var dsn = await StoreServers.Plain.NewDatabaseAsync();
        using var rig = new LoaderRig(Seeds.New(out _)).Append(1_000).Finish();
        rig.Load(dsn);
        using var turns = new TurnRig([dsn]) { Tape = { TurnsLeft = 3 } };
        turns.RunUntil(() => turns.Turns.HasUndecided, "a turn that leaves something");
        var (told, watermark) = (turns.Tape.Calls.Count, turns.Turns.Watermark);
        for (var left = 2; left >= 0; left--)
        {
            Assert.That(turns.Turns.TryTurn(), "it goes on");
            Assert.That((turns.Turns.HasUndecided, turns.Turns.TurnRows, turns.Tape.Calls.Count, turns.Turns.Watermark), Is.EqualTo((left > 0, 0, told, watermark)));
        }

        turns.RunTo(rig.End);
        SourceTest.AssertTold(turns, 0, "as if nothing had been left");
    }

    private static BookMerge New(BookOutputLog log)
    {
        var merge = new BookMerge(new MergeSettings(Gatherers, Margin, 60 * Micros.PerSecond), log, new BookProduction());
        for (var gatherer = 0; gatherer < Gatherers; gatherer++)
        {
            merge.OnPresence(gatherer, isPresent: true);
        }

        return merge;
    }

    private static BookMerge Restarted(BookMerge merge, BookOutputLog log)
    {
        var restarted = New(log);
        restarted.Restore(TurnRig.Written(merge.WriteAll));
        return restarted;
    }

    private static List<(int Market, int Gatherer)> VouchesOf(BookOutputLog log) =>
        [.. log.Entries.OfType<BookOutput.Vouched>().Select(entry => (entry.Row.Market, entry.Row.Gatherer)).Where(vouch => vouch.Market <= Markets)];
}
