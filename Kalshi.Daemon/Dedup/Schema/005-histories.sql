-- One object's history: dedup asks for it when a gatherer comes back with versions of an object whose history it has forgotten.
create index event_history_event on kalshid.event_history (event_ticker, changed_at);
create index series_history_series on kalshid.series_history (series_ticker, changed_at);
