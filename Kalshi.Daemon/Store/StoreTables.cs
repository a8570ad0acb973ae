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
    Coverage,
    MarketIds,
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
        ("kalshid.markets", "market_id, ticker, first_seen_at, changed_at"),
        ("kalshid.market_history", "changed_at, market_id, event_ticker, market_type, title, status, result, open_at, close_at, origin, payload"),
        ("kalshid.event_history", "changed_at, event_ticker, series_ticker, category, title, origin, payload"),
        ("kalshid.series_history", "changed_at, series_ticker, category, frequency, title, payload"),
        ("kalshid.sessions", "opened_at, session, purpose, url"),
        ("kalshid.coverage", "known_at, recorded_at, from_at, to_at, epoch_id, from_seq, market_id, channel, state, reason"),
        ("market_ids", "market_id, exchange_id"),
        ("session_ends", "session, closed_at, reason"),
        ("epoch_changes", "epoch_id, session, sid, channel, first_seq, last_seq, from_at, to_at, deltas, snapshots, trades, lifecycle, acks, unknown, rejected, end_reason, recorded_at"),
        ("coverage_changes", "recorded_at, from_at, to_at, epoch_id, market_id, channel, state"),
        ("replaced_trades", "received_at, trade_id"),
    ];

    private static readonly string[] Copies = [.. Targets.Select(target => $"copy {target.Name} ({target.Columns}) from stdin (format binary)")];

    public static string CopyOf(StoreTable table) => Copies[(int)table];

    public static string NameOf(StoreTable table) => Targets[(int)table].Name;

    /// <summary>Tables of the connection, emptied by each commit.</summary>
    public const string Staging =
        """
        create temp table market_ids (market_id int4, exchange_id uuid) on commit delete rows;
        create temp table session_ends (session int4, closed_at timestamptz, reason text) on commit delete rows;
        create temp table epoch_changes (like kalshid.epochs) on commit delete rows;
        create temp table coverage_changes (recorded_at timestamptz, from_at timestamptz, to_at timestamptz, epoch_id timestamptz,
            market_id int4, channel text, state text) on commit delete rows;
        create temp table replaced_trades (received_at timestamptz, trade_id text) on commit delete rows;
        """;

    /// <summary>
    /// A merge touches few rows of large tables, by their keys, from staging tables the planner knows nothing of: it must never read all of
    /// a million markets instead.
    /// </summary>
    public const string Planning = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off;";

    /// <summary>
    /// What turns a table's new rows into the current state; null for those that are complete as they are. `$1` and `$2`: the batch's
    /// range; for replaced trades, theirs.
    /// </summary>
    public static string? MergeOf(StoreTable table) => table switch
    {
        StoreTable.MarketHistory => MergeMarkets,
        StoreTable.EventHistory => MergeEvents,
        StoreTable.SeriesHistory => MergeSeries,
        StoreTable.MarketIds => "update kalshid.markets m set exchange_id = i.exchange_id from market_ids i where m.market_id = i.market_id",
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

    // A lifecycle message says only some of an object's fields: what it does not say stays. A page may hold an object twice, with one stamp: the
    // payload makes the choice the same for every load.
    private const string MergeMarkets =
        """
        update kalshid.markets m set
            event_ticker = coalesce(h.event_ticker, m.event_ticker), market_type = coalesce(h.market_type, m.market_type),
            title = coalesce(h.title, m.title), status = coalesce(h.status, m.status), result = coalesce(h.result, m.result),
            open_at = coalesce(h.open_at, m.open_at), close_at = coalesce(h.close_at, m.close_at),
            changed_at = h.changed_at, payload = coalesce(h.payload, m.payload)
        from (
            select market_id, max(changed_at) as changed_at,
                (array_agg(event_ticker order by changed_at desc, payload collate "C" desc) filter (where event_ticker is not null))[1] as event_ticker,
                (array_agg(market_type order by changed_at desc, payload collate "C" desc) filter (where market_type is not null))[1] as market_type,
                (array_agg(title order by changed_at desc, payload collate "C" desc) filter (where title is not null))[1] as title,
                (array_agg(status order by changed_at desc, payload collate "C" desc) filter (where status is not null))[1] as status,
                (array_agg(result order by changed_at desc, payload collate "C" desc) filter (where result is not null))[1] as result,
                (array_agg(open_at order by changed_at desc, payload collate "C" desc) filter (where open_at is not null))[1] as open_at,
                (array_agg(close_at order by changed_at desc, payload collate "C" desc) filter (where close_at is not null))[1] as close_at,
                (array_agg(payload order by changed_at desc, payload collate "C" desc) filter (where origin = 'rest'))[1] as payload
            from kalshid.market_history where changed_at > $1 and changed_at <= $2 group by market_id
        ) h
        where m.market_id = h.market_id
        """;

    private const string MergeEvents =
        """
        insert into kalshid.events as e (event_ticker, series_ticker, category, title, changed_at, payload)
        select event_ticker,
            (array_agg(series_ticker order by changed_at desc, payload collate "C" desc) filter (where series_ticker is not null))[1],
            (array_agg(category order by changed_at desc, payload collate "C" desc) filter (where category is not null))[1],
            (array_agg(title order by changed_at desc, payload collate "C" desc) filter (where title is not null))[1],
            max(changed_at),
            (array_agg(payload order by changed_at desc, payload collate "C" desc) filter (where origin = 'rest'))[1]
        from kalshid.event_history where changed_at > $1 and changed_at <= $2 group by event_ticker
        on conflict (event_ticker) do update set
            series_ticker = coalesce(excluded.series_ticker, e.series_ticker), category = coalesce(excluded.category, e.category),
            title = coalesce(excluded.title, e.title), changed_at = excluded.changed_at, payload = coalesce(excluded.payload, e.payload)
        """;

    private const string MergeSeries =
        """
        insert into kalshid.series as s (series_ticker, category, frequency, title, changed_at, payload)
        select distinct on (series_ticker) series_ticker, category, frequency, title, changed_at, payload
        from kalshid.series_history where changed_at > $1 and changed_at <= $2 order by series_ticker, changed_at desc, payload collate "C" desc
        on conflict (series_ticker) do update set
            category = excluded.category, frequency = excluded.frequency, title = excluded.title, changed_at = excluded.changed_at, payload = excluded.payload
        """;

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
        with changed as (
            update kalshid.coverage c set to_at = n.to_at, state = n.state, recorded_at = n.recorded_at
            from coverage_changes n
            where c.market_id = n.market_id and c.from_at = n.from_at and c.channel = n.channel and c.epoch_id is not distinct from n.epoch_id
                and c.known_at <= $1 and (n.to_at > n.from_at or n.epoch_id is not null)
        )
        delete from kalshid.coverage c using coverage_changes n
        where c.market_id = n.market_id and c.from_at = n.from_at and c.channel = n.channel and c.epoch_id is not distinct from n.epoch_id
            and c.known_at <= $1 and n.to_at <= n.from_at and n.epoch_id is null
        """;
}
