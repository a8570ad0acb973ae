using System.Text;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// GET on /trade-api/v2. Cursors are opaque to clients; inside they say where the next page begins, so pages shift when
/// the listing does, as the real ones do.
/// In: path and query. Out: status and JSON. Thread: the exchange's. Bound: page limits. When over: 400.
/// </summary>
internal sealed class RestApi(SimulatedExchange exchange, TokenBucket reads)
{
    private readonly WireText _text = new(1 << 20);
    private string? _repeated;

    /// <param name="path">After `/trade-api/v2`, without the query.</param>
    /// <param name="repeatsCursor">A fault: the page's cursor is the one the client asked with.</param>
    public RestAnswer Get(string path, RestQuery query, bool repeatsCursor = false)
    {
        _repeated = repeatsCursor ? query.Text("cursor") : null;
        try
        {
            return path.Split('/', StringSplitOptions.RemoveEmptyEntries) switch
            {
                ["series"] => SeriesList(query),
                ["series", var ticker] => OneSeries(ticker),
                ["events"] => Events(query, combos: false),
                ["events", "multivariate"] => Events(query, combos: true),
                ["events", var ticker] => OneEvent(ticker, query),
                ["markets"] => MarketList(query, historical: false),
                ["markets", "orderbooks"] => Orderbooks(query),
                ["markets", "trades"] => TradeList(query, historical: false),
                ["markets", var ticker] => OneMarket(ticker),
                ["markets", var ticker, "orderbook"] => Orderbook(ticker, query),
                ["historical", "cutoff"] => Cutoff(),
                ["historical", "markets"] => MarketList(query, historical: true),
                ["historical", "trades"] => TradeList(query, historical: true),
                ["exchange", "status"] => Ok("{\"exchange_active\":true,\"trading_active\":true,\"exchange_index_statuses\":[],\"exchange_estimated_resume_time\":null}"u8),
                ["account", "limits"] => Limits(),
                ["account", "endpoint_costs"] => Ok("{\"default_cost\":10,\"endpoint_costs\":[]}"u8),
                _ => NotFound(),
            };
        }
        catch (RestRefusal refusal)
        {
            return RestAnswer.Error(400, "bad_request", refusal.Message);
        }
    }

    private static RestAnswer Ok(ReadOnlySpan<byte> body) => new(200, body.ToArray());

    private static RestAnswer NotFound() => RestAnswer.Error(404, "not_found", "not found");

    private RestAnswer SeriesList(RestQuery query)
    {
        var category = query.Text("category");
        _text.Clear().Raw("{\"series\":["u8);
        var empty = _text.Length;
        foreach (var series in exchange.Markets.Series)
        {
            if (category is null || series.Category == category)
            {
                RestMarkets.Series(_text.Length == empty ? _text : _text.Raw(","u8), series);
            }
        }

        return Ok(_text.Raw("]}"u8).Span);
    }

    private RestAnswer OneSeries(string ticker)
    {
        if (exchange.Markets.Series.Find(series => series.Ticker == ticker) is not { } series)
        {
            return NotFound();
        }

        RestMarkets.Series(_text.Clear().Raw("{\"series\":"u8), series);
        return Ok(_text.Raw("}"u8).Span);
    }

    private RestAnswer Events(RestQuery query, bool combos)
    {
        var limit = query.Integer("limit", 1, 200) ?? (combos ? 100 : 200);
        var status = query.Text("status");
        var series = query.Text("series_ticker");
        var tickers = query.Set("tickers");
        var minClose = query.Integer("min_close_ts", 0, long.MaxValue / Micros.PerSecond);
        var withMarkets = query.Flag("with_nested_markets");
        var events = exchange.Markets.Events;
        var at = (int)ReadCursor(query, 'e');
        var taken = 0;
        _text.Clear().Raw("{\"events\":["u8);
        for (; at < events.Count && taken < limit; at++)
        {
            var candidate = events[at];
            if (candidate.IsCombo == combos && candidate.MarketCount > 0
                && RestMarkets.Passes(status, exchange.Markets[candidate.FirstMarket].Status)
                && (series is null || candidate.Series.Ticker == series) && (tickers is null || tickers.Contains(candidate.Ticker))
                && (minClose is null || candidate.CloseAt >= minClose * Micros.PerSecond))
            {
                RestMarkets.Event(taken++ == 0 ? _text : _text.Raw(","u8), exchange, candidate, withMarkets);
            }
        }

        _text.Raw("]"u8);
        return Page('e', at < events.Count ? at : -1);
    }

    private RestAnswer OneEvent(string ticker, RestQuery query)
    {
        if (exchange.Markets.Events.Find(subject => subject.Ticker == ticker) is not { } subject)
        {
            return NotFound();
        }

        RestMarkets.Event(_text.Clear().Raw("{\"event\":"u8), exchange, subject, query.Flag("with_nested_markets"));
        RestMarkets.MarketsOf(_text.Raw(",\"markets\":"u8), exchange, subject);
        return Ok(_text.Raw("}"u8).Span);
    }

    private RestAnswer MarketList(RestQuery query, bool historical)
    {
        var limit = query.Integer("limit", 0, 1_000) ?? 100;
        limit = limit == 0 ? 100 : limit;
        var filter = new MarketFilter(query);
        var at = (int)ReadCursor(query, 'm');
        var taken = 0;
        _text.Clear().Raw("{\"markets\":["u8);
        for (; at < exchange.Markets.Count && taken < limit; at++)
        {
            var market = exchange.Markets[at];
            var isHistorical = market.Status == MarketStatus.Finalized && market.SettledAt != 0 && market.SettledAt < exchange.HistoricalCutoff;
            if (isHistorical == historical && filter.Passes(market))
            {
                RestMarkets.Market(taken++ == 0 ? _text : _text.Raw(","u8), exchange, market);
            }
        }

        _text.Raw("]"u8);
        return Page('m', at < exchange.Markets.Count ? at : -1);
    }

