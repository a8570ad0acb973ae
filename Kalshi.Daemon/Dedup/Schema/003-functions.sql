-- Questions that a view cannot answer well, as in a gatherer's store, but in the exchange's time. They run with the caller's rights, and with plans for
-- small results: no partition is read whole because its statistics are young.

-- Every change that the exchange stamped up to this moment is in the store, if a gatherer had it; nothing is known of later ones.
create function kalshi.loaded_to()
    returns timestamptz language sql stable as $$
    select coalesce((select watermark - margin from kalshid.store), '-infinity')
$$;

\ir ../../Store/Schema/Shared/markets-and-retention.sql

-- As kalshi.loaded_to, for one market's book: while it is watched only by gatherers that have not told yet, not beyond what they told.
create function kalshid.loaded_to(market int4)
    returns timestamptz language sql stable set search_path = kalshid, pg_catalog, pg_temp as $$
    select least(kalshi.loaded_to(), case when exists (select from kalshid.coverage c where c.market_id = market and c.to_at = 'infinity' and c.state = 'whole')
        then (select max(w.to_at) from kalshid.watches w where w.market_id = market) end)
$$;

-- ---- one market, a range of time: as the views, faster where chunks are compressed --------------------------------------

create function kalshi.orderbook_deltas_of(ticker text, since timestamptz, until timestamptz)
    returns table (exchange_at timestamptz, ordinal int4, side text, price numeric(7, 6), delta numeric(18, 2), received_at timestamptz, sources text[])
    language sql stable as $$
    select d.exchange_at, d.ordinal,
\ir ../../Store/Schema/Shared/delta-values.sql
    , d.received_at,
\ir Shared/sources.sql
    from kalshid.orderbook_deltas d
    where d.market_id = (select m.market_id from kalshid.markets m where m.ticker = $1) and d.exchange_at between $2 and $3
$$;

create function kalshi.trades_of(ticker text, since timestamptz, until timestamptz)
    returns table (received_at timestamptz, exchange_at timestamptz, trade_id text, yes_price numeric(7, 6), no_price numeric(7, 6),
        count numeric(18, 2), taker_side text, taker_book_side text, is_block_trade boolean, origin text)
    language sql stable as $$
    select t.received_at, t.exchange_at,
\ir ../../Store/Schema/Shared/trade-values.sql
    from kalshid.trades t
    where t.market_id = (select m.market_id from kalshid.markets m where m.ticker = $1) and t.exchange_at between $2 and $3
$$;

create function kalshi.tickers_of(ticker text, since timestamptz, until timestamptz)
    returns table (received_at timestamptz, exchange_at timestamptz, last_price numeric(7, 6), yes_bid numeric(7, 6), yes_ask numeric(7, 6),
        yes_bid_size numeric(18, 2), yes_ask_size numeric(18, 2), last_trade_size numeric(18, 2), volume numeric(18, 2), open_interest numeric(18, 2),
        dollar_volume int8, dollar_open_interest int8)
    language sql stable as $$
    select t.received_at, t.exchange_at,
\ir ../../Store/Schema/Shared/ticker-values.sql
    from kalshid.tickers t
    where t.market_id = (select m.market_id from kalshid.markets m where m.ticker = $1) and t.exchange_at between $2 and $3
$$;

-- ---- coverage -----------------------------------------------------------------------------------------------------------

create function kalshid.book_coverage(market int4)
    returns setof kalshid.coverage language sql stable as $$
    select c.* from kalshid.coverage c where c.market_id = $1
$$;

\ir ../../Store/Schema/Shared/coverage.sql

