using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// The exchange's frames, byte for byte as production writes them. A frame is a head (type, id, sid, seq) around `msg`;
/// `sending_ts_ms` stands after `type` or last, because both were seen and nobody may depend on it.
/// <code>
/// {"type":T[,"sending_ts_ms":ms][,"id":n][,"sid":n][,"seq":n][,"msg":{…}][,"sending_ts_ms":ms]}\n
/// </code>
/// The methods of `msg` append to the given text. No state; thread-safe as far as the text is one thread's.
/// </summary>
internal static class FrameEncoder
{
    /// <summary>A whole frame; 0 leaves out id, sid or seq, an empty `msg` leaves out msg.</summary>
    public static void Frame(WireText into, ReadOnlySpan<byte> type, long id, int sid, long seq, ReadOnlySpan<byte> msg, long sendingMs, bool stampLast)
    {
        into.Raw("{\"type\":\""u8).Raw(type).Raw("\""u8);
        if (!stampLast)
        {
            into.Raw(",\"sending_ts_ms\":"u8).Integer(sendingMs);
        }

        if (id != 0)
        {
            into.Raw(",\"id\":"u8).Integer(id);
        }

        if (sid != 0)
        {
            into.Raw(",\"sid\":"u8).Integer(sid);
        }

        if (seq != 0)
        {
            into.Raw(",\"seq\":"u8).Integer(seq);
        }

        if (!msg.IsEmpty)
        {
            into.Raw(",\"msg\":"u8).Raw(msg);
        }

        if (stampLast)
        {
            into.Raw(",\"sending_ts_ms\":"u8).Integer(sendingMs);
        }

        into.Raw("}\n"u8);
    }

    public static void Delta(WireText into, SimulatedMarket market, Side side, int wirePrice, long delta, long at)
    {
        MarketHead(into, market).Raw(",\"price_dollars\":\""u8).Price(wirePrice).Raw("\",\"delta_fp\":\""u8).Quantity(delta)
            .Raw(side == Side.Yes ? "\",\"side\":\"yes\",\"ts\":\""u8 : "\",\"side\":\"no\",\"ts\":\""u8).Time(at)
            .Raw("\",\"ts_ms\":"u8).Integer(at / Micros.PerMillisecond).Raw("}"u8);
    }

    /// <summary>An empty side has no key. Under `useYesPrice` the no side is written in yes units, and so descends.</summary>
    public static void Snapshot(WireText into, SimulatedMarket market, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no, bool useYesPrice)
    {
        MarketHead(into, market);
        Levels(into, ",\"yes_dollars_fp\":["u8, yes, useYesPrice: false);
        Levels(into, ",\"no_dollars_fp\":["u8, no, useYesPrice);
        into.Raw("}"u8);
    }

    /// <summary>What an unknown or settled ticker gets instead of an error.</summary>
    public static void DeadSnapshot(WireText into, string ticker) =>
        into.Raw("{\"market_ticker\":"u8).Text(ticker).Raw(",\"market_id\":\"\"}"u8);

    public static void Trade(WireText into, SimulatedMarket market, in SimulatedTrade trade)
    {
        into.Raw("{\"trade_id\":\""u8).Uuid(trade.Id).Raw("\",\"market_ticker\":"u8).Quoted(market.Ticker);
        TradeValues(into, trade);
        var milliseconds = trade.At / Micros.PerMillisecond;
        into.Raw(",\"ts\":"u8).Integer(milliseconds / 1_000).Raw(",\"ts_ms\":"u8).Integer(milliseconds).Raw("}"u8);
    }

    /// <summary>The fields that a trade has on the stream and in REST alike.</summary>
    public static WireText TradeValues(WireText into, in SimulatedTrade trade)
    {
        into.Raw(",\"yes_price_dollars\":\""u8).Price(trade.YesPrice).Raw("\",\"no_price_dollars\":\""u8).Price(SimulatedBook.Dollar - trade.YesPrice)
            .Raw("\",\"count_fp\":\""u8).Quantity(trade.Count)
            .Raw(trade.TakerYes ? "\",\"taker_side\":\"yes\",\"taker_outcome_side\":\"yes\",\"taker_book_side\":\"bid\""u8
                : "\",\"taker_side\":\"no\",\"taker_outcome_side\":\"no\",\"taker_book_side\":\"ask\""u8);
        return trade.IsBlock is { } block ? into.Raw(block ? ",\"is_block_trade\":true"u8 : ",\"is_block_trade\":false"u8) : into;
    }

