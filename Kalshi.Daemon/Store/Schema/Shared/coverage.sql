-- Questions about coverage that are the same of a gatherer's store and of production. Each has kalshid.book_coverage(market): the rows
-- of kalshid.coverage that say of what times a market's book is known.

-- The row `whole` that covers an instant; of several the one that goes on longest. No row: not covered.
create function kalshid.cover_at(market int4, at timestamptz)
    returns kalshid.coverage language sql stable set search_path = kalshid, pg_catalog, pg_temp as $$
    select c from kalshid.book_coverage(market) c
    where c.state = 'whole' and c.from_at <= at and c.to_at >= at
    order by c.to_at desc, c.from_at limit 1
$$;

-- When the first coverage behind an instant begins.
create function kalshid.covered_again(market int4, after timestamptz, until timestamptz)
    returns timestamptz language sql stable set search_path = kalshid, pg_catalog, pg_temp as $$
    select min(c.from_at) from kalshid.book_coverage(market) c where c.state = 'whole' and c.from_at > after and c.from_at <= until
$$;

-- One sentence for people.
create or replace function kalshid.why_not_covered(market int4, at timestamptz)
    returns text language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
declare
    c kalshid.coverage;
begin
    select * into c from kalshid.book_coverage(market) k where k.state <> 'whole' and k.from_at <= at and k.to_at >= at order by k.from_at limit 1;
    if c.from_at is not null then
        return format('%s from %s to %s, %s', c.state, c.from_at, case when c.to_at < 'infinity' then c.to_at::text else 'now' end, c.reason);
    end if;
    select * into c from kalshid.book_coverage(market) k where k.state = 'whole' and k.from_at > at order by k.from_at limit 1;
    if c.from_at is not null then
        return format('coverage begins %s', c.from_at);
    end if;
    select * into c from kalshid.book_coverage(market) k where k.state = 'whole' order by k.to_at desc limit 1;
    return case when c.to_at is null then 'there is no snapshot of this market' else format('coverage ended %s', c.to_at) end;
end $$;

-- [since, until] as intervals that follow each other without a hole: `whole`, or `gap` or `repaired` with their reason, from what is known:
-- intervals in any order that may overlap. Ends of a whole interval belong to it. Nothing is known before `first` and behind `loaded`.
create function kalshid.tile_coverage(since timestamptz, until timestamptz, dropped timestamptz, first timestamptz, loaded timestamptz,
    from_ats timestamptz[], to_ats timestamptz[], states text[], reasons text[])
    returns table (from_at timestamptz, to_at timestamptz, state text, reason text)
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp as $$
begin
    return query
    with known as materialized (
        select k.from_at, least(k.to_at, loaded) as to_at, k.state, k.reason
        from unnest(from_ats, to_ats, states, reasons) k (from_at, to_at, state, reason)
    ), held as (
        select coalesce(range_agg(tstzrange(greatest(k.from_at, dropped, since), least(k.to_at, until), '[]')), '{}') as ranges
        from known k
        where k.state = 'whole' and greatest(k.from_at, dropped, since) <= least(k.to_at, until)
    ), causes as ( -- in order of time; where two meet or overlap, the earlier one is cut
        select 1 as rank, '-infinity'::timestamptz as from_at, dropped as to_at, 'gap' as state, 'dropped by retention' as reason
        union all
        select 2, '-infinity', least(first, loaded), 'gap', 'before the first snapshot'
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
