-- Two roles to grant to logins: kalshid_writer loads and keeps a store, kalshid_reader reads everything and writes nothing.
-- They are made here where that is allowed, and otherwise by somebody who may: `kalshid check` tells the statements.

-- Makes the roles as far as that is allowed, and grants what each needs. Run by the owner after every migration; may be run at any time.
create function kalshid.grant_roles()
    returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    -- Every grant by execute: TimescaleDB adds chunks to the parsed statement, which a plan kept by this function would not survive.
    wanted text;
begin
    foreach wanted in array array['kalshid_writer', 'kalshid_reader'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception
                when insufficient_privilege then null;
                when duplicate_object or unique_violation then null; -- another database of this server, at the same moment
            end;
        end if;
    end loop;
    if exists (select from pg_roles where rolname = 'kalshid_writer') then
        execute 'grant usage on schema kalshid to kalshid_writer';
        execute 'grant select, insert on all tables in schema kalshid to kalshid_writer';
        execute 'revoke insert on kalshid.store, kalshid.stream_tables, kalshid.migrations from kalshid_writer';
        execute 'grant update on kalshid.cursors, kalshid.sessions, kalshid.epochs, kalshid.coverage, kalshid.markets, kalshid.events, kalshid.series to kalshid_writer';
        execute 'grant update (gatherer, first_record_at, stopped_at) on kalshid.store to kalshid_writer';
        execute 'grant delete on kalshid.loader_state, kalshid.trades, kalshid.coverage to kalshid_writer';
        execute $grant$
            grant execute on function
            kalshid.partitions(timestamptz, timestamptz), kalshid.make_partitions(timestamptz, timestamptz, boolean),
            kalshid.drop_partitions(timestamptz), kalshid.summarize_partitions(timestamptz, timestamptz),
            kalshid.index_partition(timestamptz), kalshid.set_compression(interval) to kalshid_writer
            $grant$;
        -- For the loader's staging tables; everybody may make them unless that was revoked.
        if not has_database_privilege('kalshid_writer', current_database(), 'temporary')
            and has_database_privilege(current_database(), 'temporary with grant option') then
            execute format('grant temporary on database %I to kalshid_writer', current_database());
        end if;
    end if;
    if exists (select from pg_roles where rolname = 'kalshid_reader') then
        execute 'grant usage on schema kalshid, kalshi to kalshid_reader';
        execute 'grant select on all tables in schema kalshid, kalshi to kalshid_reader';
        execute 'grant execute on all functions in schema kalshi to kalshid_reader';
        execute $grant$
            grant execute on function
            kalshid.partitions(timestamptz, timestamptz), kalshid.frame_text(bytea), kalshid.market_of(text), kalshid.kept_from(), kalshid.why_not_covered(int4, timestamptz),
            kalshid.fold(int4, timestamptz, timestamptz, timestamptz), kalshid.tops(int4, timestamptz, timestamptz, timestamptz, timestamptz) to kalshid_reader
            $grant$;
        -- partitions, when they are read by their own names
        execute 'alter default privileges in schema kalshid grant select on tables to kalshid_reader';
    end if;
end $$;

revoke all on all functions in schema kalshid from public;
