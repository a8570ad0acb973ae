using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// What the gatherers' stores hold beside the books, in the manner of <see cref="IBookInput"/>: any interleaving of gatherers, each one's own
/// calls in the order of its received_at. `gatherer`: its index in the configuration, from 0; `market`: production's id, 0 when the row
/// names none; times in µs. A <see cref="Message"/> and a <see cref="RegistryObject"/> are reused between calls. One thread.
/// </summary>
internal interface IStreamInput
{
    /// <summary>A trade of the stream, or of a REST page (`isBackfilled`; then many have the same `receivedAt`). `trade.ExchangeAt` may be <see cref="Message.Absent"/>.</summary>
    void OnTrade(int gatherer, int market, long receivedAt, Message trade, bool isBackfilled);

    /// <summary>`ticker.ExchangeAt` may be <see cref="Message.Absent"/>.</summary>
    void OnTicker(int gatherer, int market, long receivedAt, Message ticker);

    /// <summary>Type, EventType and EventTicker are set in the message; `payload`: the frame's `msg` as received.</summary>
    void OnLifecycle(int gatherer, int market, long receivedAt, Message message, ReadOnlySpan<byte> payload);

    /// <summary>A frame that could not become a row. Comes beside <see cref="IBookInput.OnBroken"/>, which says what that means for the books.</summary>
    void OnRejected(int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame);

    /// <summary>A new version of a market (then `market` is its id), an event or a series, as the gatherer told it. `origin`: "rest" or "lifecycle".</summary>
    void OnObject(int gatherer, ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin);

    /// <summary>An interval of a channel that the gatherer subscribes to for all markets began, or more is known of it.</summary>
    void OnChannelCoverage(in ChannelCoverage coverage);

    /// <summary>The gatherer's store was replaced by one that begins anew: everything open ends.</summary>
    void OnReplaced(int gatherer, long receivedAt);

    /// <summary>Everything the gatherer received up to `receivedAt` has been told.</summary>
    void OnProgress(int gatherer, long receivedAt);

    /// <summary>Whether the others wait for the gatherer: false while it is unreachable or too far behind.</summary>
    void OnPresence(int gatherer, bool isPresent);

    /// <summary>End of a turn: everything up to `watermark` (µs) was told by every gatherer that is present.</summary>
    void OnTurn(long watermark);
}
