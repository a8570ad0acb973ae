-- The store of one gatherer. Schema kalshid belongs to the daemon; schema kalshi, in later files, is for people.
--
-- Units: prices in micro-dollars of the side's own leg, quantities in hundredths of a contract, times in UTC.
-- received_at is strictly increasing over all frames of a gatherer: receive time, row identity and cursor in one.
-- Hot tables have no unique index: the loader writes each batch and its cursor in one transaction, which is what makes rows unique.
--
-- Run by kalshid inside one transaction, with kalshid.timescale set to on or off for that transaction.

create schema kalshid;
create schema kalshi;

-- What this database is. One row.
create table kalshid.store (
    is_timescale boolean not null,
    gatherer text,                      -- set by the first loader; another gatherer's is refused
    first_record_at timestamptz,        -- stamp of the first record ever loaded: tells one journal from another
    stopped_at timestamptz,             -- position of the last clean stop of the gatherer: at the cursor, nothing more comes
    dropped_before timestamptz          -- stream rows older than this may be gone; a whole hour
);
insert into kalshid.store (is_timescale) values (current_setting('kalshid.timescale')::boolean);

\ir Shared/cursors.sql

-- The loader's memory between runs, as of `position`, cut into parts.
create table kalshid.loader_state (
    part int primary key,
    position timestamptz not null,
    bytes bytea not null
);
alter table kalshid.loader_state alter column bytes set storage external; -- compressed already

-- ---- streams: tables by received_at, in chunks or partitions ---------------------------------------------------------

create table kalshid.stream_tables (
    name text primary key,
    span interval not null,             -- of a chunk or partition: an hour or a day
    market_index text not null check (market_index in ('none', 'always', 'closed')), -- on (market_id, received_at): of every partition, or of closed ones
    is_copied_compressed boolean not null -- where store.direct_compress is on
);

-- The version as a number: 2022 for 2.22; 0 without the extension.
create function kalshid.timescale_version()
    returns int language sql stable set search_path = pg_catalog, pg_temp as $$
    select coalesce((select split_part(extversion, '.', 1)::int * 1000 + split_part(extversion, '.', 2)::int from pg_extension where extname = 'timescaledb'), 0)
$$;

-- Every table has a brin index on received_at: polls and people ask for ranges of it. Where markets are looked for but a b-tree would
-- cost the writer two thirds of its rate (orderbook_deltas, tickers), a bloom filter in the same index says which ranges of pages
-- hold a market; closed partitions get their b-tree later. Ranges are summarised by kalshid.summarize_partitions.
create function kalshid.create_stream_table(table_name text, span interval, market_index text, is_copied_compressed boolean, columns text)
    returns void language plpgsql as $$
declare
    extension text := (select extnamespace::regnamespace::text from pg_extension where extname = 'timescaledb');
    has_market boolean := columns ~ '\mmarket_id\M';
begin
    if current_setting('kalshid.timescale')::boolean then
        execute format('create table kalshid.%I (%s)', table_name, columns);
        execute format('select %1$s.create_hypertable(%2$L::regclass, %1$s.by_range(''received_at'', %3$L::interval), create_default_indexes => false)',
            extension, 'kalshid.' || table_name, span);
        execute format('alter table kalshid.%I set (timescaledb.enable_columnstore, timescaledb.segmentby = '''', timescaledb.orderby = ''received_at''%s)',
            table_name, case when has_market and kalshid.timescale_version() >= 2022 then ', timescaledb.sparse_index = ''bloom(market_id)''' end);
    else
        execute format('create table kalshid.%I (%s) partition by range (received_at)', table_name, columns);
    end if;
    execute format('create index %I on kalshid.%I using brin (received_at%s) with (pages_per_range = 32)', table_name || '_brin', table_name,
        case when has_market and market_index <> 'always' then ', market_id int4_bloom_ops (n_distinct_per_range = 1000, false_positive_rate = 0.01)' end);
    if market_index = 'always' then
        execute format('create index %I on kalshid.%I (market_id, received_at)', table_name || '_market', table_name);
    end if;
    insert into kalshid.stream_tables values (table_name, span, market_index, is_copied_compressed);
end $$;

select kalshid.create_stream_table('orderbook_deltas', interval '1 hour', 'closed', true, $$
    received_at timestamptz not null,
    exchange_at timestamptz,
    epoch_id timestamptz not null,      -- received_at of the epoch's first frame
    seq int8 not null,                  -- dense within the epoch, over all tables
    delta int8 not null,
    market_id int4 not null,
    price int4 not null,
    side "char" not null                -- y, n
$$);

