-- Stream tables: tables by time, in chunks or partitions, which are made ahead of time, summarised while they fill, indexed when they are closed,
-- and dropped when retention allows it. The functions run with their owner's rights, so that the writer needs none on the tables' structure.

-- The version as a number: 2022 for 2.22; 0 without the extension.
create or replace function kalshid.timescale_version()
    returns int language sql stable set search_path = pg_catalog, pg_temp as $$
    select coalesce((select split_part(extversion, '.', 1)::int * 1000 + split_part(extversion, '.', 2)::int from pg_extension where extname = 'timescaledb'), 0)
$$;

-- Every table has a brin index on its time: polls and people ask for ranges of it. Where markets are looked for but a b-tree would
-- cost the writer two thirds of its rate, a bloom filter in the same index says which ranges of pages hold a market; closed partitions
-- get their b-tree later. Ranges are summarised by kalshid.summarize_partitions. Old chunks are compressed by segment_by and order_columns.
create function kalshid.create_stream_table(
    table_name text, span interval, time_column text, order_columns text, segment_by text, market_index text, is_copied_compressed boolean, columns text)
    returns void language plpgsql set search_path = kalshid, pg_catalog, pg_temp as $$
declare
    extension text := (select extnamespace::regnamespace::text from pg_extension where extname = 'timescaledb');
    has_market boolean := columns ~ '\mmarket_id\M';
begin
    if (select s.is_timescale from kalshid.store s) then
        execute format('create table kalshid.%I (%s)', table_name, columns);
        execute format('select %1$s.create_hypertable(%2$L::regclass, %1$s.by_range(%3$L, %4$L::interval), create_default_indexes => false)',
            extension, 'kalshid.' || table_name, time_column, span);
        execute format('alter table kalshid.%I set (timescaledb.enable_columnstore, timescaledb.segmentby = %L, timescaledb.orderby = %L%s)', table_name, segment_by, order_columns,
            case when has_market and segment_by = '' and kalshid.timescale_version() >= 2022 then ', timescaledb.sparse_index = ''bloom(market_id)''' end);
    else
        execute format('create table kalshid.%I (%s) partition by range (%I)', table_name, columns, time_column);
    end if;
    execute format('create index %I on kalshid.%I using brin (%I%s) with (pages_per_range = 32)', table_name || '_brin', table_name, time_column,
        case when has_market and market_index <> 'always' then ', market_id int4_bloom_ops (n_distinct_per_range = 1000, false_positive_rate = 0.01)' end);
    insert into kalshid.stream_tables (name, span, market_index, is_copied_compressed, time_column, order_columns)
    values (table_name, span, 'none', is_copied_compressed, time_column, order_columns);
    perform kalshid.set_market_index(table_name, market_index);
end $$;

-- When partitions get their index by market: always, closed (once they are, by kalshid.index_partition) or none. A change to or from always
-- keeps writers out while it lasts.
create function kalshid.set_market_index(stream text, wanted text)
    returns void language plpgsql security definer set search_path = kalshid, pg_catalog, pg_temp as $$
declare
    known kalshid.stream_tables;
begin
    select * into strict known from kalshid.stream_tables s where s.name = stream for update;
    if known.market_index = wanted then
        return;
    end if;
    if wanted = 'always' then
        execute format('create index %I on kalshid.%I (market_id, %s)', stream || '_market', stream, known.order_columns);
    elsif known.market_index = 'always' then
        execute format('drop index kalshid.%I', stream || '_market');
    end if;
    update kalshid.stream_tables s set market_index = wanted where s.name = stream;
end $$;

-- The partitions or chunks that hold a time within [from_at, until_at].
create or replace function kalshid.partitions(from_at timestamptz default '-infinity', until_at timestamptz default 'infinity')
    returns table (stream text, partition regclass, begin_at timestamptz, end_at timestamptz)
    language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO' as $$
