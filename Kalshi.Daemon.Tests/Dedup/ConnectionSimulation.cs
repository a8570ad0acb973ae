namespace Kalshi.Daemon.Tests.Dedup;

internal enum ConnectionAction : byte
{
    Open,
    Subscribe,

    /// <summary>The answer to get_snapshot.</summary>
    Snapshot,
    Drop,
    Mute,
    Break,
    Reject,
    RejectUnreadable,
    LetGo,
    LetGoAccepted,
    Acknowledge,
}

/// <summary>What happens to a connection, or what it does, at a time of the exchange's clock. `Number`: frames to drop, µs until a break is known, number of the request, or when a command was sent.</summary>
internal readonly record struct ConnectionEvent(ConnectionAction Action, int Market, long Number, long DownFor, string Reason);

/// <summary>
/// One socket of a gatherer with its share of the markets: what arrives of the exchange's truth, and what becomes of epochs and coverage, as
/// <see cref="Kalshi.Daemon.Books.Replay"/> and <see cref="Kalshi.Daemon.Exchange.BookShard"/> do it. A drop shows with the next frame: it ends the epoch of all markets, whose snapshots are asked for
/// one by one; until then their changes come without a book.
/// </summary>
internal sealed class ConnectionSimulation(Recipe recipe, MarketTruth[] markets, Func<int, int, bool> isLost, Func<long, long> openableAt, Random random)
{
    private readonly PriorityQueue<ConnectionEvent, (long At, int Order)> _events = new();
    private readonly List<Arrival> _arrivals = [];
    private readonly Dictionary<int, Stream> _streams = markets.ToDictionary(market => market.Id, _ => new Stream());
    private int _order;
    private int _record;
    private long _now;
    private long _lastArrivalAt;
    private bool _isUp;
    private long _sessionAt;
    private ConnectionEpoch? _epoch;
    private Arrival? _lastFrame;
    private bool _hasLost;
    private long _toLose;
    private bool _rejectsUnreadable;
    private long _delayBase = random.NextInt64(recipe.DelayMax / 4);

    private sealed class Stream
    {
        public int Position;
        public bool IsSent;
        public bool IsCovered;
        public bool IsRejecting;
        public long Request;
        public bool IsWanted = true;
    }

    public void Plan(long at, ConnectionEvent planned) => _events.Enqueue(planned, (at, _order++));

    /// <summary>Lives through the truth and everything planned; a last number shows every loss.</summary>
    public List<Arrival> Run(long endAt)
    {
        foreach (var (at, market, index) in Happenings())
        {
            RunEvents(at);
            _now = at;
            Happen(market, index);
        }

        RunEvents(long.MaxValue);
        _now = Math.Max(_now + 1_000_000, endAt);
        _toLose = 0;
        Send(FeedKind.Acknowledgement, 0, 0);
        RunEvents(long.MaxValue);
        return _arrivals;
    }

    private IEnumerable<(long At, MarketTruth Market, int Index)> Happenings() => markets
        .SelectMany(market => market.Changes.Select((change, index) => (At: change.MadeAt, market, index))
            .Concat(market.IsCleared ? [(market.ClearedAt, market, -1)] : []))
        .OrderBy(happening => happening.At);

    private void RunEvents(long until)
    {
        while (_events.TryPeek(out _, out var due) && due.At <= until)
        {
            _now = Math.Max(_now, due.At);
            Do(_events.Dequeue());
        }
    }

    private void Happen(MarketTruth market, int index)
    {
        var stream = _streams[market.Id];
        stream.Position++;
        if (!_isUp || !stream.IsSent)
        {
            return;
        }

        if (index < 0)
        {
            Send(FeedKind.Snapshot, market.Id, market.Changes.Count + 1);
        }
        else
        {
            _toLose += isLost(market.Id, index) ? 1 : 0;
            Send(FeedKind.Change, market.Id, index);
        }
    }

