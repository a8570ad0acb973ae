-- Questions that a view cannot answer well. They run with the caller's rights, and with plans for small results: no partition is read
-- whole because its statistics are young.

-- Everything received up to this moment is in the store; nothing is known of later ones.
create function kalshi.loaded_to()
    returns timestamptz language sql stable as $$
    select coalesce((select position from kalshid.cursors where name = 'loader'), '-infinity')
$$;

\ir Shared/markets-and-retention.sql

-- ---- one market, a range of time: as the views, faster where chunks are compressed --------------------------------------

create function kalshi.orderbook_deltas_of(ticker text, since timestamptz, until timestamptz)
    returns table (received_at timestamptz, exchange_at timestamptz, side text, price numeric(7, 6), delta numeric(18, 2), epoch_id timestamptz, seq int8)
    language sql stable as $$
    select d.received_at, d.exchange_at,
\ir Shared/delta-values.sql
    , d.epoch_id, d.seq
    from kalshid.orderbook_deltas d
    where d.market_id = (select m.market_id from kalshid.markets m where m.ticker = $1) and d.received_at between $2 and $3
$$;

create function kalshi.trades_of(ticker text, since timestamptz, until timestamptz)
    returns table (received_at timestamptz, exchange_at timestamptz, trade_id text, yes_price numeric(7, 6), no_price numeric(7, 6),
        count numeric(18, 2), taker_side text, taker_book_side text, is_block_trade boolean, origin text)
    language sql stable as $$
    select t.received_at, t.exchange_at,
\ir Shared/trade-values.sql
    from kalshid.trades t
    where t.market_id = (select m.market_id from kalshid.markets m where m.ticker = $1) and t.received_at between $2 and $3
$$;

create function kalshi.tickers_of(ticker text, since timestamptz, until timestamptz)
    returns table (received_at timestamptz, exchange_at timestamptz, last_price numeric(7, 6), yes_bid numeric(7, 6), yes_ask numeric(7, 6),
        yes_bid_size numeric(18, 2), yes_ask_size numeric(18, 2), last_trade_size numeric(18, 2), volume numeric(18, 2), open_interest numeric(18, 2),
        dollar_volume int8, dollar_open_interest int8)
    language sql stable as $$
    select t.received_at, t.exchange_at,
\ir Shared/ticker-values.sql
    from kalshid.tickers t
    where t.market_id = (select m.market_id from kalshid.markets m where m.ticker = $1) and t.received_at between $2 and $3
$$;

-- ---- coverage -----------------------------------------------------------------------------------------------------------

-- Whether every change of a market's book between two instants is held: intervals that follow each other without a hole, `whole`, `gap` or
-- `repaired`, the latter two with their reason. Ends of a whole interval belong to it. Of another channel than
-- orderbook_delta: whether its whole stream is held.
create function kalshi.coverage_of(ticker text, since timestamptz, until timestamptz, channel text default 'orderbook_delta')
    returns table (from_at timestamptz, to_at timestamptz, state text, reason text)
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp as $$
declare
    market int4 := case when channel = 'orderbook_delta' then kalshid.market_of(ticker) else 0 end;
    loaded timestamptz := kalshi.loaded_to();
    dropped timestamptz := kalshid.kept_from();
begin
    if since > until then
        raise exception 'coverage_of: since (%) is after until (%)', since, until using errcode = 'invalid_parameter_value';
    end if;
    return query
    with known as materialized (
        select c.from_at, least(c.to_at, loaded) as to_at, c.state, c.reason
        from kalshid.coverage c
        where c.market_id = market and c.channel = coverage_of.channel and c.from_at <= least(until, loaded) and c.to_at >= since
    ), held as (
        select coalesce(range_agg(tstzrange(greatest(k.from_at, dropped, since), least(k.to_at, until), '[]')), '{}') as ranges
        from known k
        where k.state = 'whole' and greatest(k.from_at, dropped, since) <= least(k.to_at, until)
    ), causes as ( -- in order of time; where two meet or overlap, the earlier one is cut
        select 1 as rank, '-infinity'::timestamptz as from_at, dropped as to_at, 'gap' as state, 'dropped by retention' as reason
        union all
        select 2, '-infinity', coalesce(min(c.from_at), loaded), 'gap', 'before the first snapshot'
        from kalshid.coverage c where c.market_id = market and c.channel = coverage_of.channel
        union all
        select 3, k.from_at, k.to_at, k.state, k.reason from known k where k.state <> 'whole'
        union all
        select 4, loaded, 'infinity', 'gap', 'not loaded yet'
    ), cut as (
        select greatest(c.from_at, max(c.to_at) over (order by c.from_at, c.rank, c.to_at rows between unbounded preceding and 1 preceding)) as from_at,
            c.to_at, c.state, c.reason
        from causes c
    ), missing as (
        select unnest(multirange(tstzrange(since, until, '[]')) - h.ranges) as range from held h
    ), explained as (
        select m.range, c.from_at, c.to_at, c.state, c.reason
        from missing m
        join cut c on c.from_at <= c.to_at and tstzrange(c.from_at, c.to_at, '[]') && m.range
    ), pieces as (
        select lower(r) as from_at, upper(r) as to_at, 'whole' as state, null::text as reason from held h, unnest(h.ranges) r
        union all
        select greatest(lower(e.range), e.from_at), least(upper(e.range), e.to_at), e.state, e.reason from explained e
        union all
        select lower(r), upper(r), 'gap', 'not covered'
        from missing m, unnest(multirange(m.range) - coalesce((
            select range_agg(tstzrange(e.from_at, e.to_at, '[]')) from explained e where e.range = m.range), '{}')) r
    )
    select p.from_at, p.to_at, p.state, nullif(p.reason, '')
    from pieces p
    where p.from_at < p.to_at or since = until or p.state = 'whole'
    order by p.from_at, p.to_at
    limit case when since = until then 1 end;
