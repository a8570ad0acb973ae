-- Production: what the gatherers received, merged. Schema kalshid belongs to the daemon; schema kalshi, in later files, is for people.
--
-- Units: prices in micro-dollars of the side's own leg, quantities in hundredths of a contract, times in UTC. exchange_at is the exchange's
-- stamp; of a frame without one, that of the change before it in its market, otherwise received_at. received_at is by the clock of the
-- gatherer that told a row first. The place of a change in its market is (exchange_at, ordinal): the how manieth change at that instant.
-- Hot tables have no unique index: rows, the gatherers' positions and the merge's memory are written in one transaction.
--
-- Run by kalshid inside one transaction, with kalshid.timescale set to on or off for that transaction.

create schema kalshid;
create schema kalshi;

-- What this database is, and how far it got. One row.
create table kalshid.store (
    is_timescale boolean not null,
    kind text not null default 'production',
    writer uuid,                            -- the dedup that claimed it last: nobody else's turns are committed
    turn int8 not null default 0,           -- the last one that was committed
    watermark timestamptz,                  -- everything that the gatherers then present received up to here is merged
    margin interval not null default '0',   -- bound of delay and skew: what the exchange stamped before watermark - margin is here
    dropped_before timestamptz              -- stream rows older than this may be gone; a whole hour
) with (fillfactor = 10);                   -- changes with every turn: room for updates in place
insert into kalshid.store (is_timescale) values (current_setting('kalshid.timescale')::boolean);

\ir ../../Store/Schema/Shared/cursors.sql

-- One row a gatherer; its id is its index in the configuration when it was first met.
create table kalshid.gatherers (
    gatherer_id int2 primary key,
    name text not null unique,
    first_record_at timestamptz,            -- of its store: another one is a store that begins anew
    position timestamptz not null default to_timestamp(0), -- everything it received up to here is merged
    updated_at timestamptz not null default clock_timestamp()
) with (fillfactor = 10);

-- The merge's memory: its whole state now and then, cut into parts, and what every turn since then changed.
create table kalshid.merge_state (
    part int primary key,
    turn int8 not null,
    bytes bytea not null
);
alter table kalshid.merge_state alter column bytes set storage external; -- compressed already

create table kalshid.merge_log (
    turn int8 primary key,
    bytes bytea not null
);
alter table kalshid.merge_log alter column bytes set storage external;

-- Hours that hold rows, by the times their tables are partitioned by, and the turn that wrote the latest: what an export of before does again.
create table kalshid.hours (
    hour timestamptz primary key,
    turn int8 not null
) with (fillfactor = 10);                   -- the last ones change with every turn

-- ---- streams: tables by time, in chunks or partitions ------------------------------------------------------------------

create table kalshid.stream_tables (
    name text primary key,
    span interval not null,                 -- of a chunk or partition
    market_index text not null check (market_index in ('none', 'always', 'closed')), -- on market_id and order_columns: of every partition, or of closed ones
    is_copied_compressed boolean not null,
    time_column text not null,              -- which chunks and partitions are ranges of
    order_columns text not null             -- order of a market's rows
);

\ir ../../Store/Schema/Shared/partitions.sql

select kalshid.create_stream_table('orderbook_deltas', interval '1 day', 'exchange_at', 'exchange_at, ordinal', 'market_id', 'always', false, $$
    exchange_at timestamptz not null,
    received_at timestamptz not null,
    delta int8 not null,
    market_id int4 not null,
    ordinal int4 not null,
    price int4 not null,
    side "char" not null                    -- y, n
$$);

-- Where stretches begin, and checksums between. Its place: after the change (exchange_at, ordinal); null: before the first one of its coverage row.
-- Of two at one place the later received one counts: an empty one is how the exchange clears a closed market's book.
select kalshid.create_stream_table('orderbook_snapshots', interval '1 day', 'received_at', 'received_at', '', 'always', false, $$
    received_at timestamptz not null,
    market_id int4 not null,
    coverage_number int4 not null,
    exchange_at timestamptz,
    ordinal int4,
    yes_prices int4[] not null,             -- ascending; sizes in the same order
    yes_sizes int8[] not null,
    no_prices int4[] not null,
    no_sizes int8[] not null
$$);

select kalshid.create_stream_table('trades', interval '1 day', 'exchange_at', 'exchange_at', '', 'always', false, $$
    exchange_at timestamptz not null,
    received_at timestamptz not null,
    count int8 not null,
    market_id int4 not null,
    yes_price int4 not null,
    no_price int4 not null,
    taker_side "char",                      -- y, n
    taker_book_side "char",                 -- b(id), a(sk)
    origin "char" not null,                 -- s(tream), b(ackfill)
    is_block_trade boolean,
    trade_id text not null
$$);

