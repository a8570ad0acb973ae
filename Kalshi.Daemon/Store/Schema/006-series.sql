-- What a gatherer's store and production share, in the form that serves both: stream tables by another time than received_at, questions about coverage
-- and best prices. And what dedup needs of a gatherer's store: the kind of a database, a role, and a cursor that it may publish.

alter table kalshid.store add column kind text not null default 'gatherer';

alter table kalshid.stream_tables
    add column time_column text not null default 'received_at',    -- which chunks and partitions are ranges of
    add column order_columns text not null default 'received_at';  -- order of a market's rows

drop function kalshid.create_stream_table(text, interval, text, boolean, text);
drop function kalshid.make_partition(kalshid.stream_tables, timestamptz);

\ir Shared/partitions.sql

-- ---- coverage and best prices ---------------------------------------------------------------------------------------------

create function kalshid.book_coverage(market int4)
    returns setof kalshid.coverage language sql stable as $$
    select c.* from kalshid.coverage c where c.market_id = $1 and c.channel = 'orderbook_delta'
$$;

\ir Shared/coverage.sql

-- Whether every change of a market's book between two instants is held: intervals that follow each other without a hole, `whole`, `gap` or
-- `repaired`, the latter two with their reason. Ends of a whole interval belong to it. Of another channel than
-- orderbook_delta: whether its whole stream is held.
create or replace function kalshi.coverage_of(ticker text, since timestamptz, until timestamptz, channel text default 'orderbook_delta')
    returns table (from_at timestamptz, to_at timestamptz, state text, reason text)
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp as $$
declare
    market int4 := case when channel = 'orderbook_delta' then kalshid.market_of(ticker) else 0 end;
    loaded timestamptz := kalshi.loaded_to();
    first timestamptz := (select min(c.from_at) from kalshid.coverage c where c.market_id = market and c.channel = coverage_of.channel);
begin
    if since > until then
        raise exception 'coverage_of: since (%) is after until (%)', since, until using errcode = 'invalid_parameter_value';
    end if;
    return query
    select t.*
    from (
        select array_agg(c.from_at) as from_ats, array_agg(c.to_at) as to_ats, array_agg(c.state) as states, array_agg(c.reason) as reasons
        from kalshid.coverage c
        where c.market_id = market and c.channel = coverage_of.channel and c.from_at <= least(until, loaded) and c.to_at >= since
    ) k, kalshid.tile_coverage(since, until, kalshid.kept_from(), first, loaded, k.from_ats, k.to_ats, k.states, k.reasons) t;
end $$;

create function kalshid.fold(market int4, cover kalshid.coverage, at timestamptz,
    out snapshot_at timestamptz, out snapshot_seq int8, out sides "char"[], out prices int4[], out sizes int8[])
    language sql stable set search_path = kalshid, pg_catalog, pg_temp as $$
    select f.* from kalshid.fold(market, cover.epoch_id, greatest(cover.from_at, kalshid.kept_from()), at) f
$$;

create function kalshid.changes_of(market int4, cover kalshid.coverage, since timestamptz, until timestamptz)
    returns text language sql stable set search_path = kalshid, pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
    select format($sql$
        select d.received_at, 0, '-infinity', d.exchange_at, d.side = 'y', d.price, d.delta
        from kalshid.orderbook_deltas d where d.market_id = %1$s and d.received_at > %3$L and d.received_at <= %4$L and d.epoch_id = %2$L
        union all
        select s.received_at, 0, '-infinity', null, true, unnest(s.yes_prices), unnest(s.yes_sizes)
        from kalshid.orderbook_snapshots s where s.market_id = %1$s and s.received_at > %3$L and s.received_at <= %4$L and s.epoch_id = %2$L
        union all
        select s.received_at, 0, '-infinity', null, false, unnest(s.no_prices), unnest(s.no_sizes)
        from kalshid.orderbook_snapshots s where s.market_id = %1$s and s.received_at > %3$L and s.received_at <= %4$L and s.epoch_id = %2$L
        union all
        select s.received_at, 0, '-infinity', null, null, null, null
        from kalshid.orderbook_snapshots s where s.market_id = %1$s and s.received_at > %3$L and s.received_at <= %4$L and s.epoch_id = %2$L
        $sql$, market, cover.epoch_id, since, until)
$$;

drop function kalshid.tops(int4, timestamptz, timestamptz, timestamptz, timestamptz);

\ir Shared/tops.sql

create or replace function kalshi.top_of_book(ticker text, since timestamptz, until timestamptz)
    returns table (at timestamptz, exchange_at timestamptz, yes_bid numeric(7, 6), yes_bid_size numeric(18, 2), yes_ask numeric(7, 6), yes_ask_size numeric(18, 2), is_covered boolean)
    language sql stable as $$
    select t.* from kalshid.top_changes($1, $2, $3, kalshi.loaded_to()) t
$$;

-- ---- roles ------------------------------------------------------------------------------------------------------------------

-- How far a consumer got, told by a login that may read but not write: retention waits for it. The loader's own cursor is refused.
create function kalshid.publish_cursor(name text, "position" timestamptz)
    returns void language plpgsql security definer set search_path = kalshid, pg_catalog, pg_temp as $$
begin
    if name = 'loader' then
        raise exception 'the cursor "loader" is the loader''s own' using errcode = 'insufficient_privilege';
    end if;
    insert into kalshid.cursors as c (name, position) values (publish_cursor.name, publish_cursor.position)
    on conflict on constraint cursors_pkey do update set position = excluded.position, updated_at = clock_timestamp();
end $$;

\ir Shared/roles.sql

-- Makes the roles as far as that is allowed, and grants what each needs. Run by the owner after every migration; may be run at any time.
-- kalshid_dedup, beside the two of every database, is the login that dedup reads a gatherer's store with.
create or replace function kalshid.grant_roles()
    returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    perform kalshid.make_roles(array['kalshid_writer', 'kalshid_reader', 'kalshid_dedup']);
    if exists (select from pg_roles where rolname = 'kalshid_writer') then
        perform kalshid.grant_writing();
        execute 'grant update on kalshid.sessions, kalshid.epochs to kalshid_writer';
        execute 'grant update (gatherer, first_record_at, stopped_at) on kalshid.store to kalshid_writer';
        execute 'grant delete on kalshid.loader_state, kalshid.trades to kalshid_writer';
    end if;
    perform kalshid.grant_reading('kalshid_reader');
    perform kalshid.grant_reading('kalshid_dedup');
    if exists (select from pg_roles where rolname = 'kalshid_dedup') then
        execute 'grant execute on function kalshid.publish_cursor(text, timestamptz) to kalshid_dedup';
    end if;
end $$;

revoke all on all functions in schema kalshid from public;
