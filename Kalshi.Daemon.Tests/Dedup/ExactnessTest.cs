using System.Globalization;
using Kalshi.Daemon.Dedup;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// Seeded markets, what several gatherers receive of them with every fault, and the merge: production must hold each change that somebody covered once and in order, every loss outside of
/// stretches. `./build.sh campaign-dedup [SEEDS [FIRST]]` runs many; KALSHID_TRACE=FILE writes down the last seed: truth, calls and outputs.
/// </summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class ExactnessTest
{
    private const int FailuresMax = 20;

    /// <summary>SEEDS and FIRST.</summary>
    private static readonly string[] Asked = (Environment.GetEnvironmentVariable("KALSHID_CAMPAIGN_DEDUP") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries);
    private static readonly int Count = Asked.Length > 0 ? int.Parse(Asked[0], CultureInfo.InvariantCulture) : 50;
    private static readonly int First = Asked.Length > 1 ? int.Parse(Asked[1], CultureInfo.InvariantCulture) : 1;

    [Test]
    public void Every_change_that_a_gatherer_covered_is_held_once_and_in_order()
    {
        var campaign = new Campaign((_, settings, output, recall) => new BookMerge(settings, output, recall), TestContext.Out);
        campaign.Run(First, Count, FailuresMax);
        Assert.That(campaign.Failures, Is.Empty);
    }
}
