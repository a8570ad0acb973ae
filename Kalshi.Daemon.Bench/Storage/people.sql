-- What people's queries cost: 20 million changes of 100,000 markets over three hours (2,000 a second; the busiest market has 6 % of them, the
-- thousandth some hundred an hour, most a handful), a snapshot of every market every 37 minutes. The last hour is as it is while it is
-- written; the two before it are closed: indexed by market, or compressed.
--
--   kalshid check --migrate --set store.dsn=…       in a new database of its own
--   psql -f Kalshi.Daemon.Bench/Storage/people.sql …
--
-- Prints the least of five runs each, in ms. Takes some minutes and 4 GB.
\set ON_ERROR_STOP on
\pset footer off
set timezone = 'UTC';
set client_min_messages = warning;
select setseed(0.42) \g /dev/null

insert into kalshid.markets (market_id, ticker, first_seen_at, changed_at)
select n, 'KX-' || n, '2026-11-01', '2026-11-01' from generate_series(1, 100000) n;
insert into kalshid.coverage (known_at, recorded_at, from_at, to_at, epoch_id, from_seq, market_id, channel, state, reason)
select '2026-11-01', '2026-11-01', timestamptz '2026-11-01', 'infinity', timestamptz '2026-11-01', n, n, 'orderbook_delta', 'whole', '' from generate_series(1, 100000) n;
select kalshid.make_partitions('2026-11-01', '2026-11-01 02:59:59') \g /dev/null
insert into kalshid.orderbook_snapshots
select timestamptz '2026-11-01' + round * interval '37 minutes' + n * interval '22 milliseconds', '2026-11-01', n, n,
    array(select generate_series(10000, 200000, 10000)), array(select 10000::int8 from generate_series(1, 20)),
    array(select generate_series(10000, 200000, 10000)), array(select 10000::int8 from generate_series(1, 20))
from generate_series(0, 3) round, generate_series(1, 100000) n;
insert into kalshid.orderbook_deltas
select timestamptz '2026-11-01' + n * interval '510 microseconds', timestamptz '2026-10-31 23:59:59.98' + n * interval '510 microseconds', '2026-11-01', n,
    (random() * 5000)::int8 - 2500, floor(power(100000, random()))::int4, (1 + (random() * 97)::int4) * 10000, case when random() < 0.5 then 'y' else 'n' end
from generate_series(1, 20000000) n;
insert into kalshid.cursors (name, position) values ('loader', '2026-11-01 02:50');
select kalshid.summarize_partitions('2026-11-01', '2026-11-01 03:00') \g /dev/null
analyze kalshid.markets, kalshid.coverage;

select is_timescale from kalshid.store \gset
\if :is_timescale
    select compress_chunk(partition) from kalshid.partitions('-infinity', '2026-11-01 01:59:59') where stream = 'orderbook_deltas' \g /dev/null
\else
    select kalshid.index_partition('2026-11-01 02:00') from generate_series(1, 3) \g /dev/null
\endif
checkpoint;

create function pg_temp.ms(query text)
    returns numeric language plpgsql as $$
declare
    best float8 := 'infinity';
    began timestamptz;
begin
    for round in 1 .. 5 loop
        began := clock_timestamp();
        execute 'select count(*) from (' || query || ') q';
        best := least(best, extract(epoch from clock_timestamp() - began) * 1000);
    end loop;
    return round(best::numeric, 1);
end $$;

set jit = off;
set max_parallel_workers_per_gather = 0;
select h.hour || ', ' || q.query as query,
    pg_temp.ms(replace(replace(q.sql, '$1', '''KX-1'''), '$2', h.range)) as busiest,
    pg_temp.ms(replace(replace(q.sql, '$1', '''KX-1000'''), '$2', h.range)) as thousandth,
    pg_temp.ms(replace(replace(q.sql, '$1', '''KX-60000'''), '$2', h.range)) as quiet
from (values (1, 'open hour', '''2026-11-01 02:00Z'', ''2026-11-01 02:49Z'''), (2, 'closed hour', '''2026-11-01 00:59:59Z'', ''2026-11-01 01:59Z''')) h (n, hour, range),
    (values
        (1, 'orderbook_at', 'select * from kalshi.orderbook_at($1, (array[$2]::timestamptz[])[2])'),
        (2, 'orderbook_deltas_of', 'select * from kalshi.orderbook_deltas_of($1, $2)'),
        (3, 'orderbook_deltas (view)', 'select * from kalshi.orderbook_deltas v where v.ticker = $1 and v.received_at between (array[$2]::timestamptz[])[1] and (array[$2]::timestamptz[])[2]'),
        (4, 'top_of_book', 'select * from kalshi.top_of_book($1, $2)')) q (n, query, sql)
order by h.n, q.n;
select stream, count(*) as partitions, pg_size_pretty(sum(pg_total_relation_size(partition))) as size from kalshid.partitions() where stream = 'orderbook_deltas' group by 1;