-- Whether every change of a market's book between two instants is held, and by whose word: intervals that follow each other without a hole, `whole` with the
-- gatherers that vouch for all of it, `gap` or `repaired` with the reason. Ends of a whole interval belong to it. Of another channel
-- than orderbook_delta: whether its whole stream is held, times being received_at.
create function kalshi.coverage_of(ticker text, since timestamptz, until timestamptz, channel text default 'orderbook_delta')
    returns table (from_at timestamptz, to_at timestamptz, state text, reason text, sources text[])
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp as $$
declare
    market int4 := case when channel = 'orderbook_delta' then kalshid.market_of(ticker) end;
    loaded timestamptz := case when market is null then (select watermark from kalshid.store) else kalshid.loaded_to(market) end;
    doubt interval := (select 2 * s.margin from kalshid.store s);
    known record;
    watches record;
begin
    if since > until then
        raise exception 'coverage_of: since (%) is after until (%)', since, until using errcode = 'invalid_parameter_value';
    end if;
    if market is null then
        select array_agg(c.from_at) as from_ats, array_agg(least(c.to_at, g.position)) as to_ats, array_agg(c.state) as states, array_agg(c.reason) as reasons,
            array_agg(case when c.state = 'whole' then g.name end) as names, min(c.from_at) as first
        into known from kalshid.channel_coverage c join kalshid.gatherers g using (gatherer_id) where c.channel = coverage_of.channel;
        watches := known;
    else
        select array_agg(c.from_at) as from_ats, array_agg(c.to_at) as to_ats, array_agg(c.state) as states, array_agg(c.reason) as reasons, min(c.from_at) as first
        into known from kalshid.coverage c where c.market_id = market;
        select array_agg(w.from_at) as from_ats, array_agg(w.to_at) as to_ats, array_agg(w.name) as names
        into watches from kalshid.watches w where w.market_id = market and w.from_at - doubt <= until and w.to_at + doubt >= since;
    end if;
    return query
    with tiles as materialized (
        select t.* from kalshid.tile_coverage(since, until, kalshid.kept_from(), coalesce(known.first, 'infinity'), coalesce(loaded, '-infinity'),
            known.from_ats, known.to_ats, known.states, known.reasons) t
    ), watched as materialized (
        select w.* from unnest(watches.from_ats, watches.to_ats, watches.names) w (from_at, to_at, name) where w.name is not null and w.from_at <= w.to_at
    ), cuts as ( -- of a whole interval: where those that vouch for it change
        select t.from_at as tile, p.at as from_at, lead(p.at) over (partition by t.from_at order by p.at) as to_at
        from tiles t cross join lateral (
            select t.from_at as at
            union select t.to_at
            union select w.from_at from watched w where w.from_at > t.from_at and w.from_at < t.to_at
            union select w.to_at from watched w where w.to_at > t.from_at and w.to_at < t.to_at
        ) p
        where t.state = 'whole'
    ), vouched as (
        select c.tile, c.from_at, coalesce(c.to_at, c.from_at) as to_at,
            array(select distinct w.name from watched w where w.from_at <= c.from_at and w.to_at >= coalesce(c.to_at, c.from_at) order by w.name) as sources,
            -- where one gatherer's word joins another's: within the doubt of their clocks
            array(select distinct w.name from watched w where w.from_at - doubt <= c.from_at and w.to_at + doubt >= coalesce(c.to_at, c.from_at) order by w.name) as neighbours
        from cuts c
        where c.to_at is not null or not exists (select from cuts o where o.tile = c.tile and o.from_at <> c.from_at)
    ), told as (
        select v.tile, v.from_at, v.to_at, case when v.sources = '{}' then v.neighbours else v.sources end as sources from vouched v
    ), changes as (
        select t.*, (t.sources is distinct from lag(t.sources) over (partition by t.tile order by t.from_at))::int as is_change from told t
    ), runs as (
        select c.*, sum(c.is_change) over (partition by c.tile order by c.from_at) as run from changes c
    ), pieces as (
        select min(r.from_at) as from_at, max(r.to_at) as to_at, 'whole' as state, null::text as reason, r.sources from runs r group by r.tile, r.run, r.sources
        union all
        select t.from_at, t.to_at, t.state, t.reason, '{}' from tiles t where t.state <> 'whole'
    )
    select p.* from pieces p order by p.from_at, p.to_at;