begin
    if (select is_timescale from kalshid.store) then
        return query
            select s.name, format('%I.%I', c.chunk_schema, c.chunk_name)::regclass, c.range_start, c.range_end
            from kalshid.stream_tables s
            join timescaledb_information.chunks c on c.hypertable_schema = 'kalshid' and c.hypertable_name = s.name
            where c.range_start <= $2 and c.range_end > $1;
    else
        return query
            select p.name, p.oid::regclass, p.bounds[1]::timestamptz, p.bounds[2]::timestamptz
            from (
                select s.name, c.oid, regexp_match(pg_get_expr(c.relpartbound, c.oid), '\(''([^'']+)''\) TO \(''([^'']+)''\)') as bounds
                from kalshid.stream_tables s
                join pg_inherits i on i.inhparent = format('kalshid.%I', s.name)::regclass
                join pg_class c on c.oid = i.inhrelid
            ) p
            where p.bounds[1]::timestamptz <= $2 and p.bounds[2]::timestamptz > $1;
    end if;
end $$;

-- Makes every partition or chunk that holds a time within [from_at, until_at] and is not there yet; returns how many were made. Attaching
-- a partition, or making a chunk beside those in use, waits for no reader and no writer. With is_compressed, chunks that rows are
-- copied into compressed get their compressed table at once: otherwise the first COPY makes it, and a second one waits for
-- that one's commit.
create or replace function kalshid.make_partitions(from_at timestamptz, until_at timestamptz, is_compressed boolean default false)
    returns int language plpgsql security definer
    set search_path = kalshid, pg_catalog, pg_temp set timezone = 'UTC' set client_min_messages = 'error' as $$
declare
    stream kalshid.stream_tables;
    start_at timestamptz;
    made int := 0;
begin
    perform pg_advisory_xact_lock(hashtext('kalshid.make_partitions'));
    for stream in select * from kalshid.stream_tables order by name loop
        start_at := date_bin(stream.span, from_at, timestamptz '2000-01-01 00:00:00Z');
        while start_at <= until_at loop
            made := made + kalshid.make_partition(stream, start_at, is_compressed);
            start_at := start_at + stream.span;
        end loop;
    end loop;
    return made;
end $$;

-- As make_partitions, for one stream and any instants, however old.
create function kalshid.make_partitions_at(stream text, instants timestamptz[])
    returns int language plpgsql security definer
    set search_path = kalshid, pg_catalog, pg_temp set timezone = 'UTC' set client_min_messages = 'error' as $$
declare
    wanted kalshid.stream_tables;
    start_at timestamptz;
    made int := 0;
begin
    select * into strict wanted from kalshid.stream_tables s where s.name = stream;
    perform pg_advisory_xact_lock(hashtext('kalshid.make_partitions'));
    for start_at in select distinct date_bin(wanted.span, i, timestamptz '2000-01-01 00:00:00Z') from unnest(instants) i order by 1 loop
        made := made + kalshid.make_partition(wanted, start_at, false);
    end loop;
    return made;
end $$;

-- The partition or chunk that begins at an instant, unless it is there; returns how many were made.
create function kalshid.make_partition(stream kalshid.stream_tables, start_at timestamptz, is_compressed boolean)
    returns int language plpgsql as $$
declare
    partition text := stream.name || to_char(start_at at time zone 'UTC', '_YYYYMMDD_HH24');
begin
    if (select s.is_timescale from kalshid.store s) then
        return kalshid.make_chunk(stream, start_at, is_compressed and stream.is_copied_compressed);
    end if;
    if to_regclass(format('kalshid.%I', partition)) is not null then
        return 0;
    end if;
    execute format('create table kalshid.%I (like kalshid.%I including all)', partition, stream.name);
    execute format('alter table kalshid.%I attach partition kalshid.%I for values from (%L) to (%L)', stream.name, partition, start_at, start_at + stream.span);
    return 1;
end $$;

create or replace function kalshid.make_chunk(stream kalshid.stream_tables, start_at timestamptz, is_compressed boolean)
    returns int language plpgsql as $$
declare
    extension text := (select extnamespace::regnamespace::text from pg_extension where extname = 'timescaledb');
    chunk record;
begin
    select c.schema_name, c.table_name, c.created into strict chunk
    from _timescaledb_functions.create_chunk(format('kalshid.%I', stream.name)::regclass,
        jsonb_build_object(stream.time_column, jsonb_build_array(start_at, start_at + stream.span))) c;
    if is_compressed and not exists (
        select from timescaledb_information.chunks c
        where c.hypertable_schema = 'kalshid' and c.hypertable_name = stream.name and c.range_start = start_at and c.is_compressed
    ) then
        execute format('select %s.compress_chunk(%L::regclass)', extension, format('%I.%I', chunk.schema_name, chunk.table_name));
    end if;
    return chunk.created::int;
