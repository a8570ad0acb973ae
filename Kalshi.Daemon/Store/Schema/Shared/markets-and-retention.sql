-- Rows of times before this may have been dropped by retention.
create function kalshid.kept_from()
    returns timestamptz language sql stable as $$
    select coalesce((select dropped_before from kalshid.store), '-infinity')
$$;

create function kalshid.market_of(ticker text)
    returns int4 language plpgsql stable set search_path = kalshid, pg_catalog, pg_temp as $$
declare
    found int4 := (select m.market_id from kalshid.markets m where m.ticker = $1);
begin
    if found is null then
        raise exception 'there is no market "%" in this store', ticker using errcode = 'no_data_found', hint = 'Tickers are in kalshi.markets.';
    end if;
    return found;
end $$;
