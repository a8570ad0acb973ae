-- What kalshid.grant_roles of each kind of database is made of. Two roles to grant to logins: kalshid_writer writes and keeps a database,
-- kalshid_reader reads everything and writes nothing. They are made where that is allowed, and otherwise by somebody who may: `kalshid check`
-- tells the statements. Every grant by execute: TimescaleDB adds chunks to the parsed statement, which a plan kept by a function would not survive.

create function kalshid.make_roles(names text[])
    returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    wanted text;
begin
    foreach wanted in array names loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception
                when insufficient_privilege then null;
                when duplicate_object or unique_violation then null; -- another database of this server, at the same moment
            end;
        end if;
    end loop;
end $$;

-- Of the writer, what is the same in both kinds.
create function kalshid.grant_writing()
    returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    execute 'grant usage on schema kalshid to kalshid_writer';
    execute 'grant select, insert on all tables in schema kalshid to kalshid_writer';
    execute 'revoke insert on kalshid.store, kalshid.stream_tables, kalshid.migrations from kalshid_writer';
    execute 'grant update on kalshid.cursors, kalshid.coverage, kalshid.markets, kalshid.events, kalshid.series to kalshid_writer';
    execute 'grant delete on kalshid.coverage to kalshid_writer';
    execute $grant$
        grant execute on function
        kalshid.partitions(timestamptz, timestamptz), kalshid.make_partitions(timestamptz, timestamptz, boolean), kalshid.make_partitions_at(text, timestamptz[]),
        kalshid.drop_partitions(timestamptz), kalshid.summarize_partitions(timestamptz, timestamptz), kalshid.set_market_index(text, text),
        kalshid.index_partition(timestamptz), kalshid.set_compression(interval) to kalshid_writer
        $grant$;
    -- For staging tables; everybody may make them unless that was revoked.
    if not has_database_privilege('kalshid_writer', current_database(), 'temporary')
        and has_database_privilege(current_database(), 'temporary with grant option') then
        execute format('grant temporary on database %I to kalshid_writer', current_database());
    end if;
end $$;

-- To read everything, and to call what only reads. Nothing to do while there is no such role.
create function kalshid.grant_reading(role text)
    returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    signature text;
begin
    if not exists (select from pg_roles where rolname = role) then
        return;
    end if;
    execute format('grant usage on schema kalshid, kalshi to %I', role);
    execute format('grant select on all tables in schema kalshid, kalshi to %I', role);
    execute format('grant execute on all functions in schema kalshi to %I', role);
    for signature in select p.oid::regprocedure from pg_proc p where p.pronamespace = 'kalshid'::regnamespace and p.provolatile <> 'v' loop
        execute format('grant execute on function %s to %I', signature, role);
    end loop;
    -- partitions, when they are read by their own names
    execute format('alter default privileges in schema kalshid grant select on tables to %I', role);
end $$;
