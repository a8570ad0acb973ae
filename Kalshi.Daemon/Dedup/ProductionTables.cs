using System.Globalization;
using System.Text;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Npgsql;

namespace Kalshi.Daemon.Dedup;

/// <summary>The COPY of each of production's tables, and what becomes of the staged ones. Column orders are those of <see cref="ProductionRows"/>.</summary>
internal static class ProductionTables
{
    public const int Count = (int)ProductionTable.DisagreementChanges + 1;

    private const string MarketColumns = "changed_at, market_id, event_ticker, market_type, title, status, result, open_at, close_at, origin, payload";
    private const string EventColumns = "changed_at, event_ticker, series_ticker, category, title, origin, payload";
    private const string SeriesColumns = "changed_at, series_ticker, category, frequency, title, payload";
    private const string ChannelColumns = "gatherer_id, channel, from_at, to_at, epoch_id, state, reason";
    private const string CoverageColumns = "market_id, number, state, from_at, to_at, first_at, first_ordinal, last_at, last_ordinal, reason";

    private const string DisagreementColumns =
        "market_id, number, found_at, after_at, after_ordinal, held_exchange_at, held_side, held_price, held_delta, held_by, "
        + "other_exchange_at, other_side, other_price, other_delta, other_by, settled_at, verdict";

    private static readonly string[] Copies =
    [
        Copy("kalshid.markets", "market_id, ticker, first_seen_at, changed_at"),
        Copy("kalshid.trades", "exchange_at, received_at, count, market_id, yes_price, no_price, taker_side, taker_book_side, origin, is_block_trade, trade_id"),
        Copy("kalshid.tickers", "exchange_at, received_at, yes_bid_size, yes_ask_size, last_trade_size, volume, open_interest, dollar_volume, dollar_open_interest, market_id, last_price, yes_bid, yes_ask"),
        Copy("kalshid.lifecycle_events", "received_at, market_id, type, event_type, event_ticker, payload"),
        Copy("kalshid.rejected_frames", "received_at, gatherer_id, market_id, type, reason, frame"),
        Copy("exchange_ids", "place, market_id, exchange_id"),
        Copy("market_changes", $"place, is_newest, {MarketColumns}"),
        Copy("event_changes", $"place, is_newest, {EventColumns}"),
        Copy("series_changes", $"place, is_newest, {SeriesColumns}"),
        Copy("channel_changes", $"place, {ChannelColumns}"),
        Copy("disagreement_changes", $"place, {DisagreementColumns}"),
    ];

    private static readonly string[] BookCopies =
    [
        Copy("kalshid.orderbook_deltas", "exchange_at, received_at, delta, market_id, ordinal, price, side"),
        Copy("kalshid.orderbook_snapshots", "received_at, market_id, coverage_number, exchange_at, ordinal, yes_prices, yes_sizes, no_prices, no_sizes"),
        Copy("coverage_changes", $"place, is_removed, {CoverageColumns}"),
        Copy("vouch_changes", "place, is_end, market_id, number, gatherer_id, epoch_id, from_at, after_at, after_ordinal, to_at, last_at, last_ordinal, reason"),
        Copy("renumberings", "market_id, at, first, changes, shift"),
        Copy("joins", "market_id, number, into_number, opening_at, opening_ordinal"),
        Copy("withdrawals", "market_id, after_at, after_ordinal, last_at, last_ordinal"),
    ];

    public static string CopyOf(ProductionTable table) => Copies[(int)table];

    public static string CopyOf(BookTable table) => BookCopies[(int)table];

    private static string Copy(string table, string columns) => $"copy {table} ({columns}) from stdin (format binary)";

    /// <summary>Tables of the connection, emptied by each commit. `place`: in which order a turn told rows of one key.</summary>
    public const string Staging =
        """
        create temp table exchange_ids (place int4, market_id int4, exchange_id uuid) on commit delete rows;
        create temp table market_changes (place int4, is_newest boolean, like kalshid.market_history) on commit delete rows;
        create temp table event_changes (place int4, is_newest boolean, like kalshid.event_history) on commit delete rows;
        create temp table series_changes (place int4, is_newest boolean, like kalshid.series_history) on commit delete rows;
        create temp table channel_changes (place int4, like kalshid.channel_coverage) on commit delete rows;
        create temp table disagreement_changes (place int4, like kalshid.disagreements) on commit delete rows;
        create temp table coverage_changes (place int4, is_removed boolean, market_id int4, number int4, state text, from_at timestamptz, to_at timestamptz,
            first_at timestamptz, first_ordinal int4, last_at timestamptz, last_ordinal int4, reason text) on commit delete rows;
        create temp table vouch_changes (place int4, is_end boolean, market_id int4, number int4, gatherer_id int2, epoch_id timestamptz, from_at timestamptz,
            after_at timestamptz, after_ordinal int4, to_at timestamptz, last_at timestamptz, last_ordinal int4, reason text) on commit delete rows;
        create temp table renumberings (market_id int4, at timestamptz, first int4, changes int4, shift int4) on commit delete rows;
        create temp table joins (market_id int4, number int4, into_number int4, opening_at timestamptz, opening_ordinal int4) on commit delete rows;
        create temp table withdrawals (market_id int4, after_at timestamptz, after_ordinal int4, last_at timestamptz, last_ordinal int4) on commit delete rows;
        """;

