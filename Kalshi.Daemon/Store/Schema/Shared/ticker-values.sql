    (t.last_price * 0.000001)::numeric(7, 6) as last_price,
    (t.yes_bid * 0.000001)::numeric(7, 6) as yes_bid, (t.yes_ask * 0.000001)::numeric(7, 6) as yes_ask,
    (t.yes_bid_size * 0.01)::numeric(18, 2) as yes_bid_size, (t.yes_ask_size * 0.01)::numeric(18, 2) as yes_ask_size,
    (t.last_trade_size * 0.01)::numeric(18, 2) as last_trade_size, (t.volume * 0.01)::numeric(18, 2) as volume,
    (t.open_interest * 0.01)::numeric(18, 2) as open_interest, t.dollar_volume, t.dollar_open_interest
