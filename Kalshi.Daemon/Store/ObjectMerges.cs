namespace Kalshi.Daemon.Store;

/// <summary>
/// SQL that makes the present state of markets, events and series of new versions of them. A lifecycle message says only some of an object's
/// fields: what it does not say stays. `rows`: from where, with the columns of the history, and which; `latestFirst`: their order.
/// </summary>
internal static class ObjectMerges
{
    public static string Markets(string rows, string latestFirst) =>
        $"""
        update kalshid.markets m set
            event_ticker = coalesce(h.event_ticker, m.event_ticker), market_type = coalesce(h.market_type, m.market_type),
            title = coalesce(h.title, m.title), status = coalesce(h.status, m.status), result = coalesce(h.result, m.result),
            open_at = coalesce(h.open_at, m.open_at), close_at = coalesce(h.close_at, m.close_at),
            changed_at = h.changed_at, payload = coalesce(h.payload, m.payload)
        from (
            select market_id, max(changed_at) as changed_at,
                (array_agg(event_ticker order by {latestFirst}) filter (where event_ticker is not null))[1] as event_ticker,
                (array_agg(market_type order by {latestFirst}) filter (where market_type is not null))[1] as market_type,
                (array_agg(title order by {latestFirst}) filter (where title is not null))[1] as title,
                (array_agg(status order by {latestFirst}) filter (where status is not null))[1] as status,
                (array_agg(result order by {latestFirst}) filter (where result is not null))[1] as result,
                (array_agg(open_at order by {latestFirst}) filter (where open_at is not null))[1] as open_at,
                (array_agg(close_at order by {latestFirst}) filter (where close_at is not null))[1] as close_at,
                (array_agg(payload order by {latestFirst}) filter (where origin = 'rest'))[1] as payload
            from {rows} group by market_id
        ) h cross join lateral (select ctid from kalshid.markets where market_id = h.market_id offset 0) found
        where m.ctid = found.ctid
        """;

    /// <summary>`rows`: market_id, exchange_id. The id that a market has stays.</summary>
    public static string ExchangeIds(string rows) =>
        $"""
        update kalshid.markets m set exchange_id = i.exchange_id
        from {rows} i cross join lateral (select ctid from kalshid.markets where market_id = i.market_id offset 0) found
        where m.ctid = found.ctid and m.exchange_id is null
        """;

    public static string Events(string rows, string latestFirst) =>
        $"""
        insert into kalshid.events as e (event_ticker, series_ticker, category, title, changed_at, payload)
        select event_ticker,
            (array_agg(series_ticker order by {latestFirst}) filter (where series_ticker is not null))[1],
            (array_agg(category order by {latestFirst}) filter (where category is not null))[1],
            (array_agg(title order by {latestFirst}) filter (where title is not null))[1],
            max(changed_at),
            (array_agg(payload order by {latestFirst}) filter (where origin = 'rest'))[1]
        from {rows} group by event_ticker
        on conflict (event_ticker) do update set
            series_ticker = coalesce(excluded.series_ticker, e.series_ticker), category = coalesce(excluded.category, e.category),
            title = coalesce(excluded.title, e.title), changed_at = excluded.changed_at, payload = coalesce(excluded.payload, e.payload)
        """;

    public static string Series(string rows, string latestFirst) =>
        $"""
        insert into kalshid.series as s (series_ticker, category, frequency, title, changed_at, payload)
        select distinct on (series_ticker) series_ticker, category, frequency, title, changed_at, payload
        from {rows} order by series_ticker, {latestFirst}
        on conflict (series_ticker) do update set
            category = excluded.category, frequency = excluded.frequency, title = excluded.title, changed_at = excluded.changed_at, payload = excluded.payload
        """;
}