    /// <summary>What is made of a table's staged rows, in this order; nothing for those that are complete as they are.</summary>
    public static string[] MergesOf(ProductionTable table) => table switch
    {
        ProductionTable.ExchangeIds => [ObjectMerges.ExchangeIds("(select distinct on (market_id) * from exchange_ids order by market_id, place)")],
        ProductionTable.MarketChanges => MarketMerges,
        ProductionTable.EventChanges => EventMerges,
        ProductionTable.SeriesChanges => SeriesMerges,
        ProductionTable.ChannelChanges => ChannelMerges,
        ProductionTable.DisagreementChanges => DisagreementMerges,
        _ => [],
    };

    private static readonly string[] MarketMerges = [History("market", MarketColumns), ObjectMerges.Markets("market_changes where is_newest", "place desc")];
    private static readonly string[] EventMerges = [History("event", EventColumns), ObjectMerges.Events("event_changes where is_newest", "place desc")];
    private static readonly string[] SeriesMerges = [History("series", SeriesColumns), ObjectMerges.Series("series_changes where is_newest", "place desc")];

    private static string History(string kind, string columns) =>
        $"insert into kalshid.{kind}_history ({columns}) select {columns} from {kind}_changes order by place";

    // A gap that turned out to be none goes away.
    private static readonly string[] ChannelMerges =
    [
        """
        delete from kalshid.channel_coverage c using channel_changes n
        where c.gatherer_id = n.gatherer_id and c.channel = n.channel and c.from_at = n.from_at and c.epoch_id is not distinct from n.epoch_id
        """,
        $"""
        insert into kalshid.channel_coverage ({ChannelColumns})
        select {ChannelColumns} from (
            select distinct on (gatherer_id, channel, from_at, epoch_id) * from channel_changes order by gatherer_id, channel, from_at, epoch_id, place desc) latest
        where not (state = 'gap' and to_at <= from_at)
        """,
    ];

    private static readonly string[] DisagreementMerges =
    [
        $"""
        insert into kalshid.disagreements ({DisagreementColumns})
        select {DisagreementColumns} from (select distinct on (market_id, number) * from disagreement_changes order by market_id, number, place desc) latest
        on conflict (market_id, number) do update set {Excluded(DisagreementColumns)}
        """,
    ];

    /// <summary>Sets every column but the key to the newer row's.</summary>
    private static string Excluded(string columns) => string.Join(", ", columns.Split(", ").Skip(2).Select(column => $"{column} = excluded.{column}"));

    // ---- the books ---------------------------------------------------------------------------------------------------------

    /// <summary>For a staged table that a former step of the turn may have filled; null for the others.</summary>
    public static string? Empty(BookTable table) => table switch
    {
        BookTable.CoverageChanges => "delete from coverage_changes",
        BookTable.VouchChanges => "delete from vouch_changes",
        BookTable.Renumberings => "delete from renumberings",
        BookTable.Joins => "delete from joins",
        BookTable.Withdrawals => "delete from withdrawals",
        _ => null,
    };

    /// <summary>As <see cref="MergesOf(ProductionTable)"/>, of a step.</summary>
    public static string[] MergesOf(BookTable table) => table switch
    {
        BookTable.CoverageChanges => CoverageMerges,
        BookTable.VouchChanges => VouchMerges,
        _ => [],
    };

    /// <summary>Hours of which exports said something that is no longer so: what a turn says of the past, and what that replaces. Of a stretch only its ends change.</summary>
    private static readonly string MarkCovered = MarkHours(
        """
        from kalshid.store s, (
            select from_at, from_at as to_at from coverage_changes where not is_removed and state = 'whole'
            union all select to_at, to_at from coverage_changes where not is_removed and state = 'whole' and to_at < 'infinity'
            union all select from_at, to_at from coverage_changes where not is_removed and state <> 'whole'
            union all select c.to_at, c.to_at from coverage_changes n join kalshid.coverage c using (market_id, number)
            where not n.is_removed and c.state = 'whole' and c.to_at < 'infinity'
            union all select c.from_at, c.to_at from coverage_changes n join kalshid.coverage c using (market_id, number)
            where n.is_removed or c.state <> 'whole') said
        """);

