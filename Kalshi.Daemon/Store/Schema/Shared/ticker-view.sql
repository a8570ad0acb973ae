create view kalshi.tickers as
select t.received_at, t.exchange_at, m.ticker,
\ir ticker-values.sql
from kalshid.tickers t join kalshid.markets m using (market_id);
