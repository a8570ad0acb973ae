namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>What a frame says it is. The wire's `type` strings; anything else is <see cref="Unknown"/> and harmless.</summary>
internal enum FrameType : byte
{
    Unknown,
    OrderbookDelta,
    OrderbookSnapshot,
    Trade,
    Ticker,
    MarketLifecycle,
    EventLifecycle,
    EventFeeUpdate,
    Subscribed,
    Ok,
    Unsubscribed,
    Error,
}

/// <summary>
/// All that capture reads of a frame. 0 stands for absent: the exchange numbers sids, seqs and command ids from 1.
/// `IsJson` is false when the bytes are not one JSON object; such a frame is still journalled.
/// </summary>
internal readonly record struct FrameHead(FrameType Type, int Sid, long Seq, long Id, bool IsJson);
