using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>The campaign's own parts: with a merge that knows the truth nothing is found, and whatever is done wrong is found.</summary>
internal sealed class CheckTest
{
    private const int Seeds = 60;

    /// <summary>Claims that are made larger may still be true: the gatherer saw what follows as well, or nothing was lost in the time that is added.</summary>
    private static readonly string[] MayBeTrue = ["a vouch ends too late", "a stretch reaches over a loss"];

    [Test]
    public void Nothing_is_found_in_what_an_oracle_tells()
    {
        var campaign = new Campaign(OracleMerge.Make, TestContext.Out);
        campaign.Run(1, Seeds, failuresMax: 3);
        Assert.That(campaign.Failures, Is.Empty);
    }

    [TestCaseSource(nameof(Ways))]
    public void Whatever_a_merge_does_wrong_is_found(string way)
    {
        var spoil = Spoiling.All.Single(one => one.Name == way).Spoil;
        var (spoiled, found) = (0, 0);
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var scenario = Scenario.Of(Recipe.Of(seed));
            foreach (var truth in scenario.Markets.Where(truth => IsStrict(scenario, truth)))
            {
                var calls = new List<BookOutput>();
                var log = new BookOutputLog();
                new OracleMarket(scenario, truth, log).Tell();
                calls.AddRange(log.Entries);
                if (!calls.OfType<BookOutput.Changed>().Any() || spoil(calls, new Random(seed)) is not { } wrong)
                {
                    continue;
                }

                spoiled++;
                if (Findings(scenario, truth, wrong).Count > 0)
                {
                    found++;
                }
                else
                {
                    Assert.That(MayBeTrue, Does.Contain(way), $"seed {seed}, market {truth.Id}: {way}, and nothing is found");
                }
            }
        }

        TestContext.Out.WriteLine($"{way}: found in {found} of {spoiled} markets");
        Assert.That(found, Is.GreaterThan(5).And.GreaterThan(spoiled / 4));
    }

    public static IEnumerable<string> Ways => Spoiling.All.Select(one => one.Name);

    private static bool IsStrict(Scenario scenario, MarketTruth truth) =>
        new SoftInstants(truth, scenario.RunsByMarket[truth.Id]).Count == 0 && !scenario.IsAltered(truth.Id) && scenario.RunsByMarket[truth.Id].Any(run => run.HasBook);

    private static List<Finding> Findings(Scenario scenario, MarketTruth truth, List<BookOutput> calls)
    {
        var production = new BookProduction();
        try
        {
            production.Apply(calls);
        }
        catch (ProductionException refused)
        {
            return [new Finding(truth.Id, refused.Message)];
        }

        var check = new MarketCheck(scenario, truth, production.Market(truth.Id));
        check.Run();
        return check.Findings;
    }
}