    /// <summary>As <see cref="MarkCovered"/>, of who saw what: as far as each gatherer is merged.</summary>
    private static readonly string MarkVouched = MarkHours(
        """
        from kalshid.store s, (
            select n.from_at, g.position as to_at from vouch_changes n join kalshid.gatherers g using (gatherer_id) where not n.is_end
            union all select n.to_at, g.position
            from vouch_changes n join kalshid.vouches v using (market_id, number) join kalshid.gatherers g on g.gatherer_id = v.gatherer_id where n.is_end) said
        """);

    /// <summary>An export of before the turn does these hours again; `from` gives said.from_at and said.to_at, and the store as s. Other hours have no rows.</summary>
    private static string MarkHours(string from) =>
        $"""
        with hours as materialized (
            select distinct {HourOf("said.from_at - s.margin")} as first, {HourOf("least(said.to_at, s.watermark) + s.margin")} as last
            {from})
        update kalshid.hours h set turn = s.turn from kalshid.store s
        where h.turn < s.turn and exists (select from hours where h.hour between hours.first and hours.last)
        """;

    private static string HourOf(string time) => $"date_bin('1 hour', {time}, 'epoch')";

    private static readonly string[] CoverageMerges =
    [
        MarkCovered,
        """
        delete from kalshid.coverage c
        using (select distinct on (market_id, number) * from coverage_changes order by market_id, number, place desc) latest
        where latest.is_removed and c.market_id = latest.market_id and c.number = latest.number
        """,
        $"""
        insert into kalshid.coverage ({CoverageColumns})
        select {CoverageColumns} from (select distinct on (market_id, number) * from coverage_changes order by market_id, number, place desc) latest
        where not is_removed
        on conflict (market_id, number) do update set {Excluded(CoverageColumns)}
        """,
    ];

    private static readonly string[] VouchMerges =
    [
        """
        insert into kalshid.vouches as v (market_id, number, gatherer_id, epoch_id, from_at, to_at, after_at, after_ordinal, reason)
        select market_id, number, gatherer_id, epoch_id, from_at, 'infinity', after_at, after_ordinal, ''
        from (select distinct on (market_id, number) * from vouch_changes where not is_end order by market_id, number, place desc) latest
        on conflict (market_id, number) do update set
            gatherer_id = excluded.gatherer_id, epoch_id = excluded.epoch_id, from_at = excluded.from_at, to_at = excluded.to_at, after_at = excluded.after_at,
            after_ordinal = excluded.after_ordinal, last_at = excluded.last_at, last_ordinal = excluded.last_ordinal, reason = excluded.reason
        """,
        """
        update kalshid.vouches v set to_at = latest.to_at, last_at = latest.last_at, last_ordinal = latest.last_ordinal, reason = latest.reason
        from (select distinct on (market_id, number) * from vouch_changes order by market_id, number, place desc) latest
        where latest.is_end and v.market_id = latest.market_id and v.number = latest.number
        """,
        MarkVouched,
    ];

    // ---- corrections -------------------------------------------------------------------------------------------------------
    // Each names its markets and a range of times as constants: else every partition is looked into, and TimescaleDB unpacks all of a
    // compressed chunk. Many of them may be joined by hash: what the planner does not know of a new partition must not make them quadratic.

    /// <summary>A snapshot is received at the earliest so long before the change it stands after, whatever the clocks; µs.</summary>
    private const long SnapshotMargin = Micros.PerDay;

    /// <summary>Around corrections.</summary>
    public const string AllowHash = "set local enable_hashjoin = on";
    public const string ForbidHash = "set local enable_hashjoin = off";

    /// <summary>Tells the planner how many there are.</summary>
    public static string Analyze(BookTable table) => table switch
    {
        BookTable.Renumberings => "analyze renumberings",
        BookTable.Joins => "analyze joins",
        _ => "analyze withdrawals",
    };

