using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// A made-up exchange that behaves like the real one where it matters to a recorder: activity by Zipf's law, seconds that
/// are several times the mean, bursts before a close, waves of new markets, fractional sizes, sub-cent grids, a quarter of
/// the deltas stamped like the one before, rare exact duplicates, combos. The content depends on the settings only; the
/// stamps start at the given time. Thread: the exchange's. Bound: <see cref="MarketTable.MarketsMax"/>, then waves stop.
/// </summary>
internal sealed partial class SeededSource : IEventSource
{
    /// <summary>Messages per second of exchange time when the rate is "max".</summary>
    private const long FullSpeedRate = 1_000_000;

    private readonly SeededSettings _settings;
    private readonly WireText _text = new();
    private readonly PriorityQueue<Timed, (long At, long Order)> _timed = new();
    private int[] _open = [];
    private int[] _slotOf = [];
    private int _openCount;
    private readonly List<int> _combos = [];
    private SeededRandom _random;
    private long _startAt;
    private long _second = -1;
    private long _inSecond;
    private long _done;
    private long _produced;
    private long _timedOrder;
    private long _nextMessageAt;
    private double _burstFactor = 1;
    private long _burstUntil;

    public SeededSource(SeededSettings settings)
    {
        _settings = settings;
        _random = new SeededRandom(SeededRandom.Mix(settings.Seed, 1));
    }

    public long NextAt
    {
        get
        {
            var next = _nextMessageAt;
            if (_timed.TryPeek(out _, out var due))
            {
                next = Math.Min(next, due.At);
            }

            return next > _settings.DurationMicros || _produced >= _settings.FramesMax ? long.MaxValue : next;
        }
    }

    /// <summary>Stamps follow the clock from here on, unless the settings pin them.</summary>
    public void Begin(SimulatedExchange exchange, long now)
    {
        if (!_settings.PinStamps)
        {
            _startAt = now;
        }
    }

    public bool IsWatched(SimulatedExchange exchange)
    {
        for (var i = 0; i < _openCount; i++)
        {
            if (exchange.Markets[_open[i]].BookSubscribers.Length == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Takes hold within the current second, without stepping back in time; whole seconds follow.</summary>
    public void Burst(double factor, long until)
    {
        (_burstFactor, _burstUntil) = (factor, until);
        if (_nextMessageAt < long.MaxValue)
        {
            var into = _nextMessageAt - (_second * Micros.PerSecond);
            _inSecond = MessagesIn(_second);
            _done = ((into * _inSecond) + Micros.PerSecond - 1) / Micros.PerSecond;
            FindNextMessage();
        }
    }

    public void Step(SimulatedExchange exchange)
    {
        if (_timed.TryPeek(out var timed, out var due) && due.At <= _nextMessageAt)
        {
            _timed.Dequeue();
            Carry(exchange, timed, due.At);
            return;
        }

        var before = exchange.Counters.Produced;
        if (PickMarket(exchange, _nextMessageAt) is { } market)
        {
            Act(exchange, market, _startAt + _nextMessageAt);
        }

        // A pick that found nothing to do still uses up its place, so that time goes on.
        var produced = exchange.Counters.Produced - before;
        _produced += produced;
        _done += Math.Max(1, produced);
        FindNextMessage();
    }

    private void FindNextMessage()
    {
        while (_done >= _inSecond)
        {
            _second++;
            _done = 0;
            _inSecond = MessagesIn(_second);
            if (_second * Micros.PerSecond > _settings.DurationMicros)
            {
                _nextMessageAt = long.MaxValue;
                return;
            }
        }

        _nextMessageAt = (_second * Micros.PerSecond) + (_done * Micros.PerSecond / _inSecond);
    }

    /// <summary>Nine seconds of ten are calm, one is five times as busy: the mean is the rate. More before a wave closes.</summary>
    private long MessagesIn(long second)
    {
        if (_settings.Rate == 0)
        {
            return FullSpeedRate;
        }

        var random = new SeededRandom(SeededRandom.Mix(_settings.Seed ^ 0xB0057, (ulong)second));
        var busy = SeededRandom.Mix(_settings.Seed ^ 0xB57, (ulong)(second / 10)) % 10;
        var factor = ((ulong)(second % 10) == busy ? 3.7 : 0.7) * (0.8 + (0.4 * random.Fraction()));
        if (second * Micros.PerSecond < _burstUntil)
        {
            factor *= _burstFactor;
        }

        // A rate below one a second still produces: the fraction is carried by chance.
        var exact = _settings.Rate * factor;
        return (long)exact + (random.Chance(exact - Math.Floor(exact)) ? 1 : 0);
    }

    private SimulatedMarket? PickMarket(SimulatedExchange exchange, long offset)
    {
        for (var attempt = 0; attempt < 4 && _openCount > 0; attempt++)
        {
            var market = exchange.Markets[PickIndex(offset)];
            if (market.Status == MarketStatus.Active)
            {
                return market;
            }
        }

        return null;
    }

    /// <summary>Log-uniform rank: the n-th busiest market gets a share of about 1/n.</summary>
    private int PickIndex(long offset)
    {
        if (_combos.Count > 0 && _random.Chance(0.02))
        {
            return _combos[_random.Below(_combos.Count)];
        }

        if (_closing.Count > 0 && offset > _closingAt - BurstBeforeClose && _random.Chance(0.4))
        {
            return _closing[_random.Below(_closing.Count)];
        }

        var rank = (int)Math.Exp(_random.Fraction() * Math.Log(_openCount + 1)) - 1;
        return _open[Math.Clamp(rank, 0, _openCount - 1)];
    }

    private long BurstBeforeClose => Math.Min(10 * Micros.PerSecond, _settings.WaveMicros / 20);

    private readonly record struct Timed(TimedKind Kind, int Wave, int Market = -1);

    private enum TimedKind : byte
    {
        CreateWave,
        OpenWave,
        CloseWave,
        ClearWave,
        DetermineWave,
        SettleWave,
        Pause,
        Resume,
        News,
    }

    private void At(long offset, Timed timed) => _timed.Enqueue(timed, (offset, _timedOrder++));
}
