namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>A seed made concrete: the truth, what each gatherer's store says of it, and which runs that makes. Immutable.</summary>
internal sealed class Scenario
{
    private readonly Dictionary<int, MarketTruth> _markets;

    public Scenario(Recipe recipe, MarketTruth[] markets, List<FeedItem>[] feeds)
    {
        (Recipe, Markets, Feeds) = (recipe, markets, feeds);
        _markets = markets.ToDictionary(market => market.Id);
        Runs = [.. feeds.SelectMany((feed, gatherer) => RunsOf(gatherer, feed))];
        RunsByMarket = Runs.ToLookup(run => run.Market);
    }

    public Recipe Recipe { get; }

    public MarketTruth[] Markets { get; }

    /// <summary>By gatherer.</summary>
    public List<FeedItem>[] Feeds { get; }

    public TruthRun[] Runs { get; }

    public ILookup<int, TruthRun> RunsByMarket { get; }

    public int Changes => Markets.Sum(market => market.Changes.Count);

    public MarketTruth Market(int id) => _markets[id];

    /// <summary>Whether the altered row is still told by two gatherers in the midst of their runs: then it must be noticed.</summary>
    public bool IsContradicted => Runs.Any(run => AlteredIn(run) is var change and >= 0 && IsMidst(run, run.Market, change)
        && Runs.Any(other => other.Gatherer != run.Gatherer && IsMidst(other, run.Market, change)));

    public bool IsAltered(int market) => Feeds.Any(feed => feed.Any(item => item.Market == market && (item.AlteredDelta != 0 || item.AlteredAt != 0)));

    public bool IsStampAltered(int market) => Feeds.Any(feed => feed.Any(item => item.Market == market && item.AlteredAt != 0));

    public static Scenario Of(Recipe recipe)
    {
        var markets = TruthGenerator.Make(recipe);
        var random = new Random(recipe.Seed + 1_000_003);
        var commonTimes = Enumerable.Range(0, 4).Select(_ => TruthGenerator.StartAt + random.NextInt64(recipe.Duration)).ToArray();
        var lost = Lost(recipe, markets, random);
        var feeds = Enumerable.Range(0, recipe.Gatherers)
            .Select(gatherer => FeedGenerator.Make(
                recipe, markets, (market, change) => lost.Contains((market, change, gatherer)), commonTimes, new Random((recipe.Seed * 31) + gatherer + 77)))
            .ToArray();
        var scenario = new Scenario(recipe, markets, feeds);
        scenario = recipe.HasUnstamped ? scenario.Unstamp(random) : scenario;
        return recipe.IsContradicted ? scenario.Contradict(random) : scenario;
    }

    /// <summary>Changes that the exchange fails to send to one, some or all gatherers, up to three in a row.</summary>
    private static HashSet<(int Market, int Change, int Gatherer)> Lost(Recipe recipe, MarketTruth[] markets, Random random)
    {
        var lost = new HashSet<(int, int, int)>();
        for (var count = recipe.LostByExchange; count > 0; count--)
        {
            var market = markets[random.Next(markets.Length)];
            var mask = random.Next(3) == 0 ? int.MaxValue : random.Next(1, 1 << recipe.Gatherers);
            var first = random.Next(Math.Max(1, market.Changes.Count));
            for (var change = first; change < first + random.Next(1, 4); change++)
            {
                for (var gatherer = 0; gatherer < recipe.Gatherers; gatherer++)
                {
                    if ((mask & (1 << gatherer)) != 0)
                    {
                        lost.Add((market.Id, change, gatherer));
                    }
                }
            }
        }

        return lost;
    }

    /// <summary>Some changes of the same instant as the one before, the first of no run, carry no stamp.</summary>
    private Scenario Unstamp(Random random)
    {
        var markets = Markets.Select(market => new MarketTruth(
            market.Id, market.AppearsAt, market.Opening,
            [.. market.Changes.Select((change, index) => index > market.BeginOf(market.InstantOf(index)) && random.Next(3) == 0 && RunsByMarket[market.Id].All(run => run.Begin != index)
                ? change with { IsUnstamped = true } : change)],
            market.ClearedAt));
        return new Scenario(Recipe, [.. markets], Feeds);
    }

