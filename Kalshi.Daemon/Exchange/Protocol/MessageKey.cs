namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>Keys of `msg` (and of REST trades) that the decoder reads, old names and new.</summary>
internal enum MessageKey : byte
{
    Unknown,

    /// <summary>A key we know and leave in the payload.</summary>
    Ignored,
    MarketTicker,
    MarketId,
    PriceDollars,
    Price,
    DeltaFp,
    Delta,
    Side,
    Ts,
    TsMs,
    Time,
    YesDollarsFp,
    NoDollarsFp,
    YesDollars,
    NoDollars,
    Yes,
    No,
    TradeId,
    YesPriceDollars,
    NoPriceDollars,
    YesPrice,
    NoPrice,
    CountFp,
    Count,
    TakerSide,
    TakerOutcomeSide,
    TakerBookSide,
    IsBlockTrade,
    YesBidDollars,
    YesAskDollars,
    YesBid,
    YesAsk,
    VolumeFp,
    Volume,
    OpenInterestFp,
    OpenInterest,
    DollarVolume,
    DollarOpenInterest,
    YesBidSizeFp,
    YesAskSizeFp,
    LastTradeSizeFp,
    EventType,
    EventTicker,
    Channel,
    Sid,
    Code,
    Msg,
    Ticker,
    CreatedTime,
    /// <summary>Not a key: how many there are.</summary>
    End,
}

/// <summary>The wire's names of <see cref="MessageKey"/>.</summary>
internal static class MessageKeys
{
    /// <summary>One more than the highest key.</summary>
    public const int CountMax = (int)MessageKey.End;

    public static MessageKey Find(ReadOnlySpan<byte> name)
    {
        var key = FindRead(name);
        return key == MessageKey.Unknown && IsIgnored(name) ? MessageKey.Ignored : key;
    }

    private static MessageKey FindRead(ReadOnlySpan<byte> name) => name.Length switch
    {
        2 => name.SequenceEqual("ts"u8) ? MessageKey.Ts : name.SequenceEqual("no"u8) ? MessageKey.No : MessageKey.Unknown,
        3 => name.SequenceEqual("yes"u8) ? MessageKey.Yes : name.SequenceEqual("sid"u8) ? MessageKey.Sid
            : name.SequenceEqual("msg"u8) ? MessageKey.Msg : MessageKey.Unknown,
        4 => name.SequenceEqual("side"u8) ? MessageKey.Side : name.SequenceEqual("time"u8) ? MessageKey.Time
            : name.SequenceEqual("code"u8) ? MessageKey.Code : MessageKey.Unknown,
        5 => name.SequenceEqual("ts_ms"u8) ? MessageKey.TsMs : name.SequenceEqual("price"u8) ? MessageKey.Price
            : name.SequenceEqual("delta"u8) ? MessageKey.Delta : name.SequenceEqual("count"u8) ? MessageKey.Count : MessageKey.Unknown,
        6 => name.SequenceEqual("volume"u8) ? MessageKey.Volume
            : name.SequenceEqual("ticker"u8) ? MessageKey.Ticker : MessageKey.Unknown,
        7 => name.SequenceEqual("yes_bid"u8) ? MessageKey.YesBid : name.SequenceEqual("yes_ask"u8) ? MessageKey.YesAsk
            : name.SequenceEqual("channel"u8) ? MessageKey.Channel : MessageKey.Unknown,
        8 => name.SequenceEqual("delta_fp"u8) ? MessageKey.DeltaFp : name.SequenceEqual("trade_id"u8) ? MessageKey.TradeId
            : name.SequenceEqual("count_fp"u8) ? MessageKey.CountFp
            : name.SequenceEqual("no_price"u8) ? MessageKey.NoPrice : MessageKey.Unknown,
        9 => name.SequenceEqual("market_id"u8) ? MessageKey.MarketId : name.SequenceEqual("yes_price"u8) ? MessageKey.YesPrice
            : name.SequenceEqual("volume_fp"u8) ? MessageKey.VolumeFp : MessageKey.Unknown,
        10 => name.SequenceEqual("taker_side"u8) ? MessageKey.TakerSide : name.SequenceEqual("event_type"u8) ? MessageKey.EventType
            : name.SequenceEqual("no_dollars"u8) ? MessageKey.NoDollars : MessageKey.Unknown,
        11 => name.SequenceEqual("yes_dollars"u8) ? MessageKey.YesDollars : MessageKey.Unknown,
        12 => FindLength12(name),
        13 => FindLength13(name),
        14 => name.SequenceEqual("yes_dollars_fp"u8) ? MessageKey.YesDollarsFp
            : name.SequenceEqual("is_block_trade"u8) ? MessageKey.IsBlockTrade : MessageKey.Unknown,
        15 => FindLength15(name),
        16 => name.SequenceEqual("open_interest_fp"u8) ? MessageKey.OpenInterestFp
            : name.SequenceEqual("no_price_dollars"u8) ? MessageKey.NoPriceDollars : MessageKey.Unknown,
        17 => name.SequenceEqual("yes_price_dollars"u8) ? MessageKey.YesPriceDollars : MessageKey.Unknown,
        18 => name.SequenceEqual("last_trade_size_fp"u8) ? MessageKey.LastTradeSizeFp
            : name.SequenceEqual("taker_outcome_side"u8) ? MessageKey.TakerOutcomeSide : MessageKey.Unknown,
        20 => name.SequenceEqual("dollar_open_interest"u8) ? MessageKey.DollarOpenInterest : MessageKey.Unknown,
        _ => MessageKey.Unknown,
    };

