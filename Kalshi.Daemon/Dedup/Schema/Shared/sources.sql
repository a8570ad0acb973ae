    array(
        select distinct g.name
        from kalshid.vouches v join kalshid.gatherers g using (gatherer_id)
        where v.market_id = d.market_id and coalesce(v.last_at, v.to_at) >= d.exchange_at
            and (v.after_at, v.after_ordinal) < (d.exchange_at, d.ordinal)
            -- of one that goes on: as far as its gatherer has told
            and case when v.to_at = 'infinity' then d.received_at <= g.position else (v.last_at, v.last_ordinal) >= (d.exchange_at, d.ordinal) end
        order by g.name) as sources
