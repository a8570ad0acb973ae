using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Dedup;

/// <summary>Rows of production → keys and times, as the merge that forgot them had them.</summary>
internal sealed class RecalledRows(Action<ulong, long> restore) : IStreamOutput
{
    private readonly ObjectContent _content = new();

    public void OnTrade(int market, long exchangeAt, long receivedAt, Message trade, bool isBackfilled) => restore(TradeMerge.KeyOf(trade), exchangeAt);

    public void OnTicker(int market, long exchangeAt, long receivedAt, Message ticker)
    {
        restore(TickerMerge.KeyOf(market, ticker, isStamped: true), exchangeAt);
        if (exchangeAt == receivedAt)
        {
            // One that had no stamp stands at the time it was received.
            restore(TickerMerge.KeyOf(market, ticker, isStamped: false), exchangeAt);
        }
    }

    public void OnLifecycle(int market, long receivedAt, Message message, ReadOnlySpan<byte> payload) =>
        restore(LifecycleMerge.KeyOf(market, message, payload), receivedAt);

    public void OnObject(
        ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin, bool isNewest) =>
        restore(_content.HashOf(payload), receivedAt);

    public void OnRejected(int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame)
    {
    }

    public void OnChannelCoverage(in ChannelCoverage coverage)
    {
    }
}
