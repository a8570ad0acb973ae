using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// A replay's rows into an <see cref="Audit"/>. Allocates nothing per row without a truth. `isStored`: trades are one row a trade_id, as
/// stores keep them.
/// </summary>
internal sealed class AuditSink(Audit audit, bool isStored = false) : IReplaySink
{
    public void OnRow(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        switch (message.Type)
        {
            case FrameType.OrderbookDelta:
                audit.OnDelta(audit.Market(message.Ticker), Key(origin), message.ExchangeAt, message.Side, message.Price, message.Delta);
                break;
            case FrameType.OrderbookSnapshot:
                audit.OnSnapshot(audit.Market(message.Ticker), Key(origin), message.Yes, message.No);
                break;
            case FrameType.Trade:
                OnTrade(origin, message);
                break;
            case FrameType.Ticker:
                OnTicker(message);
                break;
            default:
                audit.OnLifecycle(RowHash.Lifecycle(TypeName(message.Type), message.EventType, Subject(message)), origin.EpochId, origin.ReceivedAt);
                break;
        }
    }

    public void OnBackfilledTrade(in RowOrigin origin, Message message) => OnTrade(origin, message);

    public void OnRejected(in RowOrigin origin, Message message, string reason, ReadOnlySpan<byte> frame) =>
        audit.OnRejected(message.Ticker.IsEmpty ? null : audit.Market(message.Ticker), message.Type, origin.EpochId, origin.ReceivedAt, reason);

    public void OnUnknown(in RowOrigin origin, ReadOnlySpan<byte> frame) => audit.UnknownFrames++;

    public void OnEpoch(Epoch epoch) => audit.OnEpoch(epoch);

    public void OnCoverage(in Coverage coverage) => audit.OnCoverage(coverage);

    public void OnRestPage(long receivedAt, RestPage page, ReadOnlySpan<byte> body)
    {
        // The registry's pages are no part of the stream.
    }

    private void OnTrade(in RowOrigin origin, Message message) => audit.OnTrade(
        message.Ticker,
        message.TradeId,
        new TradeValues(message.ExchangeAt, message.YesPrice, message.NoPrice, message.Count, message.TakerSide, message.TakerBookSide, message.IsBlockTrade == 1),
        origin.EpochId,
        origin.ReceivedAt,
        isStored);

    public void OnKnownTrade(in RowOrigin origin) => audit.Epoch(origin.EpochId).TradesElsewhere++;

    private void OnTicker(Message message) => audit.OnTicker(RowHash.Ticker(message.Ticker, message));

    private static RowKey Key(in RowOrigin origin) => new(origin.EpochId, origin.Seq, origin.ReceivedAt);

    public static ReadOnlySpan<byte> TypeName(FrameType type) => type switch
    {
        FrameType.MultivariateLifecycle => "multivariate_market_lifecycle"u8,
        FrameType.EventLifecycle => "event_lifecycle"u8,
        FrameType.EventFeeUpdate => "event_fee_update"u8,
        _ => "market_lifecycle_v2"u8,
    };

    private static ReadOnlySpan<byte> Subject(Message message) =>
        message.Type is FrameType.EventLifecycle or FrameType.EventFeeUpdate ? message.EventTicker : message.Ticker;
}
