-- How far each consumer got, written in the transaction of what it consumed. 'loader' is the journal's loader.
create table kalshid.cursors (
    name text primary key,
    position timestamptz not null,
    updated_at timestamptz not null default clock_timestamp()
) with (fillfactor = 10);               -- the loader's row changes with every batch: room for updates in place
