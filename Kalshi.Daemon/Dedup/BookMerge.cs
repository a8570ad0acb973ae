using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// The books of all gatherers merged into one production: every change that at least one of them covered, once, in order.
/// In: <see cref="IBookInput"/>. Out: <see cref="IBookOutput"/>. Thread: one. Bound: a small state a market, recent changes, runs without a place; see <see cref="MarketMerge"/>.
/// </summary>
internal sealed partial class BookMerge : IBookInput
{
    private readonly MergeContext _context;
    private MarketMerge?[] _markets = new MarketMerge?[1_024];

    /// <summary>Markets that wait, by the watermark at which to look again.</summary>
    private readonly Queue<(long DueAt, MarketMerge Market)> _waiting = [];

    public BookMerge(MergeSettings settings, IBookOutput output, IBookRecall recall)
    {
        _context = new MergeContext(settings, output, recall);
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

    public void OnCoverageEnded(int gatherer, int market, long epochId, long coveredTo, long receivedAt, string reason) =>
        MarketOf(market).OnCoverageEnded(gatherer, epochId, coveredTo, reason);

    public void OnBroken(int gatherer, int market, long epochId, long receivedAt, string reason)
    {
        if (market != 0)
        {
            MarketOf(market).OnBroken(gatherer, epochId, reason);
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

    public void OnTurn(long watermark)
    {
        _context.Watermark = Math.Max(_context.Watermark, watermark);
        for (var i = 0; i < _context.Touched.Count; i++)
        {
            Decide(_context.Touched[i]);
        }

        _context.Touched.Clear();

        for (var count = _waiting.Count; count > 0 && _waiting.TryPeek(out var next) && next.DueAt <= _context.Watermark; count--)
        {
            var market = _waiting.Dequeue().Market;
            market.IsWaiting = false;
            Decide(market);
        }

        Trim();
        _context.EndTurn();
    }

    private void Decide(MarketMerge market)
    {
        market.IsTouched = false;
        if (market.Decide() && !market.IsWaiting)
        {
            market.IsWaiting = true;
            _waiting.Enqueue((_context.Watermark + (_context.Settings.Margin / 8), market));
        }
    }

    private void Trim()
    {
        var limit = _context.Watermark - (2 * _context.Settings.Margin);
        while (_context.Added.TryPeek(out var added) && added.AddedAt <= limit)
        {
            _context.Added.Dequeue();
            _markets[added.Market]!.Trim(limit);
        }
    }

    /// <summary>Cold: looks at every market.</summary>
    private void BreakAll(int gatherer, long epochId, string reason)
    {
        foreach (var market in _markets)
        {
            market?.OnBroken(gatherer, epochId, reason);
        }
    }

    private MarketMerge MarketOf(int market)
    {
        if (market >= _markets.Length)
        {
            Array.Resize(ref _markets, Math.Max(market + 1, _markets.Length * 2));
        }

        return _markets[market] ??= new MarketMerge(market, _context);
    }
}
