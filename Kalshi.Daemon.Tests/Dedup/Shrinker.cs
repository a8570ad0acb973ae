namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Makes a failing scenario smaller as long as it fails: markets, kills, absences, gatherers, epochs, snapshots and changes that it can do without go.</summary>
internal sealed class Shrinker(Func<Scenario, bool> fails)
{
    private const int TriesMax = 3_000;

    private int _tries;

    public Scenario Shrink(Scenario scenario, int market)
    {
        if (market > 0)
        {
            Try(ref scenario, () => OnlyMarket(scenario, market));
        }

        for (var size = 0; size != Size(scenario) && _tries < TriesMax;)
        {
            size = Size(scenario);
            ShrinkRecipe(ref scenario);
            foreach (var other in scenario.Markets.Select(truth => truth.Id).ToArray())
            {
                Try(ref scenario, () => WithoutMarket(scenario, other));
            }

            ShrinkFeeds(ref scenario);
            foreach (var truth in scenario.Markets.ToArray())
            {
                ShrinkChanges(ref scenario, truth.Id);
            }
        }

        return scenario;
    }

    private static int Size(Scenario scenario) => scenario.Changes + scenario.Feeds.Sum(feed => feed.Count);

    private bool Try(ref Scenario scenario, Func<Scenario> smaller)
    {
        if (_tries++ >= TriesMax)
        {
            return false;
        }

        try
        {
            var candidate = smaller();
            if (candidate.IsContradicted != scenario.IsContradicted || !fails(candidate))
            {
                return false;
            }

            scenario = candidate;
            return true;
        }
        catch (InvalidOperationException)
        {
            return false; // Its runs would not be dense.
        }
    }

    private void ShrinkRecipe(ref Scenario scenario)
    {
        var before = scenario;
        Try(ref scenario, () => new Scenario(before.Recipe with { KillShare = 0 }, before.Markets, before.Feeds));
        var without = scenario;
        Try(ref scenario, () => new Scenario(without.Recipe with { Absences = 0 }, without.Markets, without.Feeds));
        var ordered = scenario;
        Try(ref scenario, () => new Scenario(ordered.Recipe with { Order = TurnOrder.ByReceivedAt }, ordered.Markets, ordered.Feeds));
    }

    private static Scenario OnlyMarket(Scenario scenario, int market) => new(
        scenario.Recipe, [.. scenario.Markets.Where(truth => truth.Id == market)],
        [.. scenario.Feeds.Select(feed => feed.Where(item => item.Market == market || item.Market == 0).ToList())]);

    private static Scenario WithoutMarket(Scenario scenario, int market) => new(
        scenario.Recipe, [.. scenario.Markets.Where(truth => truth.Id != market)], [.. scenario.Feeds.Select(feed => feed.Where(item => item.Market != market).ToList())]);

    private void ShrinkFeeds(ref Scenario scenario)
    {
        for (var gatherer = 0; gatherer < scenario.Feeds.Length; gatherer++)
        {
            var before = scenario;
            var one = gatherer;
            if (scenario.Feeds[one].Count == 0 || Try(ref scenario, () => WithFeed(before, one, [])))
            {
                continue;
            }

            foreach (var epoch in scenario.Feeds[one].Select(item => item.EpochId).Distinct().ToArray())
            {
                var whole = scenario;
                Try(ref scenario, () => WithFeed(whole, one, [.. whole.Feeds[one].Where(item => item.EpochId != epoch)]));
            }

            for (var i = scenario.Feeds[one].Count - 1; i >= 0; i--)
            {
                if (i < scenario.Feeds[one].Count && scenario.Feeds[one][i].Kind == FeedKind.Snapshot)
                {
                    var (whole, index) = (scenario, i);
                    Try(ref scenario, () => WithFeed(whole, one, [.. whole.Feeds[one].Where((_, place) => place != index)]));
                }
            }
        }
    }

    private static Scenario WithFeed(Scenario scenario, int gatherer, List<FeedItem> feed) =>
        new(scenario.Recipe, scenario.Markets, [.. scenario.Feeds.Select((other, index) => index == gatherer ? feed : other)]);

    private void ShrinkChanges(ref Scenario scenario, int market)
    {
        for (var step = Math.Max(1, Count(scenario, market) / 2); step > 0; step /= 2)
        {
            for (var from = Count(scenario, market) - step; from > -step; from -= step)
            {
                var (whole, begin, end) = (scenario, Math.Max(0, from), from + step);
                if (end > begin && begin < Count(scenario, market))
                {
                    Try(ref scenario, () => WithoutChanges(whole, market, begin, Math.Min(end, Count(whole, market))));
                }
            }
        }
    }

    private static int Count(Scenario scenario, int market) => scenario.Markets.FirstOrDefault(truth => truth.Id == market)?.Changes.Count ?? 0;

    private static Scenario WithoutChanges(Scenario scenario, int market, int begin, int end)
    {
        var markets = scenario.Markets.Select(truth => truth.Id != market ? truth : new MarketTruth(
            truth.Id, truth.AppearsAt, truth.Opening, [.. truth.Changes.Take(begin), .. truth.Changes.Skip(end)], truth.ClearedAt));
        var feeds = scenario.Feeds.Select(feed => feed
            .Where(item => item.Market != market || item.Kind != FeedKind.Change || item.Position < begin || item.Position >= end)
            .Select(item => item.Market != market || item.Position <= begin ? item : item with { Position = Math.Max(begin, item.Position - (end - begin)) })
            .ToList());
        return new Scenario(scenario.Recipe, [.. markets], [.. feeds]);
    }
}
