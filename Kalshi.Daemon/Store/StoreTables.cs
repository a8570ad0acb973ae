namespace Kalshi.Daemon.Store;

/// <summary>The tables a batch writes, in the order in which it writes them. Changes are staged and merged when the batch ends.</summary>
internal enum StoreTable : byte
{
    Deltas,
    Snapshots,
    Trades,
    Tickers,
    LifecycleEvents,
    OtherFrames,
    RejectedFrames,
    Markets,
    MarketHistory,
    EventHistory,
    SeriesHistory,
    Sessions,
    JournalHours,
    Coverage,
    ExchangeIds,
    ChangedMarkets,
    SessionEnds,
    EpochChanges,
    CoverageChanges,
    ReplacedTrades,
}

/// <summary>The COPY of each table. Column orders are those of <see cref="RowEncoder"/>.</summary>
internal static class StoreTables
{
    public const int Count = (int)StoreTable.ReplacedTrades + 1;

    private static readonly (string Name, string Columns)[] Targets =
    [
        ("kalshid.orderbook_deltas", "received_at, exchange_at, epoch_id, seq, delta, market_id, price, side"),
        ("kalshid.orderbook_snapshots", "received_at, epoch_id, seq, market_id, yes_prices, yes_sizes, no_prices, no_sizes"),
        ("kalshid.trades", "received_at, exchange_at, epoch_id, seq, count, market_id, yes_price, no_price, taker_side, taker_book_side, origin, is_block_trade, trade_id"),
        ("kalshid.tickers", "received_at, exchange_at, yes_bid_size, yes_ask_size, last_trade_size, volume, open_interest, dollar_volume, dollar_open_interest, market_id, last_price, yes_bid, yes_ask"),
        ("kalshid.lifecycle_events", "received_at, epoch_id, seq, market_id, type, event_type, event_ticker, payload"),
        ("kalshid.other_frames", "received_at, epoch_id, seq, session, sid, type"),
        ("kalshid.rejected_frames", "received_at, epoch_id, seq, session, sid, market_id, type, reason, frame"),
        ("kalshid.markets", "market_id, ticker, first_seen_at, changed_at, event_ticker, market_type, title, status, result, open_at, close_at, payload"),
        ("kalshid.market_history", "changed_at, market_id, event_ticker, market_type, title, status, result, open_at, close_at, origin, payload"),
        ("kalshid.event_history", "changed_at, event_ticker, series_ticker, category, title, origin, payload"),
        ("kalshid.series_history", "changed_at, series_ticker, category, frequency, title, payload"),
        ("kalshid.sessions", "opened_at, session, purpose, url"),
        ("kalshid.journal_hours", "first_at"),
        ("kalshid.coverage", "known_at, recorded_at, from_at, to_at, epoch_id, from_seq, market_id, channel, state, reason"),
        ("kalshid.exchange_ids", "known_at, market_id, exchange_id"),
        ("changed_markets", "market_id"),
        ("session_ends", "session, closed_at, reason"),
        ("epoch_changes", "epoch_id, session, sid, channel, first_seq, last_seq, from_at, to_at, deltas, snapshots, trades, lifecycle, acks, unknown, rejected, end_reason, recorded_at"),
        ("coverage_changes", "recorded_at, from_at, to_at, epoch_id, market_id, channel, state"),
        ("replaced_trades", "received_at, trade_id"),
    ];

    private static readonly string[] Copies = [.. Targets.Select(target => $"copy {target.Name} ({target.Columns}) from stdin (format binary)")];

    public static string CopyOf(StoreTable table) => Copies[(int)table];

    public const string CopyOfState = "copy kalshid.loader_state (part, position, bytes) from stdin (format binary)";

    public static string NameOf(StoreTable table) => Targets[(int)table].Name;