    public static void Ticker(WireText into, SimulatedMarket market, in SimulatedTicker state)
    {
        into.Raw("{\"market_id\":\""u8).Uuid(market.Id).Raw("\",\"market_ticker\":"u8).Quoted(market.Ticker)
            .Raw(",\"price_dollars\":\""u8).Price(state.LastPrice)
            .Raw("\",\"yes_bid_dollars\":\""u8).Price(state.YesBid).Raw("\",\"yes_ask_dollars\":\""u8).Price(state.YesAsk)
            .Raw("\",\"volume_fp\":\""u8).Quantity(state.Volume).Raw("\",\"open_interest_fp\":\""u8).Quantity(state.OpenInterest)
            .Raw("\",\"dollar_volume\":"u8).Integer(state.DollarVolume).Raw(",\"dollar_open_interest\":"u8).Integer(state.DollarOpenInterest)
            .Raw(",\"yes_bid_size_fp\":\""u8).Quantity(state.YesBidSize).Raw("\",\"yes_ask_size_fp\":\""u8).Quantity(state.YesAskSize)
            .Raw("\",\"last_trade_size_fp\":\""u8).Quantity(state.LastTradeSize);
        var milliseconds = state.At / Micros.PerMillisecond;
        into.Raw("\",\"ts\":"u8).Integer(milliseconds / 1_000).Raw(",\"ts_ms\":"u8).Integer(milliseconds)
            .Raw(",\"time\":\""u8).Time(milliseconds * Micros.PerMillisecond).Raw("\"}"u8);
    }

    public static void Created(WireText into, SimulatedMarket market)
    {
        var parent = market.Event;
        into.Raw("{\"market_ticker\":"u8).Quoted(market.Ticker).Raw(",\"exchange_index\":0,\"open_ts\":"u8).Integer(parent.OpenAt / Micros.PerSecond)
            .Raw(",\"close_ts\":"u8).Integer(parent.CloseAt / Micros.PerSecond)
            .Raw(",\"additional_metadata\":{\"name\":"u8).Text(parent.Title).Raw(",\"title\":"u8).Text(parent.Title)
            .Raw(",\"yes_sub_title\":\"Yes \\u2265 strike\",\"no_sub_title\":\"No\",\"rules_primary\":\"If the value is at least the strike, "u8)
            .Raw("then the market resolves to Yes.\",\"rules_secondary\":\"\",\"can_close_early\":true,\"event_ticker\":"u8).Text(parent.Ticker)
            .Raw(",\"expected_expiration_ts\":"u8).Integer((parent.CloseAt / Micros.PerSecond) + 300)
            .Raw("},\"event_type\":\"created\",\"price_level_structure\":"u8).Text(market.PriceLevelStructure).Raw(",\"price_ranges\":"u8);
        PriceRanges(into, market).Raw("}"u8);
    }

    public static WireText PriceRanges(WireText into, SimulatedMarket market) =>
        into.Raw("[{\"start\":\"0.0000\",\"end\":\"1.0000\",\"step\":\""u8).Price(market.Tick).Raw("\"}]"u8);

    private static WireText MarketHead(WireText into, SimulatedMarket market) =>
        into.Raw("{\"market_ticker\":\""u8).Raw(market.Ticker).Raw("\",\"market_id\":\""u8).Uuid(market.Id).Raw("\""u8);

    private static void Levels(WireText into, ReadOnlySpan<byte> key, ReadOnlySpan<Level> levels, bool useYesPrice)
    {
        if (levels.IsEmpty)
        {
            return;
        }

        into.Raw(key);
        var first = true;
        foreach (var level in levels)
        {
            into.Raw(first ? "[\""u8 : ",[\""u8).Price(useYesPrice ? SimulatedBook.Dollar - level.Price : level.Price)
                .Raw("\",\""u8).Quantity(level.Quantity).Raw("\"]"u8);
            first = false;
        }

        into.Raw("]"u8);
    }
}
