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

    /// <summary>`multivariate_market_lifecycle`: market_lifecycle_v2 of combos, same shape, its own channel.</summary>
    MultivariateLifecycle,

    // Replies to our commands from here on: numbered, but no rows.
    Subscribed,
    Ok,
    Unsubscribed,
    Error,
}

/// <summary>The wire's names of <see cref="FrameType"/>.</summary>
internal static class FrameTypes
{
    public static FrameType Find(ReadOnlySpan<byte> name) => name.Length switch
    {
        2 when name.SequenceEqual("ok"u8) => FrameType.Ok,
        5 when name.SequenceEqual("trade"u8) => FrameType.Trade,
        5 when name.SequenceEqual("error"u8) => FrameType.Error,
        6 when name.SequenceEqual("ticker"u8) => FrameType.Ticker,
        10 when name.SequenceEqual("subscribed"u8) => FrameType.Subscribed,
        12 when name.SequenceEqual("unsubscribed"u8) => FrameType.Unsubscribed,
        15 when name.SequenceEqual("orderbook_delta"u8) => FrameType.OrderbookDelta,
        15 when name.SequenceEqual("event_lifecycle"u8) => FrameType.EventLifecycle,
        16 when name.SequenceEqual("market_lifecycle"u8) => FrameType.MarketLifecycle,
        16 when name.SequenceEqual("event_fee_update"u8) => FrameType.EventFeeUpdate,
        18 when name.SequenceEqual("orderbook_snapshot"u8) => FrameType.OrderbookSnapshot,
        19 when name.SequenceEqual("market_lifecycle_v2"u8) => FrameType.MarketLifecycle,
        29 when name.SequenceEqual("multivariate_market_lifecycle"u8) => FrameType.MultivariateLifecycle,
        _ => FrameType.Unknown,
    };

    /// <summary>The wire's name, of the current wire where there were several; "unknown" for <see cref="FrameType.Unknown"/>.</summary>
    public static string Name(FrameType type) => type switch
    {
        FrameType.OrderbookDelta => "orderbook_delta",
        FrameType.OrderbookSnapshot => "orderbook_snapshot",
        FrameType.Trade => "trade",
        FrameType.Ticker => "ticker",
        FrameType.MarketLifecycle => "market_lifecycle_v2",
        FrameType.EventLifecycle => "event_lifecycle",
        FrameType.EventFeeUpdate => "event_fee_update",
        FrameType.Subscribed => "subscribed",
        FrameType.Ok => "ok",
        FrameType.Unsubscribed => "unsubscribed",
        FrameType.Error => "error",
        FrameType.MultivariateLifecycle => "multivariate_market_lifecycle",
        _ => "unknown",
    };

    /// <summary>Types that make a row of lifecycle_events.</summary>
    public static bool IsLifecycle(FrameType type) =>
        type is FrameType.MarketLifecycle or FrameType.EventLifecycle or FrameType.EventFeeUpdate or FrameType.MultivariateLifecycle;
}
