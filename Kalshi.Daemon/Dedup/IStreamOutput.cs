using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// What the merges of the streams decide, to be written to production in this order, all of a turn in one transaction. Every call is one new row, but for
/// <see cref="OnChannelCoverage"/>, and for the present state that a newest <see cref="OnObject"/> replaces. `market` 0: none. Messages are reused. One thread.
/// </summary>
internal interface IStreamOutput
{
    /// <summary>`exchangeAt`: the trade's stamp, or `receivedAt` when it has none; `message.ExchangeAt` does not count. The gatherer that told it first says `receivedAt` and `isBackfilled`.</summary>
    void OnTrade(int market, long exchangeAt, long receivedAt, Message trade, bool isBackfilled);

    /// <summary>`exchangeAt`: as in <see cref="OnTrade"/>.</summary>
    void OnTicker(int market, long exchangeAt, long receivedAt, Message ticker);

    void OnLifecycle(int market, long receivedAt, Message message, ReadOnlySpan<byte> payload);

    void OnRejected(int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame);

    /// <summary>
    /// The object changed at `receivedAt`: a row of its history. `isNewest`: also what is known of it now; otherwise it came late and later versions are known.
    /// </summary>
    void OnObject(ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin, bool isNewest);

    /// <summary>Replaces the earlier row of the same (Gatherer, Channel, FromAt, EpochId); one with ToAt = FromAt and state `Gap` is to be removed.</summary>
    void OnChannelCoverage(in ChannelCoverage coverage);
}
