namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>Lifecycle messages out of their fields: what they are about; the rest stays JSON, as the payload.</summary>
internal static class LifecycleFields
{
    private static readonly Field MarketTicker = new("market_lifecycle_v2", "market_ticker", MessageKey.MarketTicker);
    private static readonly Field MarketEventType = new("market_lifecycle_v2", "event_type", MessageKey.EventType);
    private static readonly Field ComboTicker = new("multivariate_market_lifecycle", "market_ticker", MessageKey.MarketTicker);
    private static readonly Field ComboEventType = new("multivariate_market_lifecycle", "event_type", MessageKey.EventType);
    private static readonly Field EventTicker = new("event_lifecycle", "event_ticker", MessageKey.EventTicker);
    private static readonly Field FeeTicker = new("event_fee_update", "event_ticker", MessageKey.EventTicker);

    public static bool ReadMarket(ref FieldReader fields, Message message, bool isCombo)
    {
        Stamp(ref fields, message);
        return fields.Text(isCombo ? ComboTicker : MarketTicker, ref message._ticker)
            && fields.Text(isCombo ? ComboEventType : MarketEventType, ref message._eventType)
            && fields.OptionalText(EventTicker, ref message._eventTicker);
    }

    public static bool ReadEvent(ref FieldReader fields, Message message, bool isFee)
    {
        Stamp(ref fields, message);
        return fields.Text(isFee ? FeeTicker : EventTicker, ref message._eventTicker);
    }

    private static void Stamp(ref FieldReader fields, Message message)
    {
        message.MarketId = fields.Uuid(MessageKey.MarketId);
        message.ExchangeAt = fields.ExchangeAt();
    }
}
