-- The tables as people read them, with the names and columns of the Parquet files: tickers instead of ids, prices in dollars of the
-- side's own leg, quantities in contracts, words instead of letters. A view is a join with kalshid.markets: conditions on
-- received_at reach the chunks and partitions, one on ticker their index by market.

create view kalshi.orderbook_deltas as
select d.received_at, d.exchange_at, m.ticker, case d.side when 'y' then 'yes' else 'no' end as side,
    (d.price * 0.000001)::numeric(7, 6) as price, (d.delta * 0.01)::numeric(18, 2) as delta, d.epoch_id, d.seq
from kalshid.orderbook_deltas d join kalshid.markets m using (market_id);

create view kalshi.orderbook_snapshots as
select s.received_at, m.ticker, s.epoch_id, s.seq,
    array(select (v * 0.000001)::numeric(7, 6) from unnest(s.yes_prices) v) as yes_prices, array(select (v * 0.01)::numeric(18, 2) from unnest(s.yes_sizes) v) as yes_sizes,
    array(select (v * 0.000001)::numeric(7, 6) from unnest(s.no_prices) v) as no_prices, array(select (v * 0.01)::numeric(18, 2) from unnest(s.no_sizes) v) as no_sizes
from kalshid.orderbook_snapshots s join kalshid.markets m using (market_id);

create view kalshi.trades as
select t.received_at, t.exchange_at, m.ticker, t.trade_id, (t.yes_price * 0.000001)::numeric(7, 6) as yes_price,
    (t.no_price * 0.000001)::numeric(7, 6) as no_price, (t.count * 0.01)::numeric(18, 2) as count,
    case t.taker_side when 'y' then 'yes' when 'n' then 'no' end as taker_side,
    case t.taker_book_side when 'b' then 'bid' when 'a' then 'ask' end as taker_book_side,
    t.is_block_trade, case t.origin when 's' then 'stream' else 'backfill' end as origin, t.epoch_id, t.seq
from kalshid.trades t join kalshid.markets m using (market_id);

create view kalshi.tickers as
select t.received_at, t.exchange_at, m.ticker, (t.last_price * 0.000001)::numeric(7, 6) as last_price,
    (t.yes_bid * 0.000001)::numeric(7, 6) as yes_bid, (t.yes_ask * 0.000001)::numeric(7, 6) as yes_ask,
    (t.yes_bid_size * 0.01)::numeric(18, 2) as yes_bid_size, (t.yes_ask_size * 0.01)::numeric(18, 2) as yes_ask_size,
    (t.last_trade_size * 0.01)::numeric(18, 2) as last_trade_size, (t.volume * 0.01)::numeric(18, 2) as volume,
    (t.open_interest * 0.01)::numeric(18, 2) as open_interest, t.dollar_volume, t.dollar_open_interest
from kalshid.tickers t join kalshid.markets m using (market_id);

create view kalshi.lifecycle_events as
select l.received_at, l.type, l.event_type, m.ticker, l.event_ticker, l.payload, l.epoch_id, l.seq
from kalshid.lifecycle_events l left join kalshid.markets m using (market_id);

-- A frame as text; what is no UTF-8 is shown as bytes.
create function kalshid.frame_text(frame bytea)
    returns text language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    return convert_from(frame, 'UTF8');
exception when character_not_in_repertoire or untranslatable_character then
    return encode(frame, 'escape');
end $$;

create view kalshi.rejected_frames as
select r.received_at, r.session, nullif(r.sid, 0)::int8 as sid, nullif(r.seq, 0) as seq, m.ticker, r.reason, kalshid.frame_text(r.frame) as frame
from kalshid.rejected_frames r left join kalshid.markets m using (market_id);

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

-- ---- what is proven ---------------------------------------------------------------------------------------------------

-- An empty ticker is a channel subscribed for all markets.
create view kalshi.coverage as
select c.channel, m.ticker, c.from_at, c.to_at, c.epoch_id, c.from_seq, c.state, nullif(c.reason, '') as reason
from kalshid.coverage c join kalshid.markets m using (market_id)
union all
select c.channel, '', c.from_at, c.to_at, c.epoch_id, c.from_seq, c.state, nullif(c.reason, '')
from kalshid.coverage c where c.market_id = 0;

create view kalshi.gaps as
select channel, ticker, from_at, to_at, reason from kalshi.coverage where state = 'gap';

create view kalshi.epochs as
select e.epoch_id, e.session, e.sid, e.channel, e.first_seq, e.last_seq, e.from_at, e.to_at, e.deltas, e.snapshots, e.trades,
    case when e.trades = 0 then 0 else (
        select count(*) from kalshid.other_frames o
        where o.received_at between e.from_at and e.to_at and o.epoch_id = e.epoch_id and o.type = 'trade') end as duplicate_trades,
    e.lifecycle, e.acks, e.unknown, e.rejected, e.end_reason
from kalshid.epochs e;

create view kalshi.sessions as
select session, opened_at, closed_at, purpose, url, reason from kalshid.sessions;
