-- The tables as people read them, named and shaped as in a gatherer's store and in the Parquet files: tickers instead of ids, prices in dollars of the
-- side's own leg, quantities in contracts, words instead of letters. Changes, trades and tickers are ordered and partitioned by exchange_at.
-- Sources are computed from the vouches, and cost nothing when they are not asked for.

create view kalshi.orderbook_deltas as
select d.exchange_at, d.ordinal, m.ticker,
\ir ../../Store/Schema/Shared/delta-values.sql
    , d.received_at,
\ir Shared/sources.sql
from kalshid.orderbook_deltas d join kalshid.markets m using (market_id);

-- A book as it stood behind the change (exchange_at, ordinal); without one: as its coverage row begins.
create view kalshi.orderbook_snapshots as
select s.received_at, m.ticker, s.exchange_at, s.ordinal, s.coverage_number,
\ir ../../Store/Schema/Shared/snapshot-values.sql
from kalshid.orderbook_snapshots s join kalshid.markets m using (market_id);

create view kalshi.trades as
select t.received_at, t.exchange_at, m.ticker,
\ir ../../Store/Schema/Shared/trade-values.sql
from kalshid.trades t join kalshid.markets m using (market_id);

\ir ../../Store/Schema/Shared/ticker-view.sql

create view kalshi.lifecycle_events as
select l.received_at, l.type, l.event_type, m.ticker, l.event_ticker, l.payload
from kalshid.lifecycle_events l left join kalshid.markets m using (market_id);

\ir ../../Store/Schema/Shared/frame-text.sql

create view kalshi.rejected_frames as
select r.received_at, g.name as gatherer, r.type, m.ticker, r.reason, kalshid.frame_text(r.frame) as frame
from kalshid.rejected_frames r join kalshid.gatherers g using (gatherer_id) left join kalshid.markets m using (market_id);

\ir ../../Store/Schema/Shared/object-views.sql

-- ---- what is proven ---------------------------------------------------------------------------------------------------

-- When a gatherer vouched for a market's stream, in the exchange's time: from what it saw first, or as soon as delay and skew are over, to what it saw
-- last, or until they begin to count.
create view kalshid.watches as
select v.market_id, g.name,
    case when v.after_ordinal = -1 then least(v.after_at, v.from_at + s.margin) else v.from_at + s.margin end as from_at,
    greatest(v.last_at, least(v.to_at, g.position) - s.margin) as to_at
from kalshid.vouches v join kalshid.gatherers g using (gatherer_id) cross join kalshid.store s;

-- Of a channel for all markets, whose ticker is empty, there are the rows of each gatherer; production has what one of them has.
create view kalshi.coverage as
select 'orderbook_delta' as channel, m.ticker, c.from_at, c.to_at, c.state, nullif(c.reason, '') as reason,
    case when c.state = 'whole' then array(
        select distinct w.name from kalshid.watches w where w.market_id = c.market_id and w.from_at <= c.to_at and w.to_at >= c.from_at order by w.name) end as sources
from kalshid.coverage c join kalshid.markets m using (market_id)
union all
select c.channel, '', c.from_at, c.to_at, c.state, nullif(c.reason, ''), array[g.name]
from kalshid.channel_coverage c join kalshid.gatherers g using (gatherer_id);

create view kalshi.gaps as
select 'orderbook_delta' as channel, m.ticker, c.from_at, c.to_at, c.reason
from kalshid.coverage c join kalshid.markets m using (market_id)
where c.state = 'gap'
union all
select h.channel, '', lower(h.range), upper(h.range), (
    select string_agg(distinct format('%s: %s', g.name, c.reason), '; ')
    from kalshid.channel_coverage c join kalshid.gatherers g using (gatherer_id)
    where c.channel = h.channel and c.state = 'gap' and c.from_at < upper(h.range) and c.to_at > lower(h.range))
from (
    select c.channel, unnest(tstzmultirange(tstzrange(min(c.from_at), max(c.to_at))) - range_agg(tstzrange(c.from_at, c.to_at)) filter (where c.state <> 'gap')) as range
    from kalshid.channel_coverage c
    where c.from_at < c.to_at
    group by c.channel
) h;

create view kalshi.vouches as
select m.ticker, g.name as gatherer, v.from_at, v.to_at, v.after_at, v.after_ordinal, v.last_at, v.last_ordinal, v.epoch_id, nullif(v.reason, '') as reason
from kalshid.vouches v join kalshid.markets m using (market_id) join kalshid.gatherers g using (gatherer_id);

-- Both versions of what follows the change (after_at, after_ordinal), and who said so.
create view kalshi.disagreements as
select d.found_at, m.ticker, d.after_at, d.after_ordinal, string_to_array(d.held_by, ',') as held_by, d.held_exchange_at,
    case d.held_side when 'y' then 'yes' when 'n' then 'no' end as held_side, (d.held_price * 0.000001)::numeric(7, 6) as held_price,
    (d.held_delta * 0.01)::numeric(18, 2) as held_delta, string_to_array(d.other_by, ',') as other_by, d.other_exchange_at,
    case d.other_side when 'y' then 'yes' when 'n' then 'no' end as other_side, (d.other_price * 0.000001)::numeric(7, 6) as other_price,
    (d.other_delta * 0.01)::numeric(18, 2) as other_delta, d.settled_at, nullif(d.verdict, '') as verdict
from kalshid.disagreements d join kalshid.markets m using (market_id);

-- Everything a gatherer received up to its position is merged.
create view kalshi.gatherers as
select name as gatherer, first_record_at, nullif(position, to_timestamp(0)) as position, updated_at from kalshid.gatherers;
