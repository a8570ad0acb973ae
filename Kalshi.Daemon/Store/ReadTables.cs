namespace Kalshi.Daemon.Store;

/// <summary>What is read of a table by ranges of its time column: `Columns` begins with that column.</summary>
/// <param name="RowsMax">Rows of one range: what bounds memory.</param>
internal sealed record ReadTable(string Name, string Columns, int RowsMax)
{
    public string TimeColumn { get; } = Columns.Split(',')[0];

    /// <summary>Further conditions, beginning with "and".</summary>
    public string Filter { get; init; } = "";

    /// <summary>What settles the order of rows of one time.</summary>
    public string ThenBy { get; init; } = "";

    /// <summary>The range's rows, or its first `limit`.</summary>
    public string Select(long after, long until, int? limit) =>
        $"select {Columns} from kalshid.{Name} where {TimeColumn} > {StoreReader.Spell(after)} and {TimeColumn} <= {StoreReader.Spell(until)}{Filter} "
        + $"order by {TimeColumn}{ThenBy}{(limit is { } count ? $" limit {StoreReader.Spell(count)}" : "")}";
}

/// <summary>
/// The tables a replay of a store reads, columns in the order in which <see cref="RowDecoder"/> and the others decode them. Where
/// rows have an epoch it comes second: it decides what is told first at one position.
/// </summary>
internal static class ReadTables
{
    public static readonly ReadTable Deltas = new("orderbook_deltas", "received_at, epoch_id, seq, exchange_at, delta, market_id, price, side", 200_000);
    public static readonly ReadTable Snapshots = new("orderbook_snapshots", "received_at, epoch_id, seq, market_id, yes_prices, yes_sizes, no_prices, no_sizes", 10_000);

    public static readonly ReadTable Trades = new(
        "trades", "received_at, epoch_id, seq, exchange_at, count, market_id, yes_price, no_price, taker_side, taker_book_side, origin, is_block_trade, trade_id", 50_000)
    {
        ThenBy = ", trade_id",
    };

    public static readonly ReadTable Tickers = new(
        "tickers",
        "received_at, exchange_at, yes_bid_size, yes_ask_size, last_trade_size, volume, open_interest, dollar_volume, dollar_open_interest, market_id, last_price, yes_bid, yes_ask",
        100_000);

    public static readonly ReadTable Lifecycle = new("lifecycle_events", "received_at, epoch_id, seq, market_id, type, event_type, event_ticker, payload", 10_000);
    public static readonly ReadTable Others = new("other_frames", "received_at, epoch_id, seq, session, sid, type", 50_000);
    public static readonly ReadTable Rejected = new("rejected_frames", "received_at, epoch_id, seq, session, sid, market_id, type, reason, frame", 5_000) { ThenBy = ", frame" };

    /// <summary>By the position that told their begin.</summary>
    public static readonly ReadTable Epochs = new("epochs", EpochColumns, 50_000);

    /// <summary>Intervals that are over, by the position that told it. Gaps of trades wait for their repair as long as there is a hope of one: see <see cref="StoreCoverage"/>.</summary>
    public static readonly ReadTable Coverage = new("coverage", "recorded_at, from_at, to_at, epoch_id, from_seq, market_id, channel, state, reason", 100_000)
    {
        Filter = " and to_at < 'infinity' and not (state = 'gap' and (to_at <= from_at or channel = 'trade'))",
        ThenBy = ", market_id, channel, from_at, epoch_id",
    };

    public static readonly ReadTable Markets = new(
        "market_history", "changed_at, market_id, event_ticker, market_type, title, status, result, open_at, close_at, origin, payload", 10_000)
    {
        ThenBy = ", ctid",
    };

    public static readonly ReadTable Events = new("event_history", "changed_at, event_ticker, series_ticker, category, title, origin, payload", 10_000) { ThenBy = ", ctid" };
    public static readonly ReadTable Series = new("series_history", "changed_at, series_ticker, category, frequency, title, payload", 10_000) { ThenBy = ", ctid" };

    /// <summary>Those that hold one row a frame.</summary>
    public static readonly ReadTable[] Streams = [Deltas, Tickers, Trades, Snapshots, Others, Lifecycle, Rejected];

    public const string EpochColumns =
        "epoch_id, session, sid, channel, first_seq, last_seq, to_at, deltas, snapshots, trades, lifecycle, acks, unknown, rejected, end_reason, recorded_at";
}