end $$;

-- ---- books --------------------------------------------------------------------------------------------------------------

-- The book of a coverage row at an instant: the last snapshot that stands by then and every change after it. No snapshot_at without a
-- snapshot. Levels below zero are kept, as they came. A snapshot stands since it was received, but before the change that follows it.
create function kalshid.fold(market int4, cover kalshid.coverage, at timestamptz,
    out snapshot_at timestamptz, out sides "char"[], out prices int4[], out sizes int8[])
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
    slack constant interval := interval '1 hour'; -- more than delay and skew
    latest timestamptz;
    candidate kalshid.orderbook_snapshots;
    base kalshid.orderbook_snapshots;
begin
    for candidate in execute $sql$
        select s.* from kalshid.orderbook_snapshots s
        where s.market_id = $1 and s.received_at between $3 and $4 and s.coverage_number = $2
            and (s.exchange_at is null or s.exchange_at <= $5 and (s.received_at <= $5 or exists (
                select from kalshid.orderbook_deltas d
                where d.market_id = $1 and d.exchange_at between s.exchange_at and $5 and (d.exchange_at, d.ordinal) > (s.exchange_at, s.ordinal))))
        order by s.received_at desc
        $sql$
        using market, cover.number, greatest(cover.from_at - slack, kalshid.kept_from() + (select s.margin from kalshid.store s)), at + slack, at
    loop
        latest := coalesce(latest, candidate.received_at);
        exit when candidate.received_at < latest - slack; -- one that was received earlier may be another gatherer's of a later place
        if base.received_at is null
            or (coalesce(candidate.exchange_at, '-infinity'), coalesce(candidate.ordinal, 0)) > (coalesce(base.exchange_at, '-infinity'), coalesce(base.ordinal, 0)) then
            base := candidate;
        end if;
    end loop;
    snapshot_at := base.received_at;
    if snapshot_at is null then
        return;
    end if;
    if base.exchange_at is null then
        base.exchange_at := coalesce(cover.first_at, 'infinity');
        base.ordinal := coalesce(cover.first_ordinal, 0) - 1;
    end if;
    execute $sql$
        select coalesce(array_agg(l.side order by l.side, l.price), '{}'), coalesce(array_agg(l.price order by l.side, l.price), '{}'),
            coalesce(array_agg(l.size order by l.side, l.price), '{}')
        from (
            select c.side, c.price, sum(c.size)::int8 as size
            from (
                select 'y'::"char" as side, unnest($6::int4[]) as price, unnest($7::int8[]) as size
                union all
                select 'n', unnest($8::int4[]), unnest($9::int8[])
                union all
                select d.side, d.price, d.delta
                from kalshid.orderbook_deltas d
                where d.market_id = $1 and d.exchange_at between $2 and $4 and (d.exchange_at, d.ordinal) > ($2, $3) and (d.exchange_at, d.ordinal) <= ($4, $5)
            ) c
            group by c.side, c.price
            having sum(c.size) <> 0
        ) l
        $sql$
        into sides, prices, sizes
        using market, base.exchange_at, base.ordinal, least(at, cover.last_at), case when cover.last_at <= at then cover.last_ordinal else 2147483647 end,
            base.yes_prices, base.yes_sizes, base.no_prices, base.no_sizes;
end $$;

-- The order book of a market at an instant of the exchange's time, all its changes included, each side best first. An instant that is not covered, or not
-- loaded yet, is an error that says why, unless require_coverage is false: then it is the last book known before.
create function kalshi.orderbook_at(ticker text, at timestamptz, require_coverage boolean default true)
    returns table (side text, price numeric(7, 6), size numeric(18, 2), snapshot_at timestamptz)
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
declare
    market int4 := kalshid.market_of(ticker);
    loaded timestamptz := kalshid.loaded_to(market);
    cover kalshid.coverage := kalshid.cover_at(market, at);
    book record;
