using System.IO.Hashing;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// Every market, event and series of the exchange, and ticker → market. Open addressing over the tickers' bytes: a million
/// markets cost eight megabytes of index. Not thread-safe.
/// </summary>
internal sealed class MarketTable
{
    /// <summary>Bound of the whole simulator: the million of the specification, combos and what waves add.</summary>
    public const int MarketsMax = 2_000_000;

    private readonly List<SimulatedMarket> _markets = [];
    private int[] _slots = new int[1_024];

    public List<SimulatedEvent> Events { get; } = [];

    public List<SimulatedSeries> Series { get; } = [];

    public int Count => _markets.Count;

    public SimulatedMarket this[int index] => _markets[index];

    public void Reserve(int markets)
    {
        _markets.Capacity = Math.Max(_markets.Capacity, markets);
        while (_slots.Length < markets * 2)
        {
            Array.Resize(ref _slots, _slots.Length * 2);
        }

        Rehash();
    }

    /// <summary>False when the table is full or the ticker is taken.</summary>
    public bool TryAdd(SimulatedMarket market)
    {
        if (_markets.Count == MarketsMax || Find(market.Ticker) is not null)
        {
            return false;
        }

        _markets.Add(market);
        if (_markets.Count * 2 > _slots.Length)
        {
            _slots = new int[_slots.Length * 2];
            Rehash();
        }
        else
        {
            Place(market);
        }

        return true;
    }

    public SimulatedMarket? Find(ReadOnlySpan<byte> ticker)
    {
        var mask = _slots.Length - 1;
        for (var slot = (int)XxHash3.HashToUInt64(ticker) & mask; _slots[slot] != 0; slot = (slot + 1) & mask)
        {
            var market = _markets[_slots[slot] - 1];
            if (market.Ticker.AsSpan().SequenceEqual(ticker))
            {
                return market;
            }
        }

        return null;
    }

    private void Rehash()
    {
        _slots.AsSpan().Clear();
        foreach (var market in _markets)
        {
            Place(market);
        }
    }

    private void Place(SimulatedMarket market)
    {
        var mask = _slots.Length - 1;
        var slot = (int)XxHash3.HashToUInt64(market.Ticker) & mask;
        while (_slots[slot] != 0)
        {
            slot = (slot + 1) & mask;
        }

        _slots[slot] = market.Index + 1;
    }
}
