-- What gatherers say of a channel is in times of their own clocks, and its messages carry no number that two of them share. Where one's word ends and another's goes
-- on, both may have missed the same message, as long as they overlap by less than their clocks may differ: from_at is moved on by as much.
create view kalshid.channel_watches as
select c.gatherer_id, c.channel,
    case
        when c.state = 'gap' or c.from_at = min(c.from_at) over (partition by c.channel) or c.from_at <= max(c.to_at) filter (where c.state <> 'gap') over own then c.from_at
        else least(c.from_at + s.margin, c.to_at)
    end as from_at,
    c.to_at, c.state, c.reason
from kalshid.channel_coverage c cross join kalshid.store s
window own as (partition by c.channel, c.gatherer_id order by c.from_at, c.to_at rows between unbounded preceding and 1 preceding);

create or replace view kalshi.gaps as
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
    from kalshid.channel_watches c
    where c.from_at < c.to_at
    group by c.channel
) h;

create or replace function kalshi.coverage_of(ticker text, since timestamptz, until timestamptz, channel text default 'orderbook_delta')
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
        into known from kalshid.channel_watches c join kalshid.gatherers g using (gatherer_id) where c.channel = coverage_of.channel;
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