end $$;

-- Drops every chunk or partition that ends at or before the time; returns how many went.
create or replace function kalshid.drop_partitions(before timestamptz)
    returns int language plpgsql security definer set search_path = kalshid, pg_catalog, pg_temp set timezone = 'UTC' as $$
declare
    extension text := (select extnamespace::regnamespace::text from pg_extension where extname = 'timescaledb');
    is_timescale boolean := (select s.is_timescale from kalshid.store s);
    old record;
    dropped int := 0;
begin
    for old in select p.stream, p.partition from kalshid.partitions(until_at => before) p where p.end_at <= before order by p.begin_at, p.stream loop
        if is_timescale then
            execute format('select %s.drop_chunks(%L::regclass, older_than => %L::timestamptz)', extension, 'kalshid.' || old.stream, before);
        else
            execute format('drop table %s', old.partition);
        end if;
        dropped := dropped + 1;
    end loop;
    if dropped > 0 then
        update kalshid.store set dropped_before = greatest(dropped_before, date_bin(interval '1 hour', before, timestamptz '2000-01-01 00:00:00Z'));
    end if;
    return dropped;
end $$;

-- Summarises the brin indexes of what holds times within [from_at, until_at]; until then a range of pages is read by every query. Rows that are
-- there for the first time also get statistics, without which a partition is read whole. Returns how many ranges were summarised.
-- A partition that autovacuum works on is left for the next call.
create or replace function kalshid.summarize_partitions(from_at timestamptz, until_at timestamptz)
    returns int language plpgsql security definer set search_path = kalshid, pg_catalog, pg_temp set lock_timeout = '100ms' as $$
declare
    leaf record;
    summarized int := 0;
begin
    for leaf in
        select c.oid::regclass as name, i.indexrelid as brin, c.reltuples < 0 and pg_relation_size(c.oid) > 0 as is_unknown
        from kalshid.partitions(from_at, until_at) p
        join pg_class c on c.oid = p.partition
        join pg_index i on i.indrelid = c.oid
        join pg_class x on x.oid = i.indexrelid
        join pg_am a on a.oid = x.relam and a.amname = 'brin'
    loop
        begin
            summarized := summarized + brin_summarize_new_values(leaf.brin);
            if leaf.is_unknown then
                execute format('analyze %s', leaf.name);
            end if;
        exception when lock_not_available then
            null;
        end;
    end loop;
    return summarized;
end $$;

-- Makes the index by market of one partition that ends at or before the time and has none; returns whether there was one.
-- It locks writers of that partition out, and there are none.
create or replace function kalshid.index_partition(until_at timestamptz)
    returns boolean language plpgsql security definer set search_path = kalshid, pg_catalog, pg_temp as $$
declare
    closed record;
begin
    select p.partition as name, s.order_columns into closed
    from kalshid.partitions() p
    join kalshid.stream_tables s on s.name = p.stream and s.market_index = 'closed'
    where p.end_at <= until_at and not exists (
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

-- Compresses chunks that are older than the time; 0 stops that. Nothing to do without the extension.
create or replace function kalshid.set_compression(compress_after interval)
    returns void language plpgsql security definer set search_path = kalshid, pg_catalog, pg_temp as $$
declare
    extension text := (select extnamespace::regnamespace::text from pg_extension where extname = 'timescaledb');
    stream record;
begin
    if not (select s.is_timescale from kalshid.store s) then
        return;
    end if;
    for stream in
        select s.name, coalesce((j.config ->> 'compress_after')::interval, interval '0') as known
        from kalshid.stream_tables s
        left join timescaledb_information.jobs j on j.hypertable_schema = 'kalshid' and j.hypertable_name = s.name and j.proc_name = 'policy_compression'
        order by s.name
    loop
        continue when stream.known = compress_after;
        execute format('select %s.remove_compression_policy(%L::regclass, if_exists => true)', extension, 'kalshid.' || stream.name);
        if compress_after > interval '0' then
            execute format('select %s.add_compression_policy(%L::regclass, compress_after => %L::interval)', extension, 'kalshid.' || stream.name, compress_after);
        end if;
    end loop;
end $$;

revoke all on all functions in schema kalshid from public;
