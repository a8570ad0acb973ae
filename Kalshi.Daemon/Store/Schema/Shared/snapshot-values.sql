    array(select (v * 0.000001)::numeric(7, 6) from unnest(s.yes_prices) v) as yes_prices, array(select (v * 0.01)::numeric(18, 2) from unnest(s.yes_sizes) v) as yes_sizes,
    array(select (v * 0.000001)::numeric(7, 6) from unnest(s.no_prices) v) as no_prices, array(select (v * 0.01)::numeric(18, 2) from unnest(s.no_sizes) v) as no_sizes