select kalshid.create_stream_table('orderbook_snapshots', interval '1 day', 'always', false, $$
    received_at timestamptz not null,
    epoch_id timestamptz not null,
    seq int8 not null,
    market_id int4 not null,
    yes_prices int4[] not null,         -- ascending; sizes in the same order
    yes_sizes int8[] not null,
    no_prices int4[] not null,
    no_sizes int8[] not null
$$);

select kalshid.create_stream_table('trades', interval '1 day', 'always', false, $$
    received_at timestamptz not null,   -- of the page, for a backfilled trade: then not unique
    exchange_at timestamptz,
    epoch_id timestamptz,               -- null for a backfilled trade, as seq
    seq int8,
    count int8 not null,
    market_id int4 not null,
    yes_price int4 not null,
    no_price int4 not null,
    taker_side "char",                  -- y, n
    taker_book_side "char",             -- b(id), a(sk)
    origin "char" not null,             -- s(tream), b(ackfill)
    is_block_trade boolean,
    trade_id text not null
$$);

select kalshid.create_stream_table('tickers', interval '1 day', 'closed', false, $$
    received_at timestamptz not null,
    exchange_at timestamptz,
    yes_bid_size int8,
    yes_ask_size int8,
    last_trade_size int8,
    volume int8,
    open_interest int8,
    dollar_volume int8,                 -- whole dollars, as dollar_open_interest
    dollar_open_interest int8,
    market_id int4 not null,
    last_price int4,
    yes_bid int4,
    yes_ask int4
$$);

select kalshid.create_stream_table('lifecycle_events', interval '1 day', 'none', false, $$
    received_at timestamptz not null,
    epoch_id timestamptz,
    seq int8,
    market_id int4,
    type text not null,
    event_type text,
    event_ticker text,
    payload text not null               -- the frame's msg, JSON as received
$$);

-- Numbered frames that have no row elsewhere: acknowledgements, errors, frames of unknown type, a trade that was there already.
-- With them, count(*) = max(seq) - min(seq) + 1 over all tables of an epoch says that nothing is missing.
select kalshid.create_stream_table('other_frames', interval '1 day', 'none', false, $$
    received_at timestamptz not null,
    epoch_id timestamptz,
    seq int8,
    session int4 not null,
    sid int4 not null,
    type text not null
$$);

select kalshid.create_stream_table('rejected_frames', interval '1 day', 'none', false, $$
    received_at timestamptz not null,
    epoch_id timestamptz,
    seq int8,
    session int4 not null,
    sid int4 not null,
    market_id int4,                     -- as far as it was readable
    type text not null,
    reason text not null,
    frame bytea not null
$$);

-- ---- what is proven ---------------------------------------------------------------------------------------------------

create table kalshid.sessions (
    opened_at timestamptz primary key,
    session int4 not null,
    purpose text,
    url text,
    closed_at timestamptz,
    reason text
);

create table kalshid.epochs (
    epoch_id timestamptz primary key,
    session int4 not null,
    sid int4 not null,
    channel text not null,
    first_seq int8 not null,
    last_seq int8 not null,
    from_at timestamptz not null,
    to_at timestamptz not null,         -- of the last frame
    deltas int8 not null,
    snapshots int8 not null,
    trades int8 not null,
    lifecycle int8 not null,
    acks int8 not null,
    unknown int8 not null,
    rejected int8 not null,
    end_reason text,                    -- null while it goes on; its numbers are then some seconds old
    recorded_at timestamptz not null    -- position of the record that told this
);

-- A market's intervals of coverage and of its absence. Market 0 is a channel subscribed for all markets.
create table kalshid.coverage (
    known_at timestamptz not null,      -- position of the record that began it
    recorded_at timestamptz not null,   -- position of the record that told the latest of it
    from_at timestamptz not null,
    to_at timestamptz not null,         -- infinity while it goes on
    epoch_id timestamptz,               -- null for a gap, as from_seq
    from_seq int8,
    market_id int4 not null,
    channel text not null,
    state text not null check (state in ('whole', 'gap', 'repaired')),
    reason text not null                -- why a gap began
);
create index coverage_market on kalshid.coverage (market_id, from_at);
create index coverage_recorded on kalshid.coverage (recorded_at);
create index coverage_open on kalshid.coverage (known_at) where to_at = 'infinity';

\ir Shared/objects.sql
