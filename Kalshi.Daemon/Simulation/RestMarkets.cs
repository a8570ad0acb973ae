using System.Text;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>Series, events and markets as REST objects, with the field names of openapi.yaml. Exchange's thread only.</summary>
internal static class RestMarkets
{
    public static string StatusText(MarketStatus status) => status switch
    {
        MarketStatus.Initialized => "initialized",
        MarketStatus.Active => "active",
        MarketStatus.Inactive => "inactive",
        MarketStatus.Closed => "closed",
        MarketStatus.Determined => "determined",
        _ => "finalized",
    };

    /// <summary>The filter vocabulary differs from the values: unopened, open, paused, closed, settled.</summary>
    public static bool Passes(string? filter, MarketStatus status) => filter switch
    {
        null => true,
        "unopened" => status == MarketStatus.Initialized,
        "open" => status == MarketStatus.Active,
        "paused" => status == MarketStatus.Inactive,
        "closed" => status is MarketStatus.Closed or MarketStatus.Determined,
        "settled" => status == MarketStatus.Finalized,
        _ => throw new RestRefusal("status"),
    };

    public static void Market(WireText into, SimulatedExchange exchange, SimulatedMarket market)
    {
        if (market.RecordedJson is not null)
        {
            Recorded(into, exchange, market);
            return;
        }

        var parent = market.Event;
        var book = exchange.Peek(market);
        into.Raw("{\"ticker\":"u8).Quoted(market.Ticker).Raw(",\"event_ticker\":"u8).Text(parent.Ticker)
            .Raw(",\"market_type\":\"binary\",\"title\":"u8).Text(parent.Title)
            .Raw(",\"yes_sub_title\":\"Yes\",\"no_sub_title\":\"No\""u8);
        Time(into, ",\"created_time\":\""u8, parent.CreatedAt);
        Time(into, ",\"updated_time\":\""u8, Math.Max(parent.CreatedAt, Math.Max(market.DeterminedAt, market.SettledAt)));
        Time(into, ",\"open_time\":\""u8, parent.OpenAt);
        Time(into, ",\"close_time\":\""u8, parent.CloseAt);
        Time(into, ",\"expected_expiration_time\":\""u8, parent.CloseAt + (5 * Micros.PerMinute));
        Time(into, ",\"latest_expiration_time\":\""u8, parent.CloseAt + (7 * Micros.PerDay));
        into.Raw(",\"settlement_timer_seconds\":1,\"status\":\""u8).Raw(Encoding.UTF8.GetBytes(StatusText(market.Status))).Raw("\""u8);
        Prices(into, book);
        into.Raw(",\"notional_value_dollars\":\"1.0000\",\"can_close_early\":true,\"expiration_value\":\"\",\"settlement_bounds_type\":\"default\""u8);
        into.Raw(!market.IsOver ? ",\"result\":\"\""u8 : market.ResultYes ? ",\"result\":\"yes\",\"settlement_value_dollars\":\"1.0000\""u8
            : ",\"result\":\"no\",\"settlement_value_dollars\":\"0.0000\""u8);
        if (market.SettledAt != 0)
        {
            Time(into, ",\"settlement_ts\":\""u8, market.SettledAt);
        }

        into.Raw(",\"rules_primary\":\"If the value is at least the strike, then the market resolves to Yes.\",\"rules_secondary\":\"\""u8)
            .Raw(",\"strike_type\":\"greater_or_equal\",\"floor_strike\":"u8).Integer(market.Index)
            .Raw(",\"exchange_index\":0,\"price_level_structure\":"u8).Text(market.PriceLevelStructure).Raw(",\"price_ranges\":"u8);
        FrameEncoder.PriceRanges(into, market);
        if (parent.IsCombo)
        {
            into.Raw(",\"mve_collection_ticker\":"u8).Text(parent.Series.Ticker).Raw(",\"mve_selected_legs\":[]"u8);
        }

        into.Raw("}"u8);
    }

    /// <summary>A recorded market: what does not move as it was served, the rest as it stands now.</summary>
    private static void Recorded(WireText into, SimulatedExchange exchange, SimulatedMarket market)
    {
        into.Raw("{"u8).Raw(market.RecordedJson).Raw(",\"status\":\""u8).Raw(Encoding.UTF8.GetBytes(StatusText(market.Status))).Raw("\""u8);
        Prices(into, exchange.Peek(market));
        into.Raw(",\"result\":\"\",\"expiration_value\":\"\""u8);
        Time(into, ",\"updated_time\":\""u8, market.Event.OpenAt);
        into.Raw("}"u8);
    }