    private void Do(ConnectionEvent what)
    {
        switch (what.Action)
        {
            case ConnectionAction.Open: Open(); break;
            case ConnectionAction.Break: Break(what); break;
            case ConnectionAction.Subscribe: Subscribe(what); break;
            case ConnectionAction.Snapshot: AnswerSnapshot(what); break;
            case ConnectionAction.Drop when _isUp: _toLose += what.Number; break;
            case ConnectionAction.Mute when _isUp: _toLose = int.MaxValue; break;
            case ConnectionAction.Reject: _streams[what.Market].IsRejecting = true; break;
            case ConnectionAction.RejectUnreadable: _rejectsUnreadable = true; break;
            case ConnectionAction.LetGo: LetGo(what); break;
            case ConnectionAction.LetGoAccepted: LetGoAccepted(what); break;
            case ConnectionAction.Acknowledge: Send(FeedKind.Acknowledgement, 0, 0); break;
        }
    }

    private void Open()
    {
        if (_isUp)
        {
            return;
        }

        if (openableAt(_now) is var at && at > _now)
        {
            Plan(at, new ConnectionEvent(ConnectionAction.Open, 0, 0, 0, ""));
            return;
        }

        (_isUp, _sessionAt, _epoch, _hasLost, _toLose) = (true, _now, null, false, 0);
        var pace = random.NextInt64(1_000, 300_000);
        var due = _now;
        foreach (var market in markets)
        {
            _streams[market.Id].IsSent = false;
            due += random.NextInt64(pace);
            Plan(Math.Max(due, market.AppearsAt + random.NextInt64(2_000_000)), new ConnectionEvent(ConnectionAction.Subscribe, market.Id, _sessionAt, 0, ""));
        }
    }

    /// <summary>The socket ends; that is known some time later, when it may be opened again.</summary>
    private void Break(ConnectionEvent what)
    {
        if (!_isUp)
        {
            return;
        }

        var arrivesAt = Math.Max(_lastArrivalAt, _now + what.Number);
        _record++;
        EndCoverage(arrivesAt, what.Reason);
        _lastArrivalAt = arrivesAt;
        (_isUp, _epoch, _rejectsUnreadable) = (false, null, false);
        foreach (var stream in _streams.Values)
        {
            (stream.IsSent, stream.Request) = (false, 0);
        }

        Plan(Math.Max(arrivesAt, _now + what.DownFor), new ConnectionEvent(ConnectionAction.Open, 0, 0, 0, ""));
    }

    private void Subscribe(ConnectionEvent what)
    {
        var stream = _streams[what.Market];
        if (_isUp && what.Number == _sessionAt && !stream.IsSent && stream.IsWanted)
        {
            stream.IsSent = true;
            Send(FeedKind.Snapshot, what.Market, stream.Position);
        }
    }

    private void AnswerSnapshot(ConnectionEvent what)
    {
        var stream = _streams[what.Market];
        if (_isUp && stream.IsSent && (what.Number == 0 || what.Number == stream.Request))
        {
            Send(FeedKind.Snapshot, what.Market, stream.Position);
        }
    }

    private void LetGo(ConnectionEvent what)
    {
        if (_isUp && _streams[what.Market].IsSent)
        {
            _streams[what.Market].IsWanted = false;
            Plan(_now + random.NextInt64(200_000), what with { Action = ConnectionAction.LetGoAccepted, Number = _now });
        }
    }

    /// <summary>The `ok`: coverage ended when the command was sent, though changes may have come until now.</summary>
    private void LetGoAccepted(ConnectionEvent what)
    {
        var stream = _streams[what.Market];
        stream.IsWanted = true;
        if (!_isUp || !stream.IsSent || !Send(FeedKind.Acknowledgement, 0, 0))
        {
            return;
        }

        stream.IsSent = false;
        AddEnd(what.Market, _lastFrame!.ArrivesAt, null, what.Number, "deleted");
        stream.IsCovered = false;
        if (random.NextDouble() < 0.7)
        {
            Plan(_now + random.NextInt64(recipe.Duration / 4), new ConnectionEvent(ConnectionAction.Subscribe, what.Market, _sessionAt, 0, ""));
        }
    }