begin
    if at > loaded and require_coverage then
        raise exception '% is not loaded up to %: the store holds its book until %', ticker, at, loaded
            using errcode = 'no_data_found', hint = 'Ask for an earlier instant, such as kalshi.loaded_to(), or pass require_coverage => false.';
    end if;
    if cover.number is null and require_coverage then
        raise exception '% is not covered at %: %', ticker, at, kalshid.why_not_covered(market, at)
            using errcode = 'no_data_found', hint = 'kalshi.coverage_of tells what is covered; require_coverage => false gives the last book known before.';
    end if;
    if cover.number is null then
        select * into cover from kalshid.coverage c where c.market_id = market and c.state = 'whole' and c.from_at <= at order by c.to_at desc, c.from_at desc limit 1;
    end if;
    if cover.number is null then
        return;
    end if;
    book := kalshid.fold(market, cover, at);
    if book.snapshot_at is null and require_coverage then
        raise exception 'the rows of % before % were dropped by retention', ticker, at using errcode = 'no_data_found';
    end if;
    return query
    select case l.side when 'y' then 'yes' else 'no' end, (l.price * 0.000001)::numeric(7, 6), (l.size * 0.01)::numeric(18, 2), book.snapshot_at
    from unnest(book.sides, book.prices, book.sizes) l (side, price, size)
    order by l.side desc, l.price desc;
end $$;

-- Snapshots within a coverage row are what its changes give, but for the empty ones, by which the exchange clears a closed market's book.
create function kalshid.changes_of(market int4, cover kalshid.coverage, since timestamptz, until timestamptz)
    returns text language sql stable set search_path = kalshid, pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
    select format($sql$
        select d.exchange_at, d.ordinal, '-infinity', d.received_at, d.side = 'y', d.price, d.delta
        from kalshid.orderbook_deltas d
        where d.market_id = %1$s and d.exchange_at > %3$L and d.exchange_at <= %4$L and (d.exchange_at, d.ordinal) <= (%5$L, %6$s)
        union all
        select c.at, case when c.at = c.place_at then c.ordinal else -1 end, c.received_at, c.received_at, null, null, null
        from (
            select s.received_at, s.ordinal, s.exchange_at as place_at, least(greatest(s.received_at, s.exchange_at), (
                select min(d.exchange_at) from kalshid.orderbook_deltas d
                where d.market_id = %1$s and d.exchange_at >= s.exchange_at and d.exchange_at <= %4$L and (d.exchange_at, d.ordinal) > (s.exchange_at, s.ordinal))) as at
            from kalshid.orderbook_snapshots s
            where s.market_id = %1$s and s.received_at > %3$L and s.received_at <= %7$L
                and s.coverage_number = %2$s and s.yes_prices = '{}' and s.no_prices = '{}' and s.exchange_at is not null
        ) c
        where c.at > %3$L and c.at <= %4$L
        $sql$, market, cover.number, since, until, coalesce(cover.last_at, 'infinity'), coalesce(cover.last_ordinal, 0), until + interval '1 hour')
$$;

\ir ../../Store/Schema/Shared/tops.sql

-- The best prices of a market between two instants: a row at `since` and one at each instant that changed one, each true until the next; received_at: when
-- a gatherer first knew. The ask of yes is a dollar less the best no bid. Time that is not covered is a row with is_covered false and no prices.
create function kalshi.top_of_book(ticker text, since timestamptz, until timestamptz)
    returns table (at timestamptz, received_at timestamptz, yes_bid numeric(7, 6), yes_bid_size numeric(18, 2), yes_ask numeric(7, 6), yes_ask_size numeric(18, 2), is_covered boolean)
    language sql stable as $$
    select t.* from kalshid.top_changes($1, $2, $3, kalshid.loaded_to((select m.market_id from kalshid.markets m where m.ticker = $1))) t
$$;