end $$;

-- ---- books --------------------------------------------------------------------------------------------------------------

-- An epoch's book of a market at an instant: the last snapshot at or after `since` and every delta after it. No rows, and no
-- snapshot_at, without a snapshot. Levels below zero are kept, as they came.
create function kalshid.fold(market int4, epoch timestamptz, since timestamptz, at timestamptz,
    out snapshot_at timestamptz, out snapshot_seq int8, out sides "char"[], out prices int4[], out sizes int8[])
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
begin
    execute 'select s.received_at, s.seq from kalshid.orderbook_snapshots s
        where s.market_id = $1 and s.epoch_id = $2 and s.received_at >= $3 and s.received_at <= $4 order by s.received_at desc limit 1'
        into snapshot_at, snapshot_seq using market, epoch, since, at;
    if snapshot_at is null then
        return;
    end if;
    execute $sql$
        select coalesce(array_agg(l.side order by l.side, l.price), '{}'), coalesce(array_agg(l.price order by l.side, l.price), '{}'),
            coalesce(array_agg(l.size order by l.side, l.price), '{}')
        from (
            select c.side, c.price, sum(c.size)::int8 as size
            from (
                select 'y'::"char" as side, unnest(s.yes_prices) as price, unnest(s.yes_sizes) as size
                from kalshid.orderbook_snapshots s where s.market_id = $1 and s.received_at = $3
                union all
                select 'n', unnest(s.no_prices), unnest(s.no_sizes)
                from kalshid.orderbook_snapshots s where s.market_id = $1 and s.received_at = $3
                union all
                select d.side, d.price, d.delta
                from kalshid.orderbook_deltas d
                where d.market_id = $1 and d.received_at > $3 and d.received_at <= $4 and d.epoch_id = $2
            ) c
            group by c.side, c.price
            having sum(c.size) <> 0
        ) l
        $sql$
        into sides, prices, sizes using market, epoch, snapshot_at, at;
end $$;

-- The order book of a market at an instant of receive time, each side best first. An instant that is not covered, or not loaded yet, is an error
-- that says why, unless require_coverage is false: then it is the last book known before.
create function kalshi.orderbook_at(ticker text, at timestamptz, require_coverage boolean default true)
    returns table (side text, price numeric(7, 6), size numeric(18, 2), snapshot_at timestamptz, epoch_id timestamptz)
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
declare
    market int4 := kalshid.market_of(ticker);
    loaded timestamptz := kalshi.loaded_to();
    cover kalshid.coverage;
    until timestamptz := at;
    book record;