    private RestAnswer OneMarket(string ticker)
    {
        if (exchange.Markets.Find(Encoding.UTF8.GetBytes(ticker)) is not { } market)
        {
            return NotFound();
        }

        RestMarkets.Market(_text.Clear().Raw("{\"market\":"u8), exchange, market);
        return Ok(_text.Raw("}"u8).Span);
    }

    private RestAnswer Orderbook(string ticker, RestQuery query)
    {
        if (exchange.Markets.Find(Encoding.UTF8.GetBytes(ticker)) is not { } market)
        {
            return NotFound();
        }

        RestMarkets.Orderbook(_text.Clear().Raw("{\"orderbook_fp\":"u8), exchange.Peek(market), (int)(query.Integer("depth", 0, 100) ?? 0));
        return Ok(_text.Raw("}"u8).Span);
    }

    private RestAnswer Orderbooks(RestQuery query)
    {
        var tickers = query.Set("tickers");
        if (tickers is null or { Count: 0 or > 100 })
        {
            throw new RestRefusal("tickers");
        }

        _text.Clear().Raw("{\"orderbooks\":["u8);
        var empty = _text.Length;
        foreach (var ticker in tickers)
        {
            if (exchange.Markets.Find(Encoding.UTF8.GetBytes(ticker)) is { } market)
            {
                (_text.Length == empty ? _text : _text.Raw(","u8)).Raw("{\"ticker\":"u8).Quoted(market.Ticker).Raw(",\"orderbook_fp\":"u8);
                RestMarkets.Orderbook(_text, exchange.Peek(market), 0);
                _text.Raw("}"u8);
            }
        }

        return Ok(_text.Raw("]}"u8).Span);
    }

    /// <summary>Newest first; the cursor is the number of the next older trade, so new trades do not shift the pages.</summary>
    private RestAnswer TradeList(RestQuery query, bool historical)
    {
        var limit = query.Integer("limit", 0, 1_000) ?? 100;
        limit = limit == 0 ? 100 : limit;
        var from = query.Integer("min_ts", 0, 1L << 40) * Micros.PerSecond ?? long.MinValue;
        var to = (query.Integer("max_ts", 0, 1L << 40) + 1) * Micros.PerSecond ?? long.MaxValue;
        var block = query.Text("is_block_trade");
        var trades = exchange.Trades;
        var wanted = query.Text("ticker") is { } ticker ? exchange.Markets.Find(Encoding.UTF8.GetBytes(ticker))?.Index ?? -2 : -1;
        var at = query.Text("cursor") is null ? trades.Count - 1 : ReadCursor(query, 't');
        var taken = 0;
        _text.Clear().Raw("{\"trades\":["u8);
        for (; at >= trades.First && taken < limit; at--)
        {
            ref readonly var trade = ref trades[at];
            if ((wanted == -1 || trade.Market == wanted) && trade.At >= from && trade.At < to && (trade.At < exchange.HistoricalCutoff) == historical
                && (block is null || (trade.IsBlock == true) == (block == "true")))
            {
                RestMarkets.Trade(taken++ == 0 ? _text : _text.Raw(","u8), exchange, trade);
            }
        }

        _text.Raw("]"u8);
        return Page('t', at >= trades.First ? at : -1);
    }

    private RestAnswer Cutoff()
    {
        _text.Clear().Raw("{\"market_settled_ts\":\""u8).Time(exchange.HistoricalCutoff).Raw("\",\"trades_created_ts\":\""u8).Time(exchange.HistoricalCutoff)
            .Raw("\",\"orders_updated_ts\":\""u8).Time(exchange.HistoricalCutoff).Raw("\"}"u8);
        return Ok(_text.Span);
    }

    private RestAnswer Limits()
    {
        _text.Clear().Raw("{\"usage_tier\":\"basic\",\"read\":{\"refill_rate\":"u8).Integer(reads.PerSecond).Raw(",\"bucket_capacity\":"u8).Integer(reads.Capacity)
            .Raw("},\"write\":{\"refill_rate\":100,\"bucket_capacity\":300},\"grants\":[]}"u8);
        return Ok(_text.Span);
    }

    private RestAnswer Page(char kind, long next)
    {
        _text.Raw(",\"cursor\":\""u8);
        if (_repeated is not null)
        {
            _text.Raw(Encoding.UTF8.GetBytes(_repeated));
        }
        else if (next >= 0)
        {
            _text.Raw(Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.ASCII.GetBytes($"{kind}{next}")).TrimEnd('=')));
        }

        return Ok(_text.Raw("\"}"u8).Span);
    }

    private static long ReadCursor(RestQuery query, char kind)
    {
        if (query.Text("cursor") is not { } cursor)
        {
            return 0;
        }

        var bytes = new byte[64];
        var padded = cursor.Length > 40 ? "" : cursor.PadRight((cursor.Length + 3) / 4 * 4, '=');
        return Convert.TryFromBase64String(padded, bytes, out var length) && length > 1 && bytes[0] == kind
            && long.TryParse(Encoding.ASCII.GetString(bytes, 1, length - 1), out var at) && at is >= 0 and <= int.MaxValue
            ? at : throw new RestRefusal("cursor");
    }
}
