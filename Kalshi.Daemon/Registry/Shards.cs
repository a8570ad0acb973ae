using Kalshi.Daemon.Exchange;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Registry;

/// <summary>
/// Spreads the wanted markets over book sockets: as many as `marketsPerConnection` asks for, at most `connectionsMax`, ranked
/// markets dealt round so that every socket gets its share of the busy ones. What does not fit is dormant.
///
/// In:        tickers by rank from the registry; Remove.
/// Out:       <see cref="BookShard"/>s, each started with `start` when first needed.
/// Thread:    any; guarded by one lock, called rarely.
/// Bound:     connectionsMax × marketsPerConnection markets with a stream.
/// When full: the market joins <see cref="Dormant"/>.
/// </summary>
internal sealed class Shards(int connectionsMax, int marketsPerConnection, Func<BookShard> create, Action<BookShard> start, ILogger log)
{
    private readonly Lock _lock = new();
    private readonly List<BookShard> _shards = [];
    private readonly Dictionary<string, BookShard> _home = [];
    private readonly LinkedList<string> _dormant = new();
    private readonly Dictionary<string, LinkedListNode<string>> _dormantNodes = [];
    private readonly LinkedList<string> _recency = new();
    private readonly Dictionary<string, LinkedListNode<string>> _recencyNodes = [];
    private int _turn;

    /// <summary>No shard had room at the last try, and none has lost a market since.</summary>
    private bool _full;

    /// <summary>Markets without a stream, and markets whose stream is accepted on a live session.</summary>
    public int DormantCount
    {
        get { lock (_lock) { return _dormant.Count; } }
    }

    public int Subscribed => All.Sum(shard => shard.Subscribed);

    public int Wanted => All.Sum(shard => shard.Count);

    public BookShard[] All
    {
        get { lock (_lock) { return [.. _shards]; } }
    }

    /// <summary>Gives every market a shard, the first ones first.</summary>
    public void Place(IReadOnlyList<string> ranked)
    {
        lock (_lock)
        {
            Grow(ranked.Count);
            foreach (var ticker in ranked)
            {
                if (!_home.ContainsKey(ticker) && !_dormantNodes.ContainsKey(ticker))
                {
                    PlaceOne(ticker);
                }
            }

        }

        PlaceRefused();
    }

    /// <summary>Finds another shard for markets that theirs could not take after all. Called once a second.</summary>
    public void PlaceRefused()
    {
        lock (_lock)
        {
            foreach (var shard in _shards.ToArray())
            {
                while (shard.Refused.TryDequeue(out var ticker))
                {
                    // It may have been removed, or placed again, since.
                    if (_home.TryGetValue(ticker, out var home) && home == shard)
                    {
                        _home.Remove(ticker);
                        ForgetRecency(ticker);
                        PlaceOne(ticker);
                    }
                }
            }
        }
    }

    public void Remove(string ticker)
    {
        lock (_lock)
        {
            if (_home.Remove(ticker, out var shard))
            {
                shard.Remove(ticker);
                ForgetRecency(ticker);
                _full = false;
            }
            else if (_dormantNodes.Remove(ticker, out var node))
            {
                _dormant.Remove(node);
            }

            Wake(null);
        }
    }

    /// <summary>
    /// A market has traded. A streamed one becomes the most recent; a dormant one gets a stream, in the place of the market that
    /// has traded least recently when there is no room. Called only while <see cref="DormantCount"/> is not 0.
    /// </summary>
    public void OnTrade(string ticker)
    {
        lock (_lock)
        {
            if (_recencyNodes.TryGetValue(ticker, out var node))
            {
                _recency.Remove(node);
                _recency.AddFirst(node);
            }
            else if (_dormantNodes.ContainsKey(ticker) && !Wake(ticker) && _recency.Last?.Value is { } quietest)
            {
                MakeDormant(quietest);
                Wake(ticker);
            }
        }
    }

    /// <summary>The next dormant markets of a fair rotation, for a REST sweep.</summary>
    public List<string> NextDormant(int count)
    {
        var next = new List<string>(count);
        lock (_lock)
        {
            for (var i = Math.Min(count, _dormant.Count); i > 0; i--)
            {
                var node = _dormant.First!;
                next.Add(node.Value);
                _dormant.RemoveFirst();
                _dormant.AddLast(node);
            }
        }

        return next;
    }

    private void PlaceOne(string ticker)
    {
        if (!_full && Deal(ticker) is { } shard)
        {
            _home[ticker] = shard;
            return;
        }

        if (!_full)
        {
            _full = true;
            log.ConnectionsSpent(_shards.Count, _home.Count);
            RankStreamed();
        }

        _dormantNodes[ticker] = _dormant.AddLast(ticker);
    }

    /// <summary>Moves one dormant market (the named one, or the first) to a shard with room.</summary>
    private bool Wake(string? ticker)
    {
        var name = ticker ?? _dormant.First?.Value;
        if (name is null || Deal(name) is not { } shard)
        {
            return false;
        }

        _dormantNodes.Remove(name, out var node);
        _dormant.Remove(node!);
        _home[name] = shard;
        _recencyNodes[name] = _recency.AddFirst(name);
        return true;
    }

    private void MakeDormant(string ticker)
    {
        if (_home.Remove(ticker, out var shard))
        {
            shard.Remove(ticker);
            ForgetRecency(ticker);
            _dormantNodes[ticker] = _dormant.AddLast(ticker);
        }
    }

    /// <summary>The order of streamed markets matters only once some have no stream; until then it costs nothing.</summary>
    private void RankStreamed()
    {
        foreach (var ticker in _home.Keys)
        {
            if (!_recencyNodes.ContainsKey(ticker))
            {
                _recencyNodes[ticker] = _recency.AddLast(ticker);
            }
        }
    }

    private void ForgetRecency(string ticker)
    {
        if (_recencyNodes.Remove(ticker, out var node))
        {
            _recency.Remove(node);
        }
    }

    /// <summary>The next shard in turn that has room takes the market.</summary>
    private BookShard? Deal(string ticker)
    {
        for (var tries = 0; tries < _shards.Count; tries++)
        {
            var shard = _shards[(_turn = (_turn + 1) % _shards.Count)];
            if (shard.Add(ticker))
            {
                return shard;
            }
        }

        Grow(1);
        return _shards.Count > 0 && _shards[^1].Add(ticker) ? _shards[^1] : null;
    }

    private void Grow(int markets)
    {
        var room = _shards.Sum(shard => Math.Max(0, shard.MarketsMax - shard.Count));
        while (room < markets && _shards.Count < connectionsMax)
        {
            var shard = create();
            _shards.Add(shard);
            room += marketsPerConnection;
            start(shard);
        }
    }
}
