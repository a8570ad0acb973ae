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
