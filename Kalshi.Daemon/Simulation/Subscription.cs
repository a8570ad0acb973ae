namespace Kalshi.Daemon.Simulation;

/// <summary>The channels a market-data client may name. `Quiet` ones exist, are private and never speak here.</summary>
internal enum Channel : byte
{
    OrderbookDelta,
    Trade,
    Ticker,
    MarketLifecycle,
    MultivariateLifecycle,
    Quiet,
}

/// <summary>
/// One sid of one session: a channel, its markets (null = all), and the one `seq` that acks, errors, snapshots and data
/// share. Belongs to the exchange's thread.
/// </summary>
internal sealed class Subscription(SimulatedSession session, int sid, Channel channel, string channelName)
{
    private long _seq;

    public SimulatedSession Session { get; } = session;

    public int Sid { get; } = sid;

    public Channel Channel { get; } = channel;

    public string ChannelName { get; } = channelName;

    /// <summary>Known markets by index; null for a subscription to all markets.</summary>
    public HashSet<int>? Markets { get; set; }

    /// <summary>Tickers the exchange does not know, or knew and has settled: accepted, silent for ever.</summary>
    public HashSet<string> DeadTickers { get; } = [];

    public bool UseYesPrice { get; init; }

    public bool SkipTickerAck { get; set; }

    /// <summary>False after unsubscribe, error 10, error 25 or the end of the session.</summary>
    public bool IsOpen { get; set; } = true;

    public long NextSeq() => ++_seq;

    /// <summary>A fault: numbering begins again, as no real sid ever did.</summary>
    public void RestartSeq() => _seq = 0;

    public bool Covers(int market) => Markets is null || Markets.Contains(market);
}

/// <summary>
/// Subscriber sets are immutable arrays shared by all markets that have the same subscribers, so that a million markets do
/// not hold a million lists. The last step is remembered, because a command takes many markets through the same step.
/// </summary>
internal sealed class SubscriberSets
{
    private (Subscription[] From, Subscription Who, Subscription[] To) _added = ([], null!, []);
    private (Subscription[] From, Subscription Who, Subscription[] To) _removed = ([], null!, []);

    public Subscription[] Add(Subscription[] set, Subscription who)
    {
        if (!ReferenceEquals(_added.From, set) || !ReferenceEquals(_added.Who, who))
        {
            _added = (set, who, [.. set, who]);
        }

        return _added.To;
    }

    public Subscription[] Remove(Subscription[] set, Subscription who)
    {
        if (!ReferenceEquals(_removed.From, set) || !ReferenceEquals(_removed.Who, who))
        {
            _removed = (set, who, Array.FindAll(set, other => other != who));
        }

        return _removed.To.Length == 0 ? [] : _removed.To;
    }
}
