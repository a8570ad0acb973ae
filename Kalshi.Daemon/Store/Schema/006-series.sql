-- Stream tables by another time than received_at, for production; the kind of a database; and what dedup needs of a gatherer's store.

alter table kalshid.store add column kind text not null default 'gatherer';

alter table kalshid.stream_tables
    add column time_column text not null default 'received_at',    -- which chunks and partitions are ranges of
    add column order_columns text not null default 'received_at';  -- order of a market's rows

drop function kalshid.create_stream_table(text, interval, text, boolean, text);
drop function kalshid.make_partition(kalshid.stream_tables, timestamptz);

\ir Shared/partitions.sql

\ir Shared/publish-cursor.sql

\ir Shared/roles.sql

-- The roles of a gatherer's store: kalshid_dedup, beside the two of every database, is the login that dedup reads it with.
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