select kalshid.create_stream_table('tickers', interval '1 day', 'exchange_at', 'exchange_at', 'market_id', 'always', false, $$
    exchange_at timestamptz not null,
    received_at timestamptz not null,
    yes_bid_size int8,
    yes_ask_size int8,
    last_trade_size int8,
    volume int8,
    open_interest int8,
    dollar_volume int8,                     -- whole dollars, as dollar_open_interest
    dollar_open_interest int8,
    market_id int4 not null,
    last_price int4,
    yes_bid int4,
    yes_ask int4
$$);

select kalshid.create_stream_table('lifecycle_events', interval '1 day', 'received_at', 'received_at', '', 'none', false, $$
    received_at timestamptz not null,
    market_id int4,
    type text not null,
    event_type text,
    event_ticker text,
    payload text not null                   -- the frame's msg, JSON as received
$$);

select kalshid.create_stream_table('rejected_frames', interval '1 day', 'received_at', 'received_at', '', 'none', false, $$
    received_at timestamptz not null,
    gatherer_id int2 not null,
    market_id int4,                         -- as far as it was readable
    type text not null,
    reason text not null,
    frame bytea not null
$$);

-- ---- what is proven ---------------------------------------------------------------------------------------------------

-- A market's stretches, between whose changes nothing lies, and the gaps between them. Times are the exchange's.
create table kalshid.coverage (
    from_at timestamptz not null,
    to_at timestamptz not null,             -- infinity while it goes on
    first_at timestamptz,                   -- of a stretch: its first change; null while there is none, and for gaps
    last_at timestamptz,                    -- of a stretch that does not go on: its last change
    recorded_at timestamptz not null default clock_timestamp(),
    market_id int4 not null,
    number int4 not null,
    first_ordinal int4,
    last_ordinal int4,
    state text not null check (state in ('whole', 'gap', 'repaired')),
    reason text not null,                   -- why a stretch ended or a gap began; empty while it goes on
    primary key (market_id, number)
) with (fillfactor = 80);
create index coverage_market on kalshid.coverage (market_id, from_at);

-- A gatherer saw every change of the market with after < (exchange_at, ordinal) <= last, and nothing between them.
create table kalshid.vouches (
    epoch_id timestamptz not null,          -- the gatherer's, as from_at and to_at by its clock
    from_at timestamptz not null,
    to_at timestamptz not null default 'infinity', -- infinity while it goes on: last is then not known yet
    after_at timestamptz,                   -- null: before the first change of its stretch
    last_at timestamptz,                    -- null when it is over: it saw no change
    market_id int4 not null,
    number int4 not null,
    after_ordinal int4,
    last_ordinal int4,
    gatherer_id int2 not null,
    reason text not null default '',        -- why it ended
    primary key (market_id, number)
) with (fillfactor = 80);
create index vouches_last on kalshid.vouches (market_id, (coalesce(last_at, to_at))); -- who saw a change: those that end no earlier

-- What a gatherer covers of a channel for all markets (trade, ticker, …). Times are received_at of that gatherer.
create table kalshid.channel_coverage (
    from_at timestamptz not null,
    to_at timestamptz not null,             -- infinity while it goes on
    epoch_id timestamptz,                   -- null for a gap
    gatherer_id int2 not null,
    channel text not null,
    state text not null check (state in ('whole', 'gap', 'repaired')),
    reason text not null                    -- why a gap began
);
create unique index channel_coverage_row on kalshid.channel_coverage (gatherer_id, channel, from_at, epoch_id) nulls not distinct;

-- Two gatherers that vouch for a market's stream say different things of what follows `after`. A version that says nothing has nulls.
create table kalshid.disagreements (
    found_at timestamptz not null,          -- received_at of the row that showed it
    after_at timestamptz,
    held_exchange_at timestamptz,
    other_exchange_at timestamptz,
    settled_at timestamptz,                 -- null while it is open
    held_delta int8,                        -- what production held when it was found
    other_delta int8,
    market_id int4 not null,
    number int4 not null,
    after_ordinal int4,
    held_price int4,
    other_price int4,
    held_side "char",
    other_side "char",
    held_by text not null,                  -- names, joined by commas
    other_by text not null,
    verdict text not null,                  -- empty while it is open; held, other or undecided, and by what
    primary key (market_id, number)
);
create index disagreements_found on kalshid.disagreements (found_at);

\ir ../../Store/Schema/Shared/objects.sql
