using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Primitives;

internal sealed class BackoffTest
{
    [Test]
    public void Each_wait_lies_between_half_and_the_whole_of_a_step_that_doubles_up_to_its_maximum()
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(30));
        double[] steps = [0.5, 1, 2, 4, 8, 16, 30, 30];
        for (var i = 0; i < steps.Length; i++)
        {
            Assert.That(backoff.Next().TotalSeconds, Is.InRange((steps[i] / 2) - 0.001, steps[i] + 0.001), $"failure {i}");
        }

        Assert.That(backoff.Failures, Is.EqualTo(steps.Length));
    }

    [Test]
    public void A_long_outage_never_waits_longer_than_the_maximum()
    {
        var backoff = new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
        for (var i = 0; i < 100_000; i++)
        {
            Assert.That(backoff.Next(), Is.LessThanOrEqualTo(TimeSpan.FromSeconds(30)).And.GreaterThan(TimeSpan.Zero));
        }
    }

    [Test]
    public void A_reset_begins_with_the_first_step_again()
    {
        var backoff = new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));
        for (var i = 0; i < 5; i++)
        {
            backoff.Next();
        }

        backoff.Reset();
        Assert.That(backoff.Next(), Is.LessThanOrEqualTo(TimeSpan.FromSeconds(1)));
    }

    [Test]
    public void Sockets_that_broke_together_do_not_come_back_together()
    {
        var waits = Enumerable.Range(0, 50).Select(_ => new Backoff(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(30)).Next().Ticks).Distinct();
        Assert.That(waits.Count(), Is.GreaterThan(40));
    }
}
