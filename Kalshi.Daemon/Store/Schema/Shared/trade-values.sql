    t.trade_id, (t.yes_price * 0.000001)::numeric(7, 6) as yes_price,
    (t.no_price * 0.000001)::numeric(7, 6) as no_price, (t.count * 0.01)::numeric(18, 2) as count,
    case t.taker_side when 'y' then 'yes' when 'n' then 'no' end as taker_side,
    case t.taker_book_side when 'b' then 'bid' when 'a' then 'ask' end as taker_book_side,
    t.is_block_trade, case t.origin when 's' then 'stream' else 'backfill' end as origin
