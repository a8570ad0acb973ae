-- Position of the first record of every hour that the journal has records of, whether any of them made a row: while the exchange rests an hour
-- may bring nothing but registry pages without changes, and is covered all the same. A row an hour, which retention leaves.
-- Of hours loaded by an earlier version only those are known that have rows elsewhere.
create table kalshid.journal_hours (
    first_at timestamptz primary key
);
