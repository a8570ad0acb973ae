-- When the exchange's own id of a market became known: often long after the market was listed, since only frames tell it. kalshid.markets has the id as
-- well; from here learns it who follows the store by position.
create table kalshid.exchange_ids (
    known_at timestamptz not null,      -- position of the frame that told it first
    market_id int4 not null,
    exchange_id uuid not null
);
create index exchange_ids_known on kalshid.exchange_ids (known_at);

-- Those that an earlier version stored: known, to whoever follows, from the next position on.
insert into kalshid.exchange_ids
select c.position + interval '1 microsecond', m.market_id, m.exchange_id
from kalshid.markets m, kalshid.cursors c where c.name = 'loader' and m.exchange_id is not null;
