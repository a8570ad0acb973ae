namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>What a check of a whole production found and counted.</summary>
internal sealed class ProductionCheck
{
    public List<Finding> Findings { get; } = [];

    public long Changes { get; private set; }

    /// <summary>Changes that production does not hold.</summary>
    public long Missing { get; private set; }

    /// <summary>Gap rows that were filled or came out even.</summary>
    public long Repaired { get; private set; }

    public long Disagreements { get; private set; }

    /// <summary>Held changes by gatherers that saw them, and those of them that no vouch tells.</summary>
    public long Sources { get; private set; }

    public long SourcesUntold { get; private set; }

    /// <summary>Holds production, at the end of a scenario, against its truth and its runs.</summary>
    public static ProductionCheck Of(Scenario scenario, BookProduction production)
    {
        var check = new ProductionCheck();
        foreach (var truth in scenario.Markets)
        {
            var market = new MarketCheck(scenario, truth, production.Market(truth.Id));
            market.Run();
            check.Findings.AddRange(market.Findings);
            check.Changes += truth.Changes.Count;
            check.Missing += market.Missing;
            check.Sources += market.Sources;
            check.SourcesUntold += market.SourcesUntold;
            check.Repaired += production.Market(truth.Id).Coverage.Values.Count(row => row.State == Kalshi.Daemon.Books.CoverageState.Repaired);
            check.Disagreements += production.Market(truth.Id).Disagreements.Count;
        }

        return check;
    }
}
