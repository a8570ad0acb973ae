using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>A gatherer that comes back after a long absence tells of a market what production holds and memory does not.</summary>
internal sealed class LateGathererTest
{
    private const long Start = 1_790_000_000L * Micros.PerSecond;
    private const long Margin = 10 * Micros.PerSecond;
    private const int Changes = 4_000;
    private static readonly Level[] Yes = [new(400_000, 1_000)];

    [Test]
    public void More_changes_than_are_recalled_are_asked_for_once()
    {
        var production = new BookProduction();
        var log = new BookOutputLog();
        var merge = new BookMerge(new MergeSettings(2, Margin, 60 * Micros.PerSecond), log, production);
        merge.OnPresence(0, isPresent: true);
        merge.OnSnapshot(0, 1, 1, Start, Yes, []);
        for (var i = 1; i <= Changes; i++)
        {
            merge.OnChange(0, 1, 1, Change(i, gatherer: 0));
            if (i % 10 == 0)
            {
                Turn(0, Start + (i * Micros.PerSecond));
            }
        }

        Turn(0, Start + ((Changes + 60) * Micros.PerSecond));
        merge.OnSnapshot(1, 1, 2, Start, Yes, []);
        for (var i = 1; i <= Changes; i++)
        {
            merge.OnChange(1, 1, 2, Change(i, gatherer: 1));
            if (i % 100 == 0)
            {
                Turn(1, Start + (i * Micros.PerSecond));
            }
        }

        Assert.That(production.Market(1).Changes, Has.Count.EqualTo(Changes), "each once");
        Assert.That(merge.Counters.Confirmed, Is.GreaterThan(Changes - 101), "but for those of its first turn, by which it was placed");
        Assert.That(merge.Counters.Disagreements + merge.Counters.Gaps, Is.Zero);
        Assert.That(merge.Counters.Recalls, Is.LessThan(5), "though its rows come in 40 turns, saved each");

        void Turn(int gatherer, long at)
        {
            merge.OnProgress(gatherer, at);
            merge.OnTurn(at);
            production.Apply(log.Entries);
            log.Entries.Clear();
            TurnRig.Written(merge.WriteChanges);
        }
    }

    [Test]
    public void A_turn_recalls_of_some_markets_only()
    {
        const int markets = 2_000;
        var production = new BookProduction();
        var log = new BookOutputLog();
        var merge = new BookMerge(new MergeSettings(2, Margin, 60 * Micros.PerSecond), log, production);
        merge.OnPresence(0, isPresent: true);
        List<long> recalls = [];
        for (var gatherer = 0; gatherer < 2; gatherer++)
        {
            for (var market = 1; market <= markets; market++)
            {
                merge.OnSnapshot(gatherer, market, gatherer + 1, Start + gatherer, Yes, []);
            }

            Turn(Start + Micros.PerSecond);
            for (var change = 1; change <= 4; change++)
            {
                for (var market = 1; market <= markets; market++)
                {
                    merge.OnChange(gatherer, market, gatherer + 1, Change(10 * change, gatherer));
                }

                Turn(Start + (((10 * change) + 1) * Micros.PerSecond));
                recalls.Add(merge.Counters.Recalls);
            }

            Turn(Start + (200 * Micros.PerSecond));
        }

        Assert.That(recalls[^1], Is.GreaterThan(0));
        Assert.That(recalls.Zip(recalls.Skip(1), (one, next) => next - one), Is.All.LessThanOrEqualTo(256), string.Join(' ', recalls));

        void Turn(long at)
        {
            Assert.That(merge.Turn(2, at), Is.False);
            production.Apply(log.Entries);
            log.Entries.Clear();
            TurnRig.Written(merge.WriteChanges);
        }
    }

    private static MarketChange Change(int number, int gatherer)
    {
        var at = Start + (number * Micros.PerSecond);
        return new MarketChange(at, at + gatherer, Side.Yes, 10_000 * (1 + (number % 90)), 100);
    }
}