begin
    if at > loaded and require_coverage then
        raise exception '% is not loaded up to %: the store holds what was received until %', ticker, at, loaded
            using errcode = 'no_data_found', hint = 'Ask for an earlier instant, such as kalshi.loaded_to(), or pass require_coverage => false.';
    end if;
    select * into cover from kalshid.coverage c
    where c.market_id = market and c.channel = 'orderbook_delta' and c.state = 'whole' and c.from_at <= at and c.to_at >= at
    order by c.to_at, c.from_at limit 1;
    if cover.epoch_id is null and require_coverage then
        raise exception '% is not covered at %: %', ticker, at, kalshid.why_not_covered(market, at)
            using errcode = 'no_data_found', hint = 'kalshi.coverage_of tells what is covered; require_coverage => false gives the last book known before.';
    end if;
    if cover.epoch_id is null then
        select * into cover from kalshid.coverage c
        where c.market_id = market and c.channel = 'orderbook_delta' and c.state = 'whole' and c.from_at <= at
        order by c.to_at desc, c.from_at desc limit 1;
        -- The epoch may have gone on after the market's coverage ended, with changes that count, but not beyond its last frame.
        until := least(at, loaded, (select e.to_at from kalshid.epochs e where e.epoch_id = cover.epoch_id and e.end_reason is not null));
    end if;
    if cover.epoch_id is null then
        return;
    end if;
    book := kalshid.fold(market, cover.epoch_id, greatest(cover.from_at, kalshid.kept_from()), until);
    if book.snapshot_at is null and require_coverage then
        raise exception 'the rows of % before % were dropped by retention', ticker, at using errcode = 'no_data_found';
    end if;
    return query
    select case l.side when 'y' then 'yes' else 'no' end, (l.price * 0.000001)::numeric(7, 6), (l.size * 0.01)::numeric(18, 2), book.snapshot_at, cover.epoch_id
    from unnest(book.sides, book.prices, book.sizes) l (side, price, size)
    order by l.side desc, l.price desc;
end $$;

-- One sentence for people.
create function kalshid.why_not_covered(market int4, at timestamptz)
    returns text language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
declare
    c kalshid.coverage;
begin
    select * into c from kalshid.coverage k
    where k.market_id = market and k.channel = 'orderbook_delta' and k.state = 'gap' and k.from_at <= at and k.to_at >= at order by k.from_at limit 1;
    if c.from_at is not null then
        return format('gap from %s to %s, %s', c.from_at, case when c.to_at < 'infinity' then c.to_at::text else 'now' end, c.reason);
    end if;
    select * into c from kalshid.coverage k
    where k.market_id = market and k.channel = 'orderbook_delta' and k.state = 'whole' and k.from_at > at order by k.from_at limit 1;
    if c.from_at is not null then
        return format('coverage begins %s', c.from_at);
    end if;
    select * into c from kalshid.coverage k
    where k.market_id = market and k.channel = 'orderbook_delta' and k.state = 'whole' order by k.to_at desc limit 1;
    return case when c.to_at is null then 'there is no snapshot of this market' else format('coverage ended %s', c.to_at) end;
end $$;

-- The best prices of a market between two instants: a row at `since` and one at each change, each true until the next. The ask of yes is a dollar
-- less the best no bid. Time that is not covered is a row with is_covered false and no prices.
create function kalshi.top_of_book(ticker text, since timestamptz, until timestamptz)
    returns table (at timestamptz, exchange_at timestamptz, yes_bid numeric(7, 6), yes_bid_size numeric(18, 2), yes_ask numeric(7, 6), yes_ask_size numeric(18, 2), is_covered boolean)
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
    tick constant interval := interval '1 microsecond';
    market int4 := kalshid.market_of(ticker);
    finish timestamptz := least(until, kalshi.loaded_to());
    place timestamptz := since;         -- told up to here
    cover kalshid.coverage;
    top record;
    told record;
begin
    if since > until then
        raise exception 'top_of_book: since (%) is after until (%)', since, until using errcode = 'invalid_parameter_value';
    end if;
    told := row(null::int4, null::int8, null::int4, null::int8, null::boolean);
    loop
        cover := null;
        if place <= finish then
            select * into cover from kalshid.coverage c
            where c.market_id = market and c.channel = 'orderbook_delta' and c.state = 'whole' and c.from_at <= place and c.to_at >= place
            order by c.to_at desc, c.from_at limit 1;
        end if;
        if cover.epoch_id is not null then
            for top in select t.* from kalshid.tops(market, cover.epoch_id, greatest(cover.from_at, kalshid.kept_from()), place, least(cover.to_at, finish)) t loop
                continue when row(top.bid, top.bid_size, top.no_bid, top.no_bid_size, top.is_known) is not distinct from told;
                told := row(top.bid, top.bid_size, top.no_bid, top.no_bid_size, top.is_known);
                at := top.at;
                exchange_at := top.exchange_at;
                yes_bid := top.bid * 0.000001;
                yes_bid_size := top.bid_size * 0.01;
                yes_ask := (1000000 - top.no_bid) * 0.000001;
                yes_ask_size := top.no_bid_size * 0.01;
                is_covered := top.is_known;
                return next;
            end loop;
            place := least(cover.to_at, finish) + tick;
            exit when place > until;
            continue;
        end if;
        if told.f5 is distinct from false then
            told := row(null::int4, null::int8, null::int4, null::int8, false);
            at := place;
            exchange_at := null;
            yes_bid := null;
            yes_bid_size := null;
            yes_ask := null;
            yes_ask_size := null;
            is_covered := false;
            return next;
        end if;
        place := (
            select min(c.from_at) from kalshid.coverage c
            where c.market_id = market and c.channel = 'orderbook_delta' and c.state = 'whole' and c.from_at > place and c.from_at <= finish);
        exit when place is null;
    end loop;
