-- ---- what the exchange lists: as last known, and every change ---------------------------------------------------------

create view kalshi.markets as
select m.changed_at as received_at, m.ticker, m.event_ticker, m.market_type, m.title, m.status, m.result, m.open_at, m.close_at,
    (select h.origin from kalshid.market_history h where h.market_id = m.market_id order by h.changed_at desc limit 1) as origin, m.payload
from kalshid.markets m;

create view kalshi.market_history as
select h.changed_at as received_at, m.ticker, h.event_ticker, h.market_type, h.title, h.status, h.result, h.open_at, h.close_at, h.origin, h.payload
from kalshid.market_history h join kalshid.markets m using (market_id);

create view kalshi.events as
select e.changed_at as received_at, e.event_ticker as ticker, e.series_ticker, e.title, e.category,
    (select h.origin from kalshid.event_history h where h.changed_at = e.changed_at and h.event_ticker = e.event_ticker limit 1) as origin, e.payload
from kalshid.events e;

create view kalshi.event_history as
select changed_at as received_at, event_ticker as ticker, series_ticker, title, category, origin, payload from kalshid.event_history;

create view kalshi.series as
select changed_at as received_at, series_ticker as ticker, category, frequency, title, payload from kalshid.series;

create view kalshi.series_history as
select changed_at as received_at, series_ticker as ticker, category, frequency, title, payload from kalshid.series_history;
