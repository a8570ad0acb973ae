using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>What an exchange is told once.</summary>
internal sealed record ExchangeSettings
{
    public ulong Seed { get; init; } = 1;

    /// <summary>Tickers in one command; more is error 26.</summary>
    public int TickersPerCommandMax { get; init; } = 5_000;

    /// <summary>Order-book markets of one session; more is error 26.</summary>
    public int BookMarketsMax { get; init; } = 500_000;

    /// <summary>Commands of one session in a second of the wall clock; more is error 27.</summary>
    public int CommandsPerSecondMax { get; init; } = 10_000;

    /// <summary>Trades kept for REST, newest last; older ones are forgotten.</summary>
    public int TradesMax { get; init; } = 2_000_000;

    /// <summary>Trades older than this (µs UTC) are served by /historical/trades only.</summary>
    public long HistoricalCutoff { get; init; }
}

/// <summary>
/// The exchange itself: markets, books, sessions, sids and seqs, what is produced and who receives it. Pure and
/// deterministic: no threads, sockets or clocks of its own; the same source and the same calls give the same frames.
/// In: an event source, commands of sessions. Out: frames on <see cref="IWire"/>s, the truth. Thread: one, its caller's.
/// Bound: markets, trades, sessions' queues (theirs). When full: error 26, the oldest trade is forgotten, error 25.
/// </summary>
internal sealed partial class SimulatedExchange
{
    private readonly ExchangeSettings _settings;
    private readonly ITruth? _truth;
    private readonly FaultPlan _faults;
    private readonly SubscriberSets _sets = new();
    private readonly List<SimulatedSession> _sessions = [];
    private readonly List<Subscription> _globals = [];
    private readonly SimulatedBook _scratchBook = new();
    private readonly WireText _msg = new();
    private readonly WireText _msgYesUnits = new();
    private readonly WireText _frame = new(64 << 10);
    private SeededRandom _positions;
    private int _lastSession;

    public SimulatedExchange(ExchangeSettings settings, FaultPlan? faults = null, ITruth? truth = null)
    {
        _settings = settings;
        _truth = truth;
        _faults = faults ?? FaultPlan.None;
        _positions = new SeededRandom(SeededRandom.Mix(settings.Seed, 77));
        Trades = new TradeHistory(settings.TradesMax);
        HistoricalCutoff = settings.HistoricalCutoff;
    }

    public MarketTable Markets { get; } = new();

    public TradeHistory Trades { get; }

    public long HistoricalCutoff { get; }

    /// <summary>Wall clock of the server, µs UTC, as the caller last said; what `sending_ts_ms` shows (plus a skew fault).</summary>
    public long Now { get; set; }

    /// <summary>Exchange time of the latest event, µs UTC: the stamp of what is produced on demand (snapshots).</summary>
    public long ExchangeAt { get; set; }

    public IReadOnlyList<SimulatedSession> Sessions => _sessions;

    public ExchangeCounters Counters { get; } = new();

    public FaultPlan Faults => _faults;

    /// <summary>How the initial book of a market that never moved looks; set by the source.</summary>
    public Action<SimulatedMarket, SimulatedBook>? BuildInitialBook { get; set; }

    public SimulatedSession Open(IWire wire)
    {
        var session = new SimulatedSession(++_lastSession, wire);
        _sessions.Add(session);
        Counters.Sessions++;
        _faults.Greet(session, this);
        return session;
    }

    public void Close(SimulatedSession session)
    {
        foreach (var subscription in session.Subscriptions.ToArray())
        {
            Detach(subscription);
        }

        _sessions.Remove(session);
    }

    public bool HasSubscription(Channel channel) => _globals.Exists(subscription => subscription.Channel == channel);

    /// <summary>The market's book, made now if it never moved.</summary>
    public SimulatedBook BookOf(SimulatedMarket market)
    {
        if (market.Book is null)
        {
            market.Book = new SimulatedBook();
            BuildInitialBook?.Invoke(market, market.Book);
        }

        return market.Book;
    }

    /// <summary>The market's book to look at: that of a market which never moved is built in a scratch book and not kept.</summary>
    public SimulatedBook Peek(SimulatedMarket market)
    {
        if (market.Book is { } book)
        {
            return book;
        }

        _scratchBook.Clear();
        BuildInitialBook?.Invoke(market, _scratchBook);
        return _scratchBook;
    }