    /// <summary>
    /// One row of one gatherer says something else than the exchange did, in the midst of runs of two gatherers that both have a snapshot well behind it. Unchanged when there is no
    /// such place.
    /// </summary>
    private Scenario Contradict(Random random)
    {
        var candidates = Runs.Where(run => run.HasBook).SelectMany(run => Enumerable.Range(run.Begin, run.End - run.Begin).Select(change => (run, change)))
            .Where(place => IsMidst(place.run, place.run.Market, place.change)
                && Runs.Any(other => other.Gatherer != place.run.Gatherer && IsMidst(other, place.run.Market, place.change))).ToArray();
        if (candidates.Length == 0)
        {
            return this;
        }

        var (altered, index) = candidates[random.Next(candidates.Length)];
        var isStamp = random.Next(4) == 0;
        var item = Feeds[altered.Gatherer].FindIndex(item =>
            item.Kind == FeedKind.Change && item.Market == altered.Market && item.Position == index && item.EpochId == altered.EpochId);
        var feeds = Feeds.Select(feed => feed.ToList()).ToArray();
        feeds[altered.Gatherer][item] = feeds[altered.Gatherer][item] with { AlteredAt = isStamp ? 1 : 0, AlteredDelta = isStamp ? 0 : random.Next(1, 50) };
        return new Scenario(Recipe, Markets, feeds);
    }

    /// <summary>The change that the run's gatherer told otherwise, or −1.</summary>
    private int AlteredIn(TruthRun run)
    {
        var item = Feeds[run.Gatherer].FirstOrDefault(item => item.Market == run.Market && item.EpochId == run.EpochId && (item.AlteredDelta != 0 || item.AlteredAt != 0));
        return item.Kind == FeedKind.Change && run.Covers(item.Position) ? item.Position : -1;
    }

    /// <summary>Two instants from either end, and a snapshot later than everybody was told of the change.</summary>
    private bool IsMidst(TruthRun run, int market, int change)
    {
        var truth = Market(market);
        return !run.IsHeadless && run.Market == market && run.Covers(change) && !truth.Changes[change].IsUnstamped && truth.EndOf(truth.InstantOf(change)) == change + 1
            && truth.InstantOf(run.Begin) + 2 <= truth.InstantOf(change) && truth.InstantOf(run.End - 1) - 2 >= truth.InstantOf(change)
            && truth.StampOf(truth.InstantOf(change) + 1) > truth.Changes[change].At + 1
            && run.LastSnapshotAt > truth.Changes[change].MadeAt + (2 * Recipe.Margin);
    }

    /// <summary>A run begins with a row of another epoch or behind a break, and ends where it is told to.</summary>
    private List<TruthRun> RunsOf(int gatherer, List<FeedItem> feed)
    {
        var runs = new List<TruthRun>();
        var open = new Dictionary<int, TruthRun>();
        foreach (var item in feed)
        {
            switch (item.Kind)
            {
                case FeedKind.Snapshot or FeedKind.Change:
                    Extend(gatherer, item, runs, open);
                    break;
                case FeedKind.CoverageEnded when open.TryGetValue(item.Market, out var run) && run.EpochId == item.EpochId:
                    run.IsClosed = true;
                    open.Remove(item.Market);
                    break;
                case FeedKind.Broken:
                    Close(open, run => (item.Market == 0 || run.Market == item.Market) && run.EpochId == item.EpochId);
                    break;
                case FeedKind.Replaced:
                    Close(open, _ => true);
                    break;
            }
        }

        return runs;
    }

    private void Extend(int gatherer, in FeedItem item, List<TruthRun> runs, Dictionary<int, TruthRun> open)
    {
        var truth = Market(item.Market);
        var begin = Math.Min(item.Position, truth.Changes.Count);
        if (!open.TryGetValue(item.Market, out var run) || run.EpochId != item.EpochId)
        {
            if (run is not null)
            {
                run.IsClosed = true;
            }

            run = new TruthRun
            {
                Gatherer = gatherer,
                Market = item.Market,
                EpochId = item.EpochId,
                OpenedAt = item.ReceivedAt,
                Begin = begin,
                End = begin,
                IsHeadless = item.Kind == FeedKind.Change,
            };
            open[item.Market] = run;
            runs.Add(run);
        }

        if (run.End != begin)
        {
            throw new InvalidOperationException($"The generator made a run that is not dense: {run}, next {item}.");
        }

        run.LastAt = item.ReceivedAt;
        if (item.Kind == FeedKind.Change)
        {
            run.End++;
            return;
        }

        // What a cleared book was before, nobody can tell from it.
        var isCleared = item.Position > truth.Changes.Count;
        run.HasBook |= !isCleared || !run.IsHeadless;
        run.LastSnapshotAt = isCleared ? run.LastSnapshotAt : item.ReceivedAt;
        run.SawClear |= isCleared;
    }

    private static void Close(Dictionary<int, TruthRun> open, Func<TruthRun, bool> isConcerned)
    {
        foreach (var run in open.Values.Where(isConcerned).ToArray())
        {
            run.IsClosed = true;
            open.Remove(run.Market);
        }
    }
}