    public static void Event(WireText into, SimulatedExchange exchange, SimulatedEvent subject, bool withMarkets)
    {
        into.Raw("{\"event_ticker\":"u8).Text(subject.Ticker).Raw(",\"series_ticker\":"u8).Text(subject.Series.Ticker)
            .Raw(",\"title\":"u8).Text(subject.Title).Raw(",\"sub_title\":\"\",\"collateral_return_type\":\"MECNET\",\"mutually_exclusive\":false"u8)
            .Raw(",\"category\":"u8).Text(subject.Series.Category).Raw(",\"settlement_sources\":[],\"exchange_index\":0"u8)
            .Raw(",\"last_updated_ts\":\"0001-01-01T00:00:00Z\""u8);
        Time(into, ",\"strike_date\":\""u8, subject.CloseAt);
        if (withMarkets)
        {
            into.Raw(",\"markets\":"u8);
            MarketsOf(into, exchange, subject);
        }

        into.Raw("}"u8);
    }

    public static void MarketsOf(WireText into, SimulatedExchange exchange, SimulatedEvent subject)
    {
        into.Raw("["u8);
        for (var i = 0; i < subject.MarketCount; i++)
        {
            Market(i == 0 ? into : into.Raw(","u8), exchange, exchange.Markets[subject.FirstMarket + i]);
        }

        into.Raw("]"u8);
    }

    public static void Series(WireText into, SimulatedSeries series) =>
        into.Raw("{\"ticker\":"u8).Text(series.Ticker).Raw(",\"frequency\":\"hourly\",\"title\":"u8).Text(series.Title)
            .Raw(",\"category\":"u8).Text(series.Category).Raw(",\"tags\":[],\"settlement_sources\":[],\"contract_url\":\"\",\"contract_terms_url\":\"\""u8)
            .Raw(",\"fee_type\":\"quadratic\",\"fee_multiplier\":1,\"additional_prohibitions\":[],\"exchange_index\":0}"u8);

    /// <summary>`{"yes_dollars":[…],"no_dollars":[…]}`, ascending; the best `depth` levels a side, 0 = all.</summary>
    public static void Orderbook(WireText into, SimulatedBook book, int depth)
    {
        Levels(into.Raw("{\"yes_dollars\":"u8), book.Yes, depth);
        Levels(into.Raw(",\"no_dollars\":"u8), book.No, depth);
        into.Raw("}"u8);
    }

    public static void Trade(WireText into, SimulatedExchange exchange, in SimulatedTrade trade)
    {
        into.Raw("{\"trade_id\":\""u8).Uuid(trade.Id).Raw("\",\"ticker\":"u8).Quoted(exchange.Markets[trade.Market].Ticker);
        FrameEncoder.TradeValues(into, trade.IsBlock is null ? trade with { IsBlock = false } : trade);
        Time(into, ",\"created_time\":\""u8, trade.At);
        into.Raw("}"u8);
    }

    private static void Prices(WireText into, SimulatedBook book)
    {
        var (bid, ask) = (book.BestYes, book.BestNo);
        into.Raw(",\"yes_bid_dollars\":\""u8).Price(bid.Price).Raw("\",\"yes_ask_dollars\":\""u8).Price(book.YesAsk)
            .Raw("\",\"no_bid_dollars\":\""u8).Price(ask.Price).Raw("\",\"no_ask_dollars\":\""u8).Price(SimulatedBook.Dollar - bid.Price)
            .Raw("\",\"yes_bid_size_fp\":\""u8).Quantity(bid.Quantity).Raw("\",\"yes_ask_size_fp\":\""u8).Quantity(ask.Quantity)
            .Raw("\",\"last_price_dollars\":\""u8).Price(book.LastPrice)
            .Raw("\",\"previous_yes_bid_dollars\":\"0.0000\",\"previous_yes_ask_dollars\":\"1.0000\",\"previous_price_dollars\":\"0.0000\",\"volume_fp\":\""u8)
            .Quantity(book.Volume).Raw("\",\"volume_24h_fp\":\""u8).Quantity(book.Volume)
            .Raw("\",\"open_interest_fp\":\""u8).Quantity(book.OpenInterest).Raw("\""u8);
    }

    private static void Levels(WireText into, ReadOnlySpan<Level> levels, int depth)
    {
        into.Raw("["u8);
        var from = depth == 0 ? 0 : Math.Max(0, levels.Length - depth);
        for (var i = from; i < levels.Length; i++)
        {
            into.Raw(i == from ? "[\""u8 : ",[\""u8).Price(levels[i].Price).Raw("\",\""u8).Quantity(levels[i].Quantity).Raw("\"]"u8);
        }

        into.Raw("]"u8);
    }

    private static void Time(WireText into, ReadOnlySpan<byte> key, long micros) => into.Raw(key).Time(micros).Raw("\""u8);
}
