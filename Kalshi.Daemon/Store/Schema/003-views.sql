-- The tables as people read them, with the names and columns of the Parquet files: tickers instead of ids, prices in dollars of the
-- side's own leg, quantities in contracts, words instead of letters. A view is a join with kalshid.markets: conditions on
-- received_at reach the chunks and partitions, one on ticker their index by market.

create view kalshi.orderbook_deltas as
select d.received_at, d.exchange_at, m.ticker,
\ir Shared/delta-values.sql
    , d.epoch_id, d.seq
from kalshid.orderbook_deltas d join kalshid.markets m using (market_id);

create view kalshi.orderbook_snapshots as
select s.received_at, m.ticker, s.epoch_id, s.seq,
\ir Shared/snapshot-values.sql
from kalshid.orderbook_snapshots s join kalshid.markets m using (market_id);

create view kalshi.trades as
select t.received_at, t.exchange_at, m.ticker,
\ir Shared/trade-values.sql
    , t.epoch_id, t.seq
from kalshid.trades t join kalshid.markets m using (market_id);

\ir Shared/ticker-view.sql

create view kalshi.lifecycle_events as
select l.received_at, l.type, l.event_type, m.ticker, l.event_ticker, l.payload, l.epoch_id, l.seq
from kalshid.lifecycle_events l left join kalshid.markets m using (market_id);

\ir Shared/frame-text.sql

create view kalshi.rejected_frames as
select r.received_at, r.session, nullif(r.sid, 0)::int8 as sid, nullif(r.seq, 0) as seq, m.ticker, r.reason, kalshid.frame_text(r.frame) as frame
from kalshid.rejected_frames r left join kalshid.markets m using (market_id);

\ir Shared/object-views.sql

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
