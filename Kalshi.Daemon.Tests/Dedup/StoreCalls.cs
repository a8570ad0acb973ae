using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Store;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>What turns must tell of one store: its replay, put on a <see cref="TurnTape"/>.</summary>
internal sealed class StoreCalls : IReplaySink
{
    private readonly ProductionMarkets _markets = new();
    private readonly TurnTape _tape;

    private StoreCalls() => _tape = new TurnTape(market => market == 0 ? "-" : Encoding.UTF8.GetString(_markets.Ticker(market)));

    /// <param name="after">Leaves out what stands up to there.</param>
    public static List<string> Read(StoreDatabase database, long after = 0)
    {
        using var reader = StoreReader.Open(database);
        var calls = new StoreCalls();
        var faults = new StoreFaults();
        using var replay = new StoreReplay(reader, calls, faults, after);
        replay.FeedTo(long.MaxValue);
        Assert.That(faults.Texts, Is.Empty);
        return [.. calls._tape.Of(0)];
    }

    public void OnRow(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        var market = MarketOf(message.Ticker);
        switch (message.Type)
        {
            case FrameType.OrderbookDelta:
                _tape.OnChange(0, market, origin.EpochId, new MarketChange(message.ExchangeAt, origin.ReceivedAt, message.Side, message.Price, message.Delta));
                break;
            case FrameType.OrderbookSnapshot:
                _tape.OnSnapshot(0, market, origin.EpochId, origin.ReceivedAt, message.Yes, message.No);
                break;
            case FrameType.Trade:
                _tape.OnTrade(0, market, origin.ReceivedAt, message, isBackfilled: false);
                break;
            case FrameType.Ticker:
                _tape.OnTicker(0, market, origin.ReceivedAt, message);
                break;
            default:
                _tape.OnLifecycle(0, market, origin.ReceivedAt, message, frame);
                break;
        }
    }

    public void OnBackfilledTrade(in RowOrigin origin, Message message) => _tape.OnTrade(0, MarketOf(message.Ticker), origin.ReceivedAt, message, isBackfilled: true);

    public void OnRejected(in RowOrigin origin, Message message, string reason, ReadOnlySpan<byte> frame)
    {
        var market = MarketOf(message.Ticker);
        if (origin.EpochId != 0 && message.Type is not (FrameType.Subscribed or FrameType.Ok or FrameType.Unsubscribed or FrameType.Error))
        {
            _tape.OnBroken(0, market, origin.EpochId, origin.ReceivedAt, $"rejected: {reason}");
        }

        _tape.OnRejected(0, market, origin.ReceivedAt, message.Type, reason, frame);
    }

    public void OnCoverage(in Coverage coverage)
    {
        if (coverage is { Channel: "orderbook_delta", State: CoverageState.Whole })
        {
            _tape.OnCoverageEnded(0, MarketOf(Encoding.UTF8.GetBytes(coverage.Ticker)), coverage.EpochId, coverage.ToAt, 0, "some");
        }
    }

    public void OnObject(ObjectKind kind, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin) =>
        _tape.OnObject(0, kind, 0, receivedAt, item, payload, origin);

    public void OnUnknown(in RowOrigin origin, ReadOnlySpan<byte> frame)
    {
    }

    public void OnEpoch(Epoch epoch)
    {
    }

    public void OnRestPage(long receivedAt, RestPage page, ReadOnlySpan<byte> body)
    {
    }

    private int MarketOf(ReadOnlySpan<byte> ticker) => ticker.IsEmpty ? 0 : _markets.GetOrAdd(ticker, 0);
}