end $$;

-- The tops of one epoch's book in [since, until]: at since, and wherever one may have changed. Before a snapshot is_known is false.
create function kalshid.tops(market int4, epoch timestamptz, covered_from timestamptz, since timestamptz, until timestamptz)
    returns table (at timestamptz, exchange_at timestamptz, bid int4, bid_size int8, no_bid int4, no_bid_size int8, is_known boolean)
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
    start record := kalshid.fold(market, epoch, covered_from, since);
    change record;
    sizes int8[] := '{}';               -- by rank: levels of no ascending by price, then those of yes
    prices int4[] := '{}';
    yes_from int;                       -- the lowest rank of yes
    yes_top int;                        -- ranks of the best bids; null for an empty side
    no_top int;
    rank int;
    is_touched boolean := false;        -- something at or above a top has changed at `at`
begin
    is_known := start.snapshot_at is not null;
    at := since;
    if not is_known then
        return next;
    end if;
    for change in execute $sql$
        with changes as materialized (
            select $4 as received_at, null::timestamptz as exchange_at, l.side = 'y' as is_yes, l.price, l.size as delta
            from unnest($6::"char"[], $7::int4[], $8::int8[]) l (side, price, size)
            union all
            select d.received_at, d.exchange_at, d.side = 'y', d.price, d.delta
            from kalshid.orderbook_deltas d
            where d.market_id = $1 and d.received_at > $4 and d.received_at <= $5 and d.epoch_id = $2
            union all
            select s.received_at, null, s.is_yes, unnest(s.prices), unnest(s.sizes)
            from (
                select s.received_at, true as is_yes, s.yes_prices as prices, s.yes_sizes as sizes
                from kalshid.orderbook_snapshots s where s.market_id = $1 and s.received_at > $4 and s.received_at <= $5 and s.epoch_id = $2
                union all
                select s.received_at, false, s.no_prices, s.no_sizes
                from kalshid.orderbook_snapshots s where s.market_id = $1 and s.received_at > $4 and s.received_at <= $5 and s.epoch_id = $2
            ) s
        ), levels as (
            select l.is_yes, l.price, row_number() over (order by l.is_yes, l.price)::int as rank, (count(*) filter (where not l.is_yes) over ())::int + 1 as yes_from
            from (select distinct c.is_yes, c.price from changes c) l
        )
        select c.received_at, c.exchange_at, c.is_yes, c.price, c.delta, l.rank, l.yes_from
        from changes c join levels l using (is_yes, price)
        union all
        select s.received_at, null, null, null, null, null, null -- a snapshot: the book anew
        from kalshid.orderbook_snapshots s where s.market_id = $1 and s.received_at > $4 and s.received_at <= $5 and s.epoch_id = $2
        union all
        select $4, null, null, null, null, null, null where $9
        order by received_at, is_yes nulls first
        $sql$
        using market, epoch, covered_from, since, until, start.sides, start.prices, start.sizes, start.snapshot_at is not null
    loop
        if is_touched and change.received_at > at then
            bid := prices[yes_top];
            bid_size := sizes[yes_top];
            no_bid := prices[no_top];
            no_bid_size := sizes[no_top];
            return next;
            is_touched := false;
        end if;
        rank := change.rank;
        if rank is null then
            is_known := true;
            sizes := '{}';
            yes_top := null;
            no_top := null;
        else
            continue when not is_known;
            sizes[rank] := coalesce(sizes[rank], 0) + change.delta;
            prices[rank] := change.price;
            if change.is_yes then
                continue when rank < yes_top;
                yes_from := change.yes_from;
                yes_top := rank;
                while yes_top >= yes_from and coalesce(sizes[yes_top], 0) = 0 loop
                    yes_top := yes_top - 1;
                end loop;
                yes_top := case when yes_top >= yes_from then yes_top end;
            else
                continue when rank < no_top;
                no_top := rank;
                while no_top >= 1 and coalesce(sizes[no_top], 0) = 0 loop
                    no_top := no_top - 1;
                end loop;
                no_top := nullif(no_top, 0);
            end if;
        end if;
        is_touched := true;
        at := change.received_at;
        exchange_at := change.exchange_at;
    end loop;
    if is_touched then
        bid := prices[yes_top];
        bid_size := sizes[yes_top];
        no_bid := prices[no_top];
        no_bid_size := sizes[no_top];
        return next;
    end if;
end $$;
