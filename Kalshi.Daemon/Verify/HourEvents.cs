namespace Kalshi.Daemon.Verify;

/// <summary>
/// Snapshots and rejected frames of an hour, held by market until the deltas around them come: they stand in tables of their
/// own, and a market's stream is all three in order of received_at.
/// </summary>
internal sealed class HourEvents
{
    private readonly Dictionary<MarketAudit, Waiting> _byMarket = [];
    private MarketAudit? _latest;
    private Waiting? _waiting;

    public void Add(MarketAudit market, long receivedAt, Action emit)
    {
        if (!_byMarket.TryGetValue(market, out var waiting))
        {
            _byMarket.Add(market, waiting = new Waiting());
        }

        waiting.Events.Add((receivedAt, emit));
        waiting.IsSorted = false;
    }

    /// <summary>Emits what the market received before a delta. Rows come sorted by ticker, so the market is looked up rarely.</summary>
    public void EmitBefore(MarketAudit market, long receivedAt)
    {
        if (!ReferenceEquals(market, _latest))
        {
            _latest = market;
            _waiting = _byMarket.GetValueOrDefault(market);
        }

        _waiting?.EmitBefore(receivedAt);
    }

    public void EmitRest()
    {
        foreach (var waiting in _byMarket.Values)
        {
            waiting.EmitBefore(long.MaxValue);
        }
    }

    private sealed class Waiting
    {
        public readonly List<(long ReceivedAt, Action Emit)> Events = [];
        public bool IsSorted;
        private int _next;

        public void EmitBefore(long receivedAt)
        {
            if (!IsSorted)
            {
                Events.Sort((a, b) => a.ReceivedAt.CompareTo(b.ReceivedAt));
                IsSorted = true;
            }

            for (; _next < Events.Count && Events[_next].ReceivedAt < receivedAt; _next++)
            {
                Events[_next].Emit();
            }
        }
    }
}
