-- ---- what the exchange lists: as last known, and every change ---------------------------------------------------------

create table kalshid.markets (
    market_id int4 primary key,         -- dense, in order of first sight
    ticker text not null,
    exchange_id uuid,
    event_ticker text,
    market_type text,
    title text,
    status text,
    result text,
    open_at timestamptz,
    close_at timestamptz,
    first_seen_at timestamptz not null,
    changed_at timestamptz not null,
    payload text                        -- as REST last told it, JSON as received
) with (fillfactor = 60);               -- every market is updated soon after it was met, and at each change: room to do it in place
create index markets_ticker on kalshid.markets (ticker);
create index markets_event on kalshid.markets (event_ticker);

create table kalshid.market_history (
    changed_at timestamptz not null,
    market_id int4 not null,
    event_ticker text,
    market_type text,
    title text,
    status text,
    result text,
    open_at timestamptz,
    close_at timestamptz,
    origin text not null,               -- rest, lifecycle
    payload text not null
);
create index market_history_changed on kalshid.market_history (changed_at);
create index market_history_market on kalshid.market_history (market_id, changed_at);

create table kalshid.events (
    event_ticker text primary key,
    series_ticker text,
    category text,
    title text,
    changed_at timestamptz not null,
    payload text                        -- as REST last told it; null when only lifecycle messages have
);
create index events_series on kalshid.events (series_ticker);

create table kalshid.event_history (
    changed_at timestamptz not null,
    event_ticker text not null,
    series_ticker text,
    category text,
    title text,
    origin text not null,
    payload text not null
);
create index event_history_changed on kalshid.event_history (changed_at);

create table kalshid.series (
    series_ticker text primary key,
    category text,
    frequency text,
    title text,
    changed_at timestamptz not null,
    payload text not null
);

create table kalshid.series_history (
    changed_at timestamptz not null,
    series_ticker text not null,
    category text,
    frequency text,
    title text,
    payload text not null
);
create index series_history_changed on kalshid.series_history (changed_at);
