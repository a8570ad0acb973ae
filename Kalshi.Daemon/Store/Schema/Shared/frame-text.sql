-- A frame as text; what is no UTF-8 is shown as bytes.
create function kalshid.frame_text(frame bytea)
    returns text language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    return convert_from(frame, 'UTF8');
exception when character_not_in_repertoire or untranslatable_character then
    return encode(frame, 'escape');
end $$;
