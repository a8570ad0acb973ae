using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Registry;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Registry;

internal sealed class ShardsTest
{
    private readonly List<BookShard> _started = [];

    [Test]
    public void Markets_are_dealt_round_so_that_every_socket_has_its_share_of_the_busy_ones()
    {
        var shards = New(connections: 10, perConnection: 25);
        shards.Place([.. Enumerable.Range(0, 100).Select(i => $"M{i}")]);
        Assert.That(_started, Has.Count.EqualTo(4));
        Assert.That(_started.Select(shard => shard.Count), Is.All.EqualTo(25));
        Assert.That(shards.DormantCount, Is.Zero);
    }

    [Test]
    public void What_does_not_fit_is_dormant_and_sweeps_go_round_fairly()
    {
        var shards = New(connections: 2, perConnection: 10);
        shards.Place([.. Enumerable.Range(0, 50).Select(i => $"M{i:00}")]);
        Assert.That(shards.Wanted, Is.EqualTo(20));
        Assert.That(shards.DormantCount, Is.EqualTo(30));
        var swept = shards.NextDormant(20).Concat(shards.NextDormant(20)).ToArray();
        Assert.That(swept.Distinct().Count(), Is.EqualTo(30));
        Assert.That(swept[30], Is.EqualTo(swept[0]), "After the last comes the first.");
    }

    [Test]
    public void A_dormant_market_that_trades_takes_the_place_of_the_quietest()
    {
        var shards = New(connections: 1, perConnection: 3);
        shards.Place(["A", "B", "C", "D", "E"]);
        foreach (var traded in new[] { "A", "C", "B", "D" })
        {
            shards.OnTrade(traded);
        }

        Assert.That(shards.Wanted, Is.EqualTo(3));
        Assert.That(shards.NextDormant(10), Is.EquivalentTo(new[] { "E", "A" }), "A had traded least recently.");
    }

    [Test]
    public void A_settled_market_makes_room_for_a_dormant_one()
    {
        var shards = New(connections: 1, perConnection: 2);
        shards.Place(["A", "B", "C"]);
        shards.Remove("A");
        Assert.That(shards.Wanted, Is.EqualTo(2));
        Assert.That(shards.DormantCount, Is.Zero);
    }

    [Test]
    public void Placing_a_market_twice_changes_nothing()
    {
        var shards = New(connections: 3, perConnection: 5);
        shards.Place(["A", "B"]);
        shards.Place(["B", "A"]);
        Assert.That(shards.Wanted, Is.EqualTo(2));
        Assert.That(_started, Has.Count.EqualTo(1));
    }

    [Test]
    public void Random_steps_never_lose_or_double_a_market()
    {
        var random = Seeds.New(out _);
        var shards = New(connections: 4, perConnection: 8);
        var known = new HashSet<string>();
        for (var step = 0; step < 5_000; step++)
        {
            var ticker = $"M{random.Next(60)}";
            switch (random.Next(3))
            {
                case 0:
                    known.Add(ticker);
                    shards.Place([ticker]);
                    break;
                case 1:
                    known.Remove(ticker);
                    shards.Remove(ticker);
                    break;
                default:
                    shards.OnTrade(ticker);
                    break;
            }

            Assert.That(shards.Wanted + shards.DormantCount, Is.EqualTo(known.Count), $"step {step}");
            Assert.That(shards.DormantCount == 0 || shards.Wanted == 32, Is.True, $"step {step}: nobody is dormant while there is room");
        }
    }

    private Shards New(int connections, int perConnection)
    {
        _started.Clear();
        return new Shards(connections, perConnection, () => new BookShard(perConnection, 1_000, TimeSpan.Zero, new CommandPace(1_000), NullLogger.Instance), _started.Add, NullLogger.Instance);
    }
}
