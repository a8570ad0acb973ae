namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// Replies to our commands out of their fields. Nothing in them is required: what a reply fails to say, the state of its
/// subscription does not learn, and the next frame tells.
/// </summary>
internal static class ReplyFields
{
    private static readonly Field Channel = new("subscribed", "channel", MessageKey.Channel);
    private static readonly Field Sid = new("subscribed", "sid", MessageKey.Sid);
    private static readonly Field Code = new("error", "code", MessageKey.Code);
    private static readonly Field Text = new("error", "msg", MessageKey.Msg);
    private static readonly Field Ticker = new("error", "market_ticker", MessageKey.MarketTicker);

    /// <summary>The sid stands inside `msg` here, and nowhere else.</summary>
    public static bool ReadSubscribed(ref FieldReader fields, Message message)
    {
        if (!fields.OptionalText(Channel, ref message._channel) || !fields.Whole(Sid, out var sid))
        {
            return false;
        }

        message.Sid = message.Sid == 0 && sid is > 0 and <= int.MaxValue ? (int)sid : message.Sid;
        return true;
    }

    public static bool ReadError(ref FieldReader fields, Message message)
    {
        if (!fields.Whole(Code, out var code) || !fields.OptionalText(Text, ref message._errorText)
            || !fields.OptionalText(Ticker, ref message._ticker))
        {
            return false;
        }

        message.ErrorCode = code is > 0 and <= int.MaxValue ? (int)code : 0;
        return true;
    }
}
