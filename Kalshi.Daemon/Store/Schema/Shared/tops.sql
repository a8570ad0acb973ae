-- Best prices. Each kind of database has kalshid.fold(market, cover, at), the book of a coverage row at an instant, and
-- kalshid.changes_of(market, cover, since, until), a query whose rows are what changes it in (since, until]:
--   at, ordinal, turn   order; at is also when it changed
--   stamp               told with it: exchange_at in a gatherer's store, received_at in production
--   is_yes, price, delta; all null: the book is emptied, as by the snapshot whose levels follow

-- The tops of a coverage row's book in [since, until]: at since, and wherever one may have changed. Before a snapshot is_known is false.
create function kalshid.tops(market int4, cover kalshid.coverage, since timestamptz, until timestamptz)
    returns table (at timestamptz, stamp timestamptz, bid int4, bid_size int8, no_bid int4, no_bid_size int8, is_known boolean)
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
    start record := kalshid.fold(market, cover, since);
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
    for change in execute format($sql$
        with changes (at, ordinal, turn, stamp, is_yes, price, delta) as materialized (
            select $1, -1::int8, '-infinity'::timestamptz, null::timestamptz, l.side = 'y', l.price, l.size
            from unnest($2::"char"[], $3::int4[], $4::int8[]) l (side, price, size)
            union all
            select $1, -1, '-infinity', null, null, null, null where $5
            union all
            %s
        ), levels as (
            select l.is_yes, l.price, row_number() over (order by l.is_yes, l.price)::int as rank, (count(*) filter (where not l.is_yes) over ())::int + 1 as yes_from
            from (select distinct c.is_yes, c.price from changes c where c.is_yes is not null) l
        )
        select c.at, c.stamp, c.is_yes, c.price, c.delta, l.rank, l.yes_from
        from changes c left join levels l using (is_yes, price)
        order by c.at, c.ordinal, c.turn, c.is_yes nulls first
        $sql$, kalshid.changes_of(market, cover, since, until))
        using since, start.sides, start.prices, start.sizes, is_known
    loop
        if is_touched and change.at > at then
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
        at := change.at;
        stamp := change.stamp;
    end loop;
    if is_touched then
        bid := prices[yes_top];
        bid_size := sizes[yes_top];
        no_bid := prices[no_top];
        no_bid_size := sizes[no_top];
        return next;
    end if;
end $$;

-- The best prices of a market between two instants, nothing being loaded behind `loaded`: a row at `since` and one at each change, each true until
-- the next. The ask of yes is a dollar less the best no bid. Time that is not covered is a row with is_covered false and no prices.
create function kalshid.top_changes(ticker text, since timestamptz, until timestamptz, loaded timestamptz)
    returns table (at timestamptz, stamp timestamptz, yes_bid numeric(7, 6), yes_bid_size numeric(18, 2), yes_ask numeric(7, 6), yes_ask_size numeric(18, 2), is_covered boolean)
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp set enable_seqscan = off set jit = off as $$
declare
    tick constant interval := interval '1 microsecond';
    market int4 := kalshid.market_of(ticker);
    finish timestamptz := least(until, loaded);
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
            cover := kalshid.cover_at(market, place);
        end if;
        if cover.from_at is not null then
            for top in select t.* from kalshid.tops(market, cover, place, least(cover.to_at, finish)) t loop
                continue when row(top.bid, top.bid_size, top.no_bid, top.no_bid_size, top.is_known) is not distinct from told;
                told := row(top.bid, top.bid_size, top.no_bid, top.no_bid_size, top.is_known);
                at := top.at;
                stamp := top.stamp;
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
            stamp := null;
            yes_bid := null;
            yes_bid_size := null;
            yes_ask := null;
            yes_ask_size := null;
            is_covered := false;
            return next;
        end if;
        place := kalshid.covered_again(market, place, finish);
        exit when place is null;
    end loop;
end $$;
