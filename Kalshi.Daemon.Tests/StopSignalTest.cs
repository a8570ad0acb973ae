using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests;

internal sealed class StopSignalTest
{
    [Test]
    public void A_duration_longer_than_a_timer_can_take_is_waited_for()
    {
        using var stop = new StopSignal(TimeSpan.FromDays(365), NullLogger.Instance);
        Assert.That(stop.Token.IsCancellationRequested, Is.False);
    }

    [Test]
    public async Task A_duration_that_is_over_asks_for_the_stop_with_its_reason()
    {
        using var stop = new StopSignal(TimeSpan.FromMilliseconds(20), NullLogger.Instance);
        await Simulation.Eventually.BecomesTrue(() => stop.Token.IsCancellationRequested);
        Assert.That(stop.Reason, Does.StartWith("duration of"));
    }
}
