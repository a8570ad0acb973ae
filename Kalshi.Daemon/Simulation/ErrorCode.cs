namespace Kalshi.Daemon.Simulation;

/// <summary>The WebSocket errors a market-data client can meet, with the exchange's numbers.</summary>
internal enum ErrorCode
{
    UnableToProcess = 1,
    ParamsRequired = 2,
    ChannelsRequired = 3,
    SidsRequired = 4,
    UnknownCommand = 5,
    UnknownSid = 7,
    UnknownChannel = 8,
    AuthenticationRequired = 9,
    ChannelError = 10,
    InvalidParameter = 11,
    ExactlyOneSid = 12,
    UnsupportedAction = 13,
    MarketTickerRequired = 14,
    ActionRequired = 15,
    CommandTimeout = 18,
    BufferOverflow = 25,
    MarketLimitExceeded = 26,
    TooManyRequests = 27,
}

internal static class ErrorCodes
{
    public static string Sentence(this ErrorCode code) => code switch
    {
        ErrorCode.UnableToProcess => "Unable to process message",
        ErrorCode.ParamsRequired => "Params required",
        ErrorCode.ChannelsRequired => "Channels required",
        ErrorCode.SidsRequired => "Subscription IDs required",
        ErrorCode.UnknownCommand => "Unknown command",
        ErrorCode.UnknownSid => "Unknown subscription ID",
        ErrorCode.UnknownChannel => "Unknown channel name",
        ErrorCode.AuthenticationRequired => "Authentication required",
        ErrorCode.ChannelError => "Channel error",
        ErrorCode.InvalidParameter => "Invalid parameter",
        ErrorCode.ExactlyOneSid => "Exactly one subscription ID is required",
        ErrorCode.UnsupportedAction => "Unsupported action",
        ErrorCode.MarketTickerRequired => "Market Ticker required",
        ErrorCode.ActionRequired => "Action required",
        ErrorCode.CommandTimeout => "Command timeout",
        ErrorCode.BufferOverflow => "Subscription buffer overflow",
        ErrorCode.MarketLimitExceeded => "Subscription market limit exceeded",
        ErrorCode.TooManyRequests => "Too many requests",
        _ => "Channel error",
    };
}