    /// <summary>Tables of the connection, emptied by each commit.</summary>
    public const string Staging =
        """
        create temp table changed_markets (market_id int4) on commit delete rows;
        create temp table session_ends (session int4, closed_at timestamptz, reason text) on commit delete rows;
        create temp table epoch_changes (like kalshid.epochs) on commit delete rows;
        create temp table coverage_changes (recorded_at timestamptz, from_at timestamptz, to_at timestamptz, epoch_id timestamptz,
            market_id int4, channel text, state text) on commit delete rows;
        create temp table replaced_trades (received_at timestamptz, trade_id text) on commit delete rows;
        """;

    /// <summary>
    /// What turns a table's new rows into the current state; null for those that are complete as they are. `$1` and `$2`: the batch's
    /// range; for replaced trades, theirs. A row is looked up for each change (`lateral … offset 0`), never the other way round: statistics made
    /// while all rows of a table were undone ones call it empty, and the planner then compared each of its rows with each change.
    /// </summary>
    public static string? MergeOf(StoreTable table) => table switch
    {
        StoreTable.ChangedMarkets => ObjectMerges.Markets(ChangedMarkets, Latest),
        StoreTable.EventHistory => ObjectMerges.Events("kalshid.event_history where " + Range, Latest),
        StoreTable.SeriesHistory => ObjectMerges.Series("kalshid.series_history where " + Range, Latest),
        StoreTable.ExchangeIds => ObjectMerges.ExchangeIds("(select * from kalshid.exchange_ids where known_at > $1 and known_at <= $2)"),
        StoreTable.SessionEnds =>
            """
            update kalshid.sessions s set closed_at = e.closed_at, reason = e.reason from session_ends e
            where s.session = e.session and s.closed_at is null
                -- Numbers begin again with a new journal: the first end after its opening is a session's own.
                and e.closed_at = (select min(f.closed_at) from session_ends f where f.session = s.session and f.closed_at >= s.opened_at)
            """,
        StoreTable.EpochChanges => MergeEpochs,
        StoreTable.CoverageChanges => MergeCoverage,
        StoreTable.ReplacedTrades =>
            // A range known when the statement is planned: else TimescaleDB unpacks all of a compressed chunk.
            """
            delete from kalshid.trades t using replaced_trades r
            where t.received_at >= $1 and t.received_at <= $2 and t.received_at = r.received_at and t.trade_id = r.trade_id and t.origin = 'b'
            """,
        _ => null,
    };

    // Of the markets that were there before: a new one's row is whole as it is.
    private const string ChangedMarkets =
        """
        (select distinct market_id as changed_id from changed_markets) c
        cross join lateral (select * from kalshid.market_history where market_id = c.changed_id and changed_at > $1 and changed_at <= $2 offset 0) h
        """;

    private const string Range = "changed_at > $1 and changed_at <= $2";

    // A page may hold an object twice, with one stamp: the payload makes the choice the same for every load.
    private const string Latest = "changed_at desc, payload collate \"C\" desc";

    private const string MergeEpochs =
        """
        insert into kalshid.epochs select * from epoch_changes
        on conflict (epoch_id) do update set
            channel = excluded.channel, last_seq = excluded.last_seq, to_at = excluded.to_at, deltas = excluded.deltas, snapshots = excluded.snapshots,
            trades = excluded.trades, lifecycle = excluded.lifecycle, acks = excluded.acks, unknown = excluded.unknown, rejected = excluded.rejected,
            end_reason = excluded.end_reason, recorded_at = excluded.recorded_at
        """;

    // A gap that turned out empty goes away. One of the same key may have begun since: rows of this batch are complete as they are.
    private const string MergeCoverage =
        """
        with found as (
            select place, n.to_at > n.from_at or n.epoch_id is not null as stays, n.to_at, n.state, n.recorded_at
            from coverage_changes n cross join lateral (
                select ctid as place from kalshid.coverage
                where market_id = n.market_id and from_at = n.from_at and channel = n.channel and epoch_id is not distinct from n.epoch_id and known_at <= $1
                offset 0) c
        ),
        changed as (
            update kalshid.coverage c set to_at = found.to_at, state = found.state, recorded_at = found.recorded_at
            from found where c.ctid = found.place and found.stays
        )
        delete from kalshid.coverage c using found where c.ctid = found.place and not found.stays
        """;
}
