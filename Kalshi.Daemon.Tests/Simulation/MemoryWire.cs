using System.Text;
using Kalshi.Daemon.Simulation;

namespace Kalshi.Daemon.Tests.Simulation;

/// <summary>A session's frames in a list, for driving the exchange without sockets.</summary>
internal sealed class MemoryWire(int framesMax = int.MaxValue) : IWire
{
    public List<string> Frames { get; } = [];

    public List<WireDisturbance> Disturbances { get; } = [];

    public bool TrySend(ReadOnlySpan<byte> frame)
    {
        if (Frames.Count >= framesMax)
        {
            return false;
        }

        Frames.Add(Encoding.UTF8.GetString(frame));
        return true;
    }

    public void SendUrgent(ReadOnlySpan<byte> frame) => Frames.Add(Encoding.UTF8.GetString(frame));

    public void Disturb(in WireDisturbance disturbance) => Disturbances.Add(disturbance);
}

/// <summary>A seeded exchange in memory, its truth, and one session that watches everything.</summary>
internal sealed class MemoryExchange
{
    public const long StartAt = 1_795_000_000_000_000;

    public MemoryExchange(SeededSettings settings, FaultPlan? faults = null, MemoryWire? wire = null, bool useYesPrice = false)
    {
        Truth = new MemoryTruth();
        Wire = wire ?? new MemoryWire();
        Exchange = new SimulatedExchange(new ExchangeSettings { Seed = settings.Seed, TickersPerCommandMax = 1_000_000 }, faults, Truth) { Now = StartAt };
        Source = new SeededSource(settings);
        Source.Populate(Exchange, StartAt);
        Stream = new ExchangeStream(Exchange, Source);
        Session = Watch(Wire, useYesPrice);
    }

    /// <summary>One more session that watches everything.</summary>
    public SimulatedSession Watch(MemoryWire wire, bool useYesPrice = false)
    {
        var session = Exchange.Open(wire);
        var tickers = string.Join("\",\"", Enumerable.Range(0, Exchange.Markets.Count).Where(i => !Exchange.Markets[i].IsOver)
            .Select(i => Encoding.UTF8.GetString(Exchange.Markets[i].Ticker)));
        var flag = useYesPrice ? "true" : "false";
        Receive($$"""{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["{{tickers}}"],"skip_ticker_ack":true,"use_yes_price":{{flag}} } }""");
        Receive("""{"id":2,"cmd":"subscribe","params":{"channels":["trade","ticker","market_lifecycle_v2","multivariate_market_lifecycle"]}}""");
        return session;

        void Receive(string text) => Exchange.Receive(session, Encoding.UTF8.GetBytes(text));
    }

    public SimulatedExchange Exchange { get; }

    public SeededSource Source { get; }

    public ExchangeStream Stream { get; }

    public SimulatedSession Session { get; }

    public MemoryWire Wire { get; }

    public MemoryTruth Truth { get; }

    public void Command(string text) => Exchange.Receive(Session, Encoding.UTF8.GetBytes(text));

    public void RunToEnd()
    {
        while (!Stream.IsOver)
        {
            Stream.Advance(long.MaxValue - 1, 10_000);
        }
    }
}

/// <summary>The truth's lines in memory.</summary>
internal sealed class MemoryTruth : ITruth
{
    public List<(string Ticker, long At, Kalshi.Daemon.Exchange.Protocol.Side Side, int Price, long Change)> Deltas { get; } = [];

    public List<(string Ticker, SimulatedTrade Trade)> Trades { get; } = [];

    public List<(string Ticker, SimulatedTicker State)> Tickers { get; } = [];

    public List<(string Type, string EventType, string Ticker)> Lifecycle { get; } = [];

    public List<(string Ticker, Kalshi.Daemon.Exchange.Protocol.Level[] Yes, Kalshi.Daemon.Exchange.Protocol.Level[] No)> Snapshots { get; } = [];

    public void Delta(ReadOnlySpan<byte> ticker, long at, Kalshi.Daemon.Exchange.Protocol.Side side, int price, long delta) =>
        Deltas.Add((Encoding.UTF8.GetString(ticker), at, side, price, delta));

    public void Trade(ReadOnlySpan<byte> ticker, in SimulatedTrade trade) => Trades.Add((Encoding.UTF8.GetString(ticker), trade));

    public void Ticker(ReadOnlySpan<byte> ticker, in SimulatedTicker state) => Tickers.Add((Encoding.UTF8.GetString(ticker), state));

    void ITruth.Lifecycle(ReadOnlySpan<byte> type, ReadOnlySpan<byte> eventType, ReadOnlySpan<byte> ticker, bool isEvent, long at) =>
        Lifecycle.Add((Encoding.UTF8.GetString(type), Encoding.UTF8.GetString(eventType), Encoding.UTF8.GetString(ticker)));

    public void Snapshot(ReadOnlySpan<byte> ticker, long at, ReadOnlySpan<Kalshi.Daemon.Exchange.Protocol.Level> yes, ReadOnlySpan<Kalshi.Daemon.Exchange.Protocol.Level> no) =>
        Snapshots.Add((Encoding.UTF8.GetString(ticker), yes.ToArray(), no.ToArray()));

    public void Flush()
    {
        // Nothing is buffered.
    }
}
