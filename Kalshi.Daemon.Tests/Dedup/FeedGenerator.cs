namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>What one gatherer's store holds of the books, in order of received_at: its connections with their faults, its clock, its restarts, and its store replaced by an empty one.</summary>
internal sealed class FeedGenerator
{
    private const long Second = 1_000_000;

    private readonly Recipe _recipe;
    private readonly MarketTruth[] _markets;
    private readonly Func<int, int, bool> _isLost;
    private readonly Random _random;
    private readonly long[] _commonTimes;
    private readonly long _skew;

    /// <summary>Its store was replaced then, and it is away until; `long.MaxValue`: never.</summary>
    private readonly long _replacedAt = long.MaxValue;
    private readonly long _backAt;

    private FeedGenerator(Recipe recipe, MarketTruth[] markets, Func<int, int, bool> isLost, long[] commonTimes, Random random)
    {
        (_recipe, _markets, _isLost, _commonTimes, _random) = (recipe, markets, isLost, commonTimes, random);
        _skew = random.NextInt64(-recipe.SkewMax, recipe.SkewMax + 1);
        if (random.NextDouble() < recipe.Replacements)
        {
            _replacedAt = Moment();
            _backAt = _replacedAt + (20 * Second) + random.NextInt64(60 * Second);
        }
    }

    /// <summary>`isLost`: (market, change) that the exchange fails to send this gatherer. `commonTimes`: when faults like to happen, the same for all gatherers.</summary>
    public static List<FeedItem> Make(Recipe recipe, MarketTruth[] markets, Func<int, int, bool> isLost, long[] commonTimes, Random random) =>
        new FeedGenerator(recipe, markets, isLost, commonTimes, random).Make();

    private List<FeedItem> Make()
    {
        var restarts = Times(_recipe.Restarts).Select(at => (At: at, IsKnownAtOnce: _random.Next(2) == 0, DownFor: _random.NextInt64(30 * Second))).ToArray();
        var split = _markets.GroupBy(_ => _random.Next(2)).Select(share => share.ToArray()).ToArray();
        var arrivals = new List<(Arrival Arrival, int Connection)>();
        for (var i = 0; i < split.Length; i++)
        {
            var connection = new ConnectionSimulation(_recipe, split[i], _isLost, at => at >= _replacedAt ? Math.Max(at, _backAt) : at, _random);
            Plan(connection, split[i]);
            foreach (var restart in restarts)
            {
                connection.Plan(restart.At, new ConnectionEvent(ConnectionAction.Break, 0, restart.IsKnownAtOnce ? 0 : restart.DownFor, restart.DownFor, "process ended"));
            }

            arrivals.AddRange(connection.Run(TruthGenerator.StartAt + _recipe.Duration).Select(arrival => (arrival, i)));
        }

        return ToFeed(arrivals.OrderBy(one => one.Arrival.ArrivesAt).ThenBy(one => one.Connection).ThenBy(one => one.Arrival.Record));
    }

    private void Plan(ConnectionSimulation connection, MarketTruth[] markets)
    {
        int Market() => markets[_random.Next(markets.Length)].Id;
        void PlanAll(double expected, Func<ConnectionEvent> what)
        {
            foreach (var at in Times(expected))
            {
                connection.Plan(at, what());
            }
        }

        connection.Plan(TruthGenerator.StartAt + _random.NextInt64(_random.NextDouble() < 0.8 ? Second : _recipe.Duration / 2), new ConnectionEvent(ConnectionAction.Open, 0, 0, 0, ""));
        PlanAll(_recipe.Drops, () => new ConnectionEvent(ConnectionAction.Drop, 0, _random.NextDouble() < 0.7 ? 1 : _random.Next(1, 30), 0, ""));
        PlanAll(_recipe.Breaks / 2, () => new ConnectionEvent(ConnectionAction.Break, 0, _random.NextInt64(Second), _random.NextInt64(20 * Second), "session closed"));
        foreach (var at in Times(_recipe.Breaks / 2))
        {
            var silence = _random.NextInt64(30 * Second);
            connection.Plan(at, new ConnectionEvent(ConnectionAction.Mute, 0, 0, 0, ""));
            connection.Plan(at + silence, new ConnectionEvent(ConnectionAction.Break, 0, _random.NextInt64(Second), _random.NextInt64(20 * Second), "session closed: quiet"));
        }

        PlanAll(_recipe.Rejects, () => new ConnectionEvent(_random.NextDouble() < 0.8 ? ConnectionAction.Reject : ConnectionAction.RejectUnreadable, Market(), 0, 0, ""));
        PlanAll(_recipe.LetGoes, () => new ConnectionEvent(ConnectionAction.LetGo, Market(), 0, 0, ""));
        PlanAll(_recipe.Audits, () => new ConnectionEvent(ConnectionAction.Snapshot, Market(), 0, 0, ""));
        PlanAll(2, () => new ConnectionEvent(ConnectionAction.Acknowledge, 0, 0, 0, ""));
        if (_replacedAt != long.MaxValue)
        {
            connection.Plan(_replacedAt, new ConnectionEvent(ConnectionAction.Break, 0, 0, _backAt - _replacedAt, "replaced"));
        }
    }

