-- Chunks and partitions of the stream tables: made ahead of time, dropped when retention allows it. The functions run with their
-- owner's rights, so that the writer needs none on the tables' structure.

-- Makes every partition that holds a time within [from_at, until_at] and is not there yet; returns how many were made. Attaching
-- waits for no reader and no writer. Chunks of a hypertable are made ahead in the same way.
create function kalshid.make_partitions(from_at timestamptz, until_at timestamptz)
    returns int language plpgsql security definer set search_path = kalshid, pg_catalog, pg_temp set timezone = 'UTC' as $$
declare
    stream kalshid.stream_tables;
    start_at timestamptz;
    partition text;
    made int := 0;
begin
    if (select is_timescale from kalshid.store) then
        return 0; -- the extension makes a chunk within the COPY that needs it; see 003
    end if;
    perform pg_advisory_xact_lock(hashtext('kalshid.make_partitions'));
    for stream in select * from kalshid.stream_tables order by name loop
        start_at := date_bin(stream.span, from_at, timestamptz '2000-01-01 00:00:00Z');
        while start_at <= until_at loop
            partition := stream.name || to_char(start_at at time zone 'UTC', '_YYYYMMDD_HH24');
            if to_regclass(format('kalshid.%I', partition)) is null then
                execute format('create table kalshid.%I (like kalshid.%I including all)', partition, stream.name);
                execute format('alter table kalshid.%I attach partition kalshid.%I for values from (%L) to (%L)',
                    stream.name, partition, start_at, start_at + stream.span);
                made := made + 1;
            end if;
            start_at := start_at + stream.span;
        end loop;
    end loop;
    return made;
end $$;

-- Drops every chunk or partition that ends at or before the time; returns how many went.
create function kalshid.drop_partitions(before timestamptz)
    returns int language plpgsql security definer set search_path = kalshid, pg_catalog, public, pg_temp set timezone = 'UTC' as $$
declare
    stream kalshid.stream_tables;
    partition text;
    dropped int := 0;
    chunks int;
begin
    for stream in select * from kalshid.stream_tables order by name loop
        if (select is_timescale from kalshid.store) then
            execute format('select count(*) from drop_chunks(%L::regclass, older_than => %L::timestamptz)', 'kalshid.' || stream.name, before) into chunks;
            dropped := dropped + chunks;
            continue;
        end if;
        for partition in
            select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
            where i.inhparent = format('kalshid.%I', stream.name)::regclass
                and (to_timestamp(right(c.relname, 11), 'YYYYMMDD_HH24')::timestamp at time zone 'UTC') + stream.span <= before
            order by 1
        loop
            execute format('drop table kalshid.%I', partition);
            dropped := dropped + 1;
        end loop;
    end loop;
    if dropped > 0 then
        update kalshid.store set dropped_before = greatest(dropped_before, date_bin(interval '1 hour', before, timestamptz '2000-01-01 00:00:00Z'));
    end if;
    return dropped;
end $$;

revoke all on function kalshid.make_partitions(timestamptz, timestamptz), kalshid.drop_partitions(timestamptz) from public;

-- Compresses chunks that are older than the time; 0 stops that. Nothing to do without the extension.
create function kalshid.set_compression(compress_after interval)
    returns void language plpgsql security definer set search_path = kalshid, pg_catalog, public, pg_temp as $$
declare
    stream text;
begin
    if not (select is_timescale from kalshid.store) then
        return;
    end if;
    for stream in select name from kalshid.stream_tables order by name loop
        perform remove_compression_policy(format('kalshid.%I', stream)::regclass, if_exists => true);
        if compress_after > interval '0' then
            perform add_compression_policy(format('kalshid.%I', stream)::regclass, compress_after => compress_after);
        end if;
    end loop;
end $$;

revoke all on function kalshid.set_compression(interval) from public;
