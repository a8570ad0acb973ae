-- Makes the index by market of one partition that ends at or before the time and has none; returns whether there was one.
-- It locks writers of that partition out, and there are none. Chunks of TimescaleDB get none while the owner may not create in their schema.
create or replace function kalshid.index_partition(until_at timestamptz)
    returns boolean language plpgsql security definer set search_path = kalshid, pg_catalog, pg_temp as $$
declare
    closed record;
begin
    select p.partition as name, s.order_columns into closed
    from kalshid.partitions() p
    join kalshid.stream_tables s on s.name = p.stream and s.market_index = 'closed'
    join pg_class c on c.oid = p.partition
    where p.end_at <= until_at and has_schema_privilege(c.relnamespace, 'create') and not exists (
        select from pg_index i
        join pg_class x on x.oid = i.indexrelid
        join pg_am a on a.oid = x.relam and a.amname = 'btree'
        where i.indrelid = p.partition)
    order by p.begin_at desc, p.stream limit 1;
    if closed.name is not null then
        execute format('create index on %s (market_id, %s)', closed.name, closed.order_columns);
    end if;
    return closed.name is not null;
end $$;
