using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Simulation;

/// <summary>Waits for a condition instead of sleeping for a guess.</summary>
internal static class Eventually
{
    public static Task BecomesTrue(Func<bool> condition, int limitMs = 10_000) => BecomesTrue(() => Task.FromResult(condition()), limitMs);

    public static async Task BecomesTrue(Func<Task<bool>> condition, int limitMs = 10_000)
    {
        for (var waited = 0; !await condition(); waited += 5)
        {
            Assert.That(waited, Is.LessThan(limitMs), "the condition did not become true in time");
            await Task.Delay(5);
        }
    }
}
