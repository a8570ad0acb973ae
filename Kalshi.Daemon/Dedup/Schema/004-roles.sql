\ir ../../Store/Schema/Shared/roles.sql

-- Makes the roles as far as that is allowed, and grants what each needs. Run by the owner after every migration; may be run at any time.
create function kalshid.grant_roles()
    returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    perform kalshid.make_roles(array['kalshid_writer', 'kalshid_reader']);
    if exists (select from pg_roles where rolname = 'kalshid_writer') then
        perform kalshid.grant_writing();
        execute 'grant update (writer, turn, watermark, margin) on kalshid.store to kalshid_writer';
        execute 'grant update on kalshid.gatherers, kalshid.hours, kalshid.vouches, kalshid.channel_coverage, kalshid.disagreements to kalshid_writer';
        execute 'grant delete on kalshid.vouches, kalshid.channel_coverage, kalshid.disagreements, kalshid.merge_log, kalshid.merge_state to kalshid_writer';
        -- what a gatherer that comes back late corrects
        execute 'grant update, delete on kalshid.orderbook_deltas, kalshid.orderbook_snapshots to kalshid_writer';
    end if;
    perform kalshid.grant_reading('kalshid_reader');
end $$;

revoke all on all functions in schema kalshid from public;