    public static Correction[] Renumber(List<int> markets) =>
    [
        new($"""
        update kalshid.orderbook_deltas d set ordinal = d.ordinal + r.shift from renumberings r
        where d.market_id = {Any(markets)} and d.exchange_at >= $1 and d.exchange_at <= $2
            and d.market_id = r.market_id and d.exchange_at = r.at and {Concerns("d.ordinal")}
        """),
        new(MarkChanged($"""
        update kalshid.orderbook_snapshots s set ordinal = s.ordinal + r.shift from renumberings r
        where s.market_id = {Any(markets)} and s.received_at >= $1 and s.exchange_at <= $2
            and s.market_id = r.market_id and s.exchange_at = r.at and {Concerns("s.ordinal")}
        """), SnapshotMargin),
        new($"""
        update kalshid.coverage c set
            first_ordinal = c.first_ordinal + case when c.first_at = r.at and {Concerns("c.first_ordinal")} then r.shift else 0 end,
            last_ordinal = c.last_ordinal + case when c.last_at = r.at and {Concerns("c.last_ordinal")} then r.shift else 0 end
        from renumberings r where c.market_id = r.market_id and (c.first_at = r.at or c.last_at = r.at)
        """),
        // Who saw first what was the first of them still does.
        new($"""
        update kalshid.vouches v set
            after_ordinal = v.after_ordinal + case when v.after_at = r.at and {Concerns("v.after_ordinal", "r.first - 1")} then r.shift else 0 end,
            last_ordinal = v.last_ordinal + case when v.last_at = r.at and {Concerns("v.last_ordinal")} then r.shift else 0 end
        from renumberings r where v.market_id = r.market_id and (v.after_at = r.at or v.last_at = r.at)
        """),
    ];

    /// <summary>The hours of the snapshots that `update` changes are exported again.</summary>
    private static string MarkChanged(string update) =>
        $"""
        with changed as ({update} returning s.received_at)
        update kalshid.hours h set turn = s.turn from kalshid.store s
        where h.turn < s.turn and h.hour in (select {HourOf("received_at")} from changed)
        """;

    private static string Concerns(string ordinal, string first = "r.first") => $"{ordinal} >= {first} and {ordinal} < r.first + r.changes";

    /// <summary>Since when the rows that are joined have been there: received_at of their snapshots is behind it.</summary>
    public const string JoinedFrom = "select min(c.from_at) from joins j join kalshid.coverage c on c.market_id = j.market_id and c.number = j.number";

    /// <summary>Its bounds begin where <see cref="JoinedFrom"/> said.</summary>
    public static Correction[] Join(List<int> markets) =>
    [
        new(MarkChanged($"""
        update kalshid.orderbook_snapshots s set
            coverage_number = j.into_number, exchange_at = coalesce(s.exchange_at, j.opening_at),
            ordinal = case when s.exchange_at is null then j.opening_ordinal else s.ordinal end
        from joins j
        where s.market_id = {Any(markets)} and s.received_at >= $1 and s.market_id = j.market_id and s.coverage_number = j.number
        """), SnapshotMargin),
    ];

    public static Correction[] Withdraw(List<int> markets) =>
    [
        new($"""
        delete from kalshid.orderbook_deltas d using withdrawals w
        where d.market_id = {Any(markets)} and d.exchange_at >= $1 and d.exchange_at <= $2
            and d.market_id = w.market_id and d.exchange_at >= w.after_at and d.exchange_at <= w.last_at
            and (d.exchange_at, d.ordinal) > (w.after_at, w.after_ordinal) and (d.exchange_at, d.ordinal) <= (w.last_at, w.last_ordinal)
        """),
        new($"""
        delete from kalshid.orderbook_snapshots s using withdrawals w
        where s.market_id = {Any(markets)} and s.received_at >= $1 and s.exchange_at <= $2 and s.market_id = w.market_id
            and (s.exchange_at, s.ordinal) > (w.after_at, w.after_ordinal) and (s.exchange_at, s.ordinal) <= (w.last_at, w.last_ordinal)
        """, SnapshotMargin),
    ];

    private static string Any(List<int> markets)
    {
        var text = new StringBuilder("any ('{");
        text.AppendJoin(',', markets.Select(market => market.ToString(CultureInfo.InvariantCulture)));
        return text.Append("}'::int4[])").ToString();
    }
}

/// <summary>A statement that corrects rows. `$1` and `$2`, where they occur: a range of times, which begins `Before` (µs) earlier than what is corrected.</summary>
internal readonly record struct Correction(string Sql, long Before = 0)
{
    public NpgsqlBatchCommand Of(long first, long last) => !Sql.Contains("$1", StringComparison.Ordinal) ? Store.Sql.Command(Sql)
        : Store.Sql.Command(Sql, Store.Sql.Time(first == long.MinValue ? first : first - Before), Store.Sql.Time(last));
}
