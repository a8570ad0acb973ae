using Kalshi.Daemon.Dedup;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Random truths, gatherers and interleavings: what production holds of the streams.</summary>
internal sealed class StreamMergesTest
{
    private const int Runs = 25;

    [Test]
    public void Production_holds_as_many_rows_of_each_kind_as_the_gatherer_that_told_most()
    {
        var random = Seeds.New(out _);
        var (restarts, recalls) = (0, 0);
        for (var i = 0; i < Runs; i++)
        {
            var script = new StreamScript(random, gatherers: random.Next(1, 5));
            var run = StreamRun.WithAbsences(script, random.Next(), random);
            Assert.That(StreamScript.Count(run.Production.Rows), Is.EqualTo(StreamScript.Expect(run.Tellers)), $"run {i}");
            AssertHistories(run.Production);
            restarts += run.Restarts;
            recalls += run.Production.Recalls;
        }

        Assert.That(restarts, Is.GreaterThan(Runs));
        Assert.That(recalls, Is.GreaterThan(Runs));
    }

    [Test]
    public void Memory_that_was_written_and_read_at_any_turn_changes_nothing()
    {
        var random = Seeds.New(out _);
        for (var i = 0; i < Runs; i++)
        {
            var script = new StreamScript(random, gatherers: 3);
            var seed = random.Next();
            var rows = StreamRun.WithAbsences(script, seed).Production.Rows;
            Assert.That(StreamRun.WithAbsences(script, seed, random).Production.Rows, Is.EqualTo(rows), $"run {i}");
        }
    }

    [Test]
    public void Rows_are_the_same_for_any_order_of_arrival_within_the_margin()
    {
        var random = Seeds.New(out _);
        for (var i = 0; i < Runs; i++)
        {
            var script = new StreamScript(random, gatherers: 3);
            var ordered = StreamRun.Together(script, random.Next(), isOrdered: true).Production;
            Assert.That(StreamRun.Together(script, random.Next(), isOrdered: true).Production.Rows, Is.EqualTo(ordered.Rows), "whatever the turns");

            var mixed = StreamRun.Together(script, random.Next(), isOrdered: false).Production;
            Assert.That(StreamScript.Count(mixed.Rows), Is.EqualTo(StreamScript.Count(ordered.Rows)), $"run {i}");
            AssertHistories(mixed);
        }
    }

    /// <summary>Versions stand in the order in which they were true, and the present state is the last one.</summary>
    private static void AssertHistories(StreamProduction production)
    {
        foreach (var market in production.Of(StreamKind.Object).GroupBy(row => row.Market))
        {
            var history = market.OrderBy(row => row.ReceivedAt).Select(row => VersionOf(row.Content)).ToList();
            Assert.That(history, Is.Ordered.Ascending);
            Assert.That(VersionOf(market.Last(row => row.Flag).Content), Is.EqualTo(history[^1]));
        }
    }

    private static int VersionOf(string content) => int.Parse(content.AsSpan(11, content.IndexOf(',') - 11));
}
