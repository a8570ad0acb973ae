namespace Kalshi.Daemon.Simulation;

/// <summary>What the exchange did, for the summary at exit and for tests. Written by the exchange's thread; read when it rests.</summary>
internal sealed class ExchangeCounters
{
    /// <summary>Produced, whether or not anyone was there.</summary>
    public long Deltas;
    public long Trades;
    public long Tickers;
    public long Lifecycle;

    /// <summary>Put on sessions' streams.</summary>
    public long Snapshots;
    public long FramesSent;
    public long BytesSent;

    /// <summary>Sids ended by error 25 because their connection's queue was full.</summary>
    public long Overflows;
    public long Sessions;
    public long Commands;
    public long CommandErrors;

    public long Produced => Deltas + Trades + Tickers + Lifecycle;
}

/// <summary>The trades REST serves, oldest first; when full the oldest is forgotten. Belongs to the exchange's thread.</summary>
internal sealed class TradeHistory(int max)
{
    private SimulatedTrade[] _trades = new SimulatedTrade[Math.Min(max, 1_024)];

    /// <summary>Trades ever added; the n-th (from 0) is held while n ≥ <see cref="First"/>.</summary>
    public long Count { get; private set; }

    public long First => Math.Max(0, Count - max);

    public ref readonly SimulatedTrade this[long number] => ref _trades[number % _trades.Length];

    public void Add(in SimulatedTrade trade)
    {
        if (Count == _trades.Length && _trades.Length < max)
        {
            Array.Resize(ref _trades, (int)Math.Min(max, _trades.Length * 2L));
        }

        _trades[Count % _trades.Length] = trade;
        Count++;
    }
}
