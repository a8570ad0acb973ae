using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Dedup.Reading;

/// <summary>What is asked of production; columns in the order in which <see cref="ProductionDecoder"/> reads them.</summary>
internal static class ProductionQueries
{
    public const string Coverage = "select market_id, number, state, from_at, to_at, first_at, first_ordinal, last_at, last_ordinal, reason from kalshid.coverage";
    public const string Vouches = "select market_id, number, gatherer_id::int4, epoch_id, from_at, to_at, after_at, after_ordinal, last_at, last_ordinal from kalshid.vouches";

    public static readonly ReadTable Changes = new("orderbook_deltas", "exchange_at, ordinal, received_at, delta, market_id, price, side", 200_000)
    {
        ThenBy = ", market_id, ordinal",
    };

    public static readonly ReadTable Snapshots = new(
        "orderbook_snapshots", "received_at, market_id, coverage_number, exchange_at, ordinal, yes_prices, yes_sizes, no_prices, no_sizes", 10_000)
    {
        ThenBy = ", market_id",
    };

    public static readonly ReadTable Trades = new(
        "trades", "exchange_at, received_at, count, market_id, yes_price, no_price, taker_side, taker_book_side, origin, is_block_trade, trade_id", 50_000)
    {
        ThenBy = ", trade_id",
    };

    public static readonly ReadTable Tickers = new(
        "tickers",
        "exchange_at, received_at, yes_bid_size, yes_ask_size, last_trade_size, volume, open_interest, dollar_volume, dollar_open_interest, market_id, last_price, yes_bid, yes_ask",
        100_000)
    {
        ThenBy = ", market_id, received_at",
    };

    public static readonly ReadTable Lifecycle = new("lifecycle_events", "received_at, market_id, type, event_type, event_ticker, payload", 10_000) { ThenBy = ", payload" };
    /// <summary>All of it; conditions are to follow.</summary>
    public static string Select(ReadTable table) => $"select {table.Columns} from kalshid.{table.Name}";

    public static readonly ReadTable Rejected = new("rejected_frames", "received_at, gatherer_id::int4, market_id, type, reason, frame", 5_000) { ThenBy = ", frame" };
}
