using Kalshi.Daemon.Dedup;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Production in memory: the rows as its tables would hold them.</summary>
internal sealed class BookProduction : IBookRecall
{
    private readonly Dictionary<int, MarketProduction> _markets = [];

    public MarketProduction Market(int id)
    {
        if (!_markets.TryGetValue(id, out var market))
        {
            _markets.Add(id, market = new MarketProduction());
        }

        return market;
    }

    public TimeSpan RecallChanges(int market, ChangeKey from, ChangeKey to, int most, List<(ChangeKey Key, MarketChange Change)> into)
    {
        var changes = Market(market).Changes;
        for (var row = Market(market).FindFirst(from); row < changes.Count && changes[row].Key < to && into.Count < most; row++)
        {
            into.Add(changes[row]);
        }

        return TimeSpan.Zero;
    }

    /// <summary>One transaction. Throws <see cref="ProductionException"/> for what a database would refuse, or what concerns no row.</summary>
    public void Apply(List<BookOutput> entries)
    {
        foreach (var entry in entries)
        {
            try
            {
                Market(entry.Market).Apply(entry);
            }
            catch (InvalidOperationException refused)
            {
                throw new ProductionException(entry.Market, $"{refused.Message}: {entry}", refused);
            }
        }
    }
}
