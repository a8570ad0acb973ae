    case d.side when 'y' then 'yes' else 'no' end as side, (d.price * 0.000001)::numeric(7, 6) as price, (d.delta * 0.01)::numeric(18, 2) as delta