    private List<long> Times(double expected)
    {
        var times = new List<long>();
        for (var left = expected; left > 0; left--)
        {
            if (_random.NextDouble() < left)
            {
                times.Add(Moment());
            }
        }

        return times;
    }

    /// <summary>Faults like busy moments, and those of others.</summary>
    private long Moment()
    {
        var market = _markets[_random.Next(_markets.Length)];
        return _random.NextDouble() switch
        {
            < 0.45 when market.Changes.Count > 0 => market.Changes[_random.Next(market.Changes.Count)].MadeAt + _random.NextInt64(-3, 4),
            < 0.75 when _commonTimes.Length > 0 => _commonTimes[_random.Next(_commonTimes.Length)] + (_random.Next(2) == 0 ? 0 : _random.NextInt64(-Second, Second)),
            _ => TruthGenerator.StartAt + _random.NextInt64(_recipe.Duration),
        };
    }

    private List<FeedItem> ToFeed(IEnumerable<(Arrival Arrival, int Connection)> arrivals)
    {
        var feed = new List<FeedItem>();
        var openedAt = new Dictionary<(int Market, long Epoch), long>();
        var (lastStamp, record, cutAt, isReplaced) = (0L, (-1, -1), long.MaxValue, false);
        foreach (var (arrival, connection) in arrivals)
        {
            if (record != (connection, arrival.Record))
            {
                record = (connection, arrival.Record);
                lastStamp = Math.Max(lastStamp + 1, arrival.ArrivesAt + _skew);
            }

            arrival.ReceivedAt = lastStamp;
            if (arrival.Epoch is { Id: 0 } epoch)
            {
                epoch.Id = lastStamp;
            }

            if (arrival.SessionAt < _replacedAt)
            {
                cutAt = cutAt == long.MaxValue && _replacedAt != long.MaxValue ? _replacedAt + _skew - (_random.Next(2) == 0 ? 0 : _random.NextInt64(3 * Second)) : cutAt;
                if (lastStamp >= cutAt)
                {
                    continue; // Nobody read it before the store was gone.
                }
            }
            else if (!isReplaced)
            {
                isReplaced = _replacedAt != long.MaxValue;
                if (isReplaced)
                {
                    feed.Add(new FeedItem(FeedKind.Replaced, 0, 0, lastStamp, 0, 0, "replaced"));
                }
            }

            if (arrival.Kind == FeedKind.Acknowledgement)
            {
                continue;
            }

            var epochId = arrival.Epoch!.Id;
            if (arrival.Kind == FeedKind.Snapshot)
            {
                openedAt.TryAdd((arrival.Market, epochId), lastStamp);
            }

            var coveredTo = 0L;
            if (arrival.Kind == FeedKind.CoverageEnded)
            {
                openedAt.Remove((arrival.Market, epochId), out var opened);
                coveredTo = Math.Max(opened, arrival.CoveredTo?.ReceivedAt ?? arrival.CoveredToTime + _skew);
            }

            feed.Add(new FeedItem(arrival.Kind, arrival.Market, epochId, lastStamp, arrival.Position, coveredTo, arrival.Reason));
        }

        return feed;
    }
}
