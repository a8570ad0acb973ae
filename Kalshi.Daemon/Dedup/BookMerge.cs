using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// The books of all gatherers merged into one production: every change that at least one of them covered, once, in order.
/// In: <see cref="IBookInput"/>. Out: <see cref="IBookOutput"/>. Thread: one. Bound: some 110 bytes a quiet market, 240 while books of several gatherers wait, else see <see cref="MarketMerge"/>: recent
/// changes, runs without a place.
/// </summary>
internal sealed partial class BookMerge : IBookInput
{
    /// <summary>Markets that waited, looked at in one turn: all of a million are due at once when the books of all came at once.</summary>
    private const int DecidedMax = 20_000;

    /// <summary>Places that an empty queue keeps.</summary>
    private const int SpareMax = 4_096;

    private readonly MergeContext _context;
    private readonly RestingMarkets _resting;

    /// <summary>By id: a <see cref="MarketMerge"/>, or what <see cref="RestingMarkets"/> made of one that is quiet; null: not known.</summary>
    private object?[] _markets = new object?[1_024];

    /// <summary>Markets that wait, by the watermark at which to look again: some soon, others when time alone may have decided.</summary>
    private readonly Queue<(long DueAt, int Market)> _waiting = [];
    private readonly Queue<(long DueAt, int Market)> _waitingLonger = [];

    public BookMerge(MergeSettings settings, IBookOutput output, IBookRecall recall)
    {
        _context = new MergeContext(settings, output, recall);
        _resting = new RestingMarkets(_context);
    }

    public BookMergeCounters Counters => _context.Counters;

    public void OnSnapshot(int gatherer, int market, long epochId, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        _context.Reach[gatherer].OnRow(epochId, receivedAt);
        MarketOf(market).OnSnapshot(gatherer, epochId, receivedAt, yes, no);
    }

    public void OnChange(int gatherer, int market, long epochId, in MarketChange change)
    {
        _context.Counters.Changes++;
        _context.Reach[gatherer].OnRow(epochId, change.ReceivedAt);
        MarketOf(market).OnChange(gatherer, epochId, change);
    }

    public void OnCoverageEnded(int gatherer, int market, long epochId, long coveredTo, long receivedAt, string reason)
    {
        var ended = MarketOf(market);
        ended.OnCoverageEnded(gatherer, epochId, coveredTo, reason);
        LayToRest(ended);
    }

    public void OnBroken(int gatherer, int market, long epochId, long receivedAt, string reason)
    {
        if (market != 0)
        {
            Break(market, gatherer, epochId, reason);
            return;
        }

        BreakAll(gatherer, epochId, reason);
    }

    public void OnReplaced(int gatherer, long receivedAt) => BreakAll(gatherer, epochId: 0, "the gatherer's store was replaced");

    public void OnProgress(int gatherer, long receivedAt) => _context.Progress[gatherer] = Math.Max(_context.Progress[gatherer], receivedAt);

    public void OnPresence(int gatherer, bool isPresent)
    {
        _context.IsPresent[gatherer] = isPresent;
    }

    public bool OnTurn(long watermark)
    {
        _context.Watermark = Math.Max(_context.Watermark, watermark);
        for (var i = 0; i < _context.Touched.Count; i++)
        {
            _context.Unmark(_context.Touched[i], MarketMarks.Touched);
            Decide(_context.Touched[i]);
        }

        _context.Touched.Clear();

        var left = DecidedMax;
        var hasMore = DecideDue(_waiting, ref left) | DecideDue(_waitingLonger, ref left);
        Trim();
        _context.EndTurn(hasMore);
        return hasMore;
    }

    /// <summary>True when some of them are left.</summary>
    private bool DecideDue(Queue<(long DueAt, int Market)> waiting, ref int left)
    {
        for (var count = waiting.Count; count > 0 && waiting.Peek() is var next && next.DueAt <= _context.Watermark; count--)
        {
            if (left-- <= 0)
            {
                return true;
            }

            var id = waiting.Dequeue().Market;
            _context.Unmark(id, MarketMarks.Waiting);
            Decide(id);
        }

        if (waiting is { Count: 0, Capacity: > SpareMax })
        {
            waiting.TrimExcess();
        }

        return false;
    }

    private void Decide(int id)
    {
        var market = MarketOf(id);
        if (market.Decide() && _context.TryMark(id, MarketMarks.Waiting))
        {
            var margin = _context.Settings.Margin;
            var (waiting, after) = market.WaitsForTimeAlone ? (_waitingLonger, margin) : (_waiting, margin / 8);
            waiting.Enqueue((_context.Watermark + after, id));
        }

        LayToRest(market);
    }

    /// <summary>Whenever the market may have become quiet.</summary>
    private void LayToRest(MarketMerge market)
    {
        if (market.IsQuiet)
        {
            _markets[market.Id] = _resting.Pack(market);
        }
    }

    private void Trim()
    {
        var limit = _context.Watermark - (2 * _context.Settings.Margin);
        while (_context.Added.TryPeek(out var added) && added.AddedAt <= limit)
        {
            _context.Added.Dequeue();
            if (_markets[added.Market] is MarketMerge market)
            {
                market.Trim(limit);
                LayToRest(market);
            }
        }
    }

    /// <summary>Cold: looks at every market.</summary>
    private void BreakAll(int gatherer, long epochId, string reason)
    {
        for (var market = 1; market < _markets.Length; market++)
        {
            Break(market, gatherer, epochId, reason);
        }
    }

    private void Break(int id, int gatherer, long epochId, string reason)
    {
        ref var place = ref PlaceOf(id);
        var market = place is byte[] resting ? _resting.Unpack(id, resting) : place as MarketMerge;
        if (market is not null && market.OnBroken(gatherer, epochId, reason))
        {
            place = market;
            LayToRest(market);
        }
    }

    private MarketMerge MarketOf(int market)
    {
        ref var place = ref PlaceOf(market);
        if (place is MarketMerge awake)
        {
            return awake;
        }

        var made = place is byte[] resting ? _resting.Unpack(market, resting) : new MarketMerge(market, _context);
        place = made;
        return made;
    }

    private ref object? PlaceOf(int market)
    {
        if (market >= _markets.Length)
        {
            Array.Resize(ref _markets, Math.Max(market + 1, _markets.Length * 2));
        }

        return ref _markets[market];
    }
}