    /// <summary>A change of one level. A level below zero would be a bug of the source and stops the simulator.</summary>
    public void Delta(SimulatedMarket market, Side side, int price, long delta, long at)
    {
        if (!BookOf(market).TryApply(side, price, delta))
        {
            throw new InvalidOperationException($"The simulated book of market {market.Index} would go below zero: side {side}, price {price}, delta {delta}.");
        }

        ExchangeAt = at;
        Counters.Deltas++;
        _truth?.Delta(market.Ticker, at, side, price, delta);
        var subscribers = market.BookSubscribers;
        if (subscribers.Length > 0)
        {
            PublishDelta(subscribers, market, side, price, delta, at);
        }
    }

    public void Trade(SimulatedMarket market, in SimulatedTrade trade)
    {
        var book = BookOf(market);
        book.LastPrice = trade.YesPrice;
        book.LastTradeSize = trade.Count;
        book.Volume += trade.Count;
        book.OpenInterest += trade.TakerYes ? trade.Count : -Math.Min(trade.Count, book.OpenInterest);
        book.Turnover += (Int128)trade.Count * trade.YesPrice;
        ExchangeAt = trade.At;
        Counters.Trades++;
        Trades.Add(trade);
        _truth?.Trade(market.Ticker, trade);
        if (_globals.Count > 0)
        {
            FrameEncoder.Trade(_msg.Clear(), market, trade);
            Publish(Channel.Trade, "trade"u8, market.Index, _msg, numbered: true);
        }
    }

    public void Ticker(SimulatedMarket market, long at)
    {
        var state = TickerOf(market, at);
        Counters.Tickers++;
        _truth?.Ticker(market.Ticker, state);
        if (_globals.Count > 0)
        {
            FrameEncoder.Ticker(_msg.Clear(), market, state);
            Publish(Channel.Ticker, "ticker"u8, market.Index, _msg, numbered: false);
        }
    }

    public SimulatedTicker TickerOf(SimulatedMarket market, long at)
    {
        var book = Peek(market);
        return new SimulatedTicker(at, book.LastPrice, book.BestYes.Price, book.YesAsk, book.BestYes.Quantity, book.BestNo.Quantity,
            book.LastTradeSize, book.Volume, book.OpenInterest, (long)(book.Turnover / 100_000_000), book.OpenInterest / 200);
    }

    /// <summary>
    /// A lifecycle frame about a market (combos on their own channel); `msg` is the complete object. The caller has changed
    /// the market already.
    /// </summary>
    public void MarketLifecycle(SimulatedMarket market, ReadOnlySpan<byte> eventType, WireText msg, long at)
    {
        ExchangeAt = at;
        Counters.Lifecycle++;
        var type = market.Event.IsCombo ? "multivariate_market_lifecycle"u8 : "market_lifecycle_v2"u8;
        _truth?.Lifecycle(type, eventType, market.Ticker, isEvent: false, at);
        Publish(market.Event.IsCombo ? Channel.MultivariateLifecycle : Channel.MarketLifecycle, type, market.Index, msg, numbered: true);
    }

    /// <summary>`event_lifecycle` or `event_fee_update`: they share the sid of market_lifecycle_v2.</summary>
    public void EventLifecycle(SimulatedEvent subject, ReadOnlySpan<byte> type, WireText msg, long at)
    {
        ExchangeAt = at;
        Counters.Lifecycle++;
        _truth?.Lifecycle(type, default, System.Text.Encoding.UTF8.GetBytes(subject.Ticker), isEvent: true, at);
        Publish(Channel.MarketLifecycle, type, -1, msg, numbered: true);
    }

    /// <summary>After the close: the book is cleared without deltas, and subscribers get the empty snapshot.</summary>
    public void ClearBook(SimulatedMarket market, long at)
    {
        BookOf(market).Clear();
        ExchangeAt = at;
        SnapshotToAll(market);
    }

    /// <summary>The book becomes what a recorded snapshot says, and subscribers get that snapshot.</summary>
    public void ReplaceBook(SimulatedMarket market, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no, long at)
    {
        var book = BookOf(market);
        book.Clear();
        foreach (var level in yes)
        {
            book.Append(Side.Yes, level);
        }

        foreach (var level in no)
        {
            book.Append(Side.No, level);
        }

        ExchangeAt = at;
        SnapshotToAll(market);
    }

    private void SnapshotToAll(SimulatedMarket market)
    {
        foreach (var subscriber in market.BookSubscribers)
        {
            SendSnapshot(subscriber, market, id: 0);
        }
    }
}
