namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>A scenario lived through by a merge, and what was found.</summary>
internal sealed class SeedRun
{
    private SeedRun(ProductionCheck check, int restarts, long told) => (Check, Restarts, Told) = (check, restarts, told);

    public ProductionCheck Check { get; }

    public int Restarts { get; }

    public long Told { get; }

    /// <summary>Tells the scenario's rows and checks production; where nothing died, once more in another order of arrival, which must give the same rows.</summary>
    public static SeedRun Of(Scenario scenario, MergeMaker maker, TextWriter? trace = null, int tracedMarket = 0)
    {
        var check = new ProductionCheck();
        var driver = new TurnDriver(scenario, maker, scenario.Recipe.Seed, scenario.Recipe.Order, null, trace, tracedMarket);
        if (!TryRun(driver, check, "", trace))
        {
            return new SeedRun(check, driver.Restarts, driver.Told);
        }

        check = ProductionCheck.Of(scenario, driver.Production);
        var told = driver.Told;
        if (check.Findings.Count == 0 && scenario.Recipe.KillShare == 0 && scenario.Recipe.Seed % 4 == 0)
        {
            trace?.WriteLine("== once more, in another order of arrival");
            var again = new TurnDriver(scenario, maker, scenario.Recipe.Seed + 1, TurnOrder.Shuffled, null, trace, tracedMarket);
            if (TryRun(again, check, "in another order of arrival: ", trace))
            {
                Compare(scenario, driver.Production, again.Production, check);
            }

            told += again.Told;
        }

        return new SeedRun(check, driver.Restarts, told);
    }

    private static bool TryRun(TurnDriver driver, ProductionCheck check, string when, TextWriter? trace)
    {
        try
        {
            driver.Run();
            return true;
        }
        catch (ProductionException refused)
        {
            check.Findings.Add(new Finding(refused.Market, when + refused.Message));
        }
        catch (Exception bug)
        {
            trace?.WriteLine(bug);
            check.Findings.Add(new Finding(0, $"{when}{bug.GetType().Name}: {bug.Message} {bug.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains("Dedup"))?.Trim()}"));
        }

        return false;
    }

    private static void Compare(Scenario scenario, BookProduction one, BookProduction other, ProductionCheck check)
    {
        var findings = ProductionCheck.Of(scenario, other).Findings;
        check.Findings.AddRange(findings.Select(finding => finding with { Sentence = "in another order of arrival: " + finding.Sentence }));
        foreach (var truth in scenario.Markets)
        {
            var runs = scenario.RunsByMarket[truth.Id];
            if (findings.Count > 0 || runs.Any(run => !run.HasBook && run.End > run.Begin) || new SoftInstants(truth, runs).Count > 0 || scenario.IsAltered(truth.Id))
            {
                continue; // What need not be held may depend on the order.
            }

            var (left, right) = (one.Market(truth.Id).Changes, other.Market(truth.Id).Changes);
            var difference = Enumerable.Range(0, Math.Max(left.Count, right.Count))
                .FirstOrDefault(i => i >= left.Count || i >= right.Count || left[i].Key != right[i].Key || !left[i].Change.IsSame(right[i].Change), -1);
            if (difference >= 0)
            {
                check.Findings.Add(new Finding(truth.Id, $"in another order of arrival row {difference} is another one"));
            }
        }
    }
}