    /// <summary>A numbered frame; false when it is lost or cannot be sent.</summary>
    private bool Send(FeedKind kind, int market, int position)
    {
        if (!_isUp)
        {
            return false;
        }

        if (_toLose > 0)
        {
            _toLose--;
            _hasLost = true;
            return false;
        }

        _lastArrivalAt = Math.Max(_lastArrivalAt, _now + Delay());
        _record++;
        if (_hasLost && _epoch is not null)
        {
            EndCoverage(_lastArrivalAt, "gap");
            _epoch = null;
        }

        var recovers = _hasLost;
        _hasLost = false;
        _epoch ??= new ConnectionEpoch();
        if (kind == FeedKind.Change && (_streams[market].IsRejecting || _rejectsUnreadable))
        {
            Reject(market);
        }
        else
        {
            _lastFrame = Add(kind, market, position);
            _streams.GetValueOrDefault(market)?.IsCovered |= kind == FeedKind.Snapshot;
        }

        if (recovers)
        {
            Recover();
        }

        return true;
    }

    private Arrival Add(FeedKind kind, int market, int position)
    {
        var arrival = new Arrival
        {
            Kind = kind,
            Market = market,
            Position = position,
            Epoch = _epoch,
            ArrivesAt = _lastArrivalAt,
            SessionAt = _sessionAt,
            Record = _record,
        };
        _arrivals.Add(arrival);
        return arrival;
    }

    /// <summary>The frame becomes no row: the market's coverage ends, or that of all when it does not say which one it is of.</summary>
    private void Reject(int market)
    {
        var concerned = _rejectsUnreadable ? _streams.Keys.Order().ToArray() : [market];
        var covered = concerned.Where(id => _streams[id].IsCovered).ToArray();
        var before = _lastFrame;
        var isBrokenFirst = random.Next(2) == 0;
        var broken = new Arrival
        {
            Kind = FeedKind.Broken,
            Market = _rejectsUnreadable ? 0 : market,
            Position = 0,
            Epoch = _epoch,
            ArrivesAt = _lastArrivalAt,
            SessionAt = _sessionAt,
            Record = _record,
            Reason = "rejected",
        };
        if (isBrokenFirst)
        {
            _arrivals.Add(broken);
        }

        foreach (var id in covered)
        {
            AddEnd(id, _lastArrivalAt, before, 0, "rejected");
            _streams[id].IsCovered = false;
        }

        if (!isBrokenFirst)
        {
            _arrivals.Add(broken);
        }

        _lastFrame = broken;
        _streams[market].IsRejecting = false;
        _rejectsUnreadable = false;
    }

    private void EndCoverage(long arrivesAt, string reason)
    {
        foreach (var market in _streams.Keys.Order().Where(id => _streams[id].IsCovered))
        {
            AddEnd(market, arrivesAt, _lastFrame, 0, reason);
            _streams[market].IsCovered = false;
        }
    }

    private void AddEnd(int market, long arrivesAt, Arrival? coveredTo, long coveredToTime, string reason) => _arrivals.Add(new Arrival
    {
        Kind = FeedKind.CoverageEnded,
        Market = market,
        Position = 0,
        Epoch = _epoch,
        ArrivesAt = arrivesAt,
        SessionAt = _sessionAt,
        Record = _record,
        CoveredTo = coveredTo,
        CoveredToTime = coveredToTime,
        Reason = reason,
    });

    /// <summary>get_snapshot for every market of the sid, one after another.</summary>
    private void Recover()
    {
        var pace = random.NextDouble() < 0.7 ? 100_000 : 10_000_000;
        var due = _now + random.NextInt64(100_000);
        foreach (var market in markets.OrderBy(_ => random.Next()).Where(market => _streams[market.Id].IsSent))
        {
            due += random.NextInt64(pace);
            _streams[market.Id].Request = ++_order;
            Plan(due, new ConnectionEvent(ConnectionAction.Snapshot, market.Id, _order, 0, ""));
        }
    }

    private long Delay()
    {
        var draw = random.NextDouble();
        _delayBase = draw < 0.001 ? random.NextInt64(recipe.DelayMax) : draw < 0.02 ? random.NextInt64(recipe.DelayMax / 10) : _delayBase;
        return Math.Min(recipe.DelayMax, _delayBase + random.NextInt64(2_000));
    }
}