    private static MessageKey FindLength12(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("event_ticker"u8) ? MessageKey.EventTicker
        : name.SequenceEqual("created_time"u8) ? MessageKey.CreatedTime : MessageKey.Unknown;

    private static MessageKey FindLength13(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("market_ticker"u8) ? MessageKey.MarketTicker
        : name.SequenceEqual("price_dollars"u8) ? MessageKey.PriceDollars
        : name.SequenceEqual("no_dollars_fp"u8) ? MessageKey.NoDollarsFp
        : name.SequenceEqual("open_interest"u8) ? MessageKey.OpenInterest
        : name.SequenceEqual("dollar_volume"u8) ? MessageKey.DollarVolume : MessageKey.Unknown;

    private static MessageKey FindLength15(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("yes_bid_dollars"u8) ? MessageKey.YesBidDollars
        : name.SequenceEqual("yes_ask_dollars"u8) ? MessageKey.YesAskDollars
        : name.SequenceEqual("yes_bid_size_fp"u8) ? MessageKey.YesBidSizeFp
        : name.SequenceEqual("yes_ask_size_fp"u8) ? MessageKey.YesAskSizeFp
        : name.SequenceEqual("taker_book_side"u8) ? MessageKey.TakerBookSide : MessageKey.Unknown;

    /// <summary>Keys that the wire is known to carry and nothing here needs: order owners, lifecycle details, an old counter.</summary>
    private static bool IsIgnored(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("Clock"u8) || name.SequenceEqual("client_order_id"u8) || name.SequenceEqual("subaccount"u8)
        || name.SequenceEqual("market_tickers"u8) || name.SequenceEqual("market_ids"u8) || name.SequenceEqual("exchange_index"u8)
        || name.SequenceEqual("open_ts"u8) || name.SequenceEqual("close_ts"u8) || name.SequenceEqual("settled_ts"u8)
        || name.SequenceEqual("determination_ts"u8) || name.SequenceEqual("result"u8) || name.SequenceEqual("settlement_value"u8)
        || name.SequenceEqual("is_deactivated"u8) || name.SequenceEqual("additional_metadata"u8)
        || name.SequenceEqual("price_level_structure"u8) || name.SequenceEqual("price_ranges"u8)
        || name.SequenceEqual("strike_type"u8) || name.SequenceEqual("floor_strike"u8) || name.SequenceEqual("cap_strike"u8)
        || name.SequenceEqual("custom_strike"u8) || name.SequenceEqual("yes_sub_title"u8) || name.SequenceEqual("no_sub_title"u8)
        || name.SequenceEqual("title"u8) || name.SequenceEqual("subtitle"u8) || name.SequenceEqual("collateral_return_type"u8)
        || name.SequenceEqual("series_ticker"u8) || name.SequenceEqual("strike_date"u8) || name.SequenceEqual("strike_period"u8)
        || name.SequenceEqual("fee_type_override"u8) || name.SequenceEqual("fee_multiplier_override"u8);
}
