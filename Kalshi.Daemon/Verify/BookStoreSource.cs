using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// A store into a <see cref="BookAt"/>: the market's coverage, the last snapshot before the instant, and the market's deltas from there on. It
/// says what <see cref="BookJournalSource"/> says, and so tells coverage as it was known where that one stops reading.
/// </summary>
internal sealed class BookStoreSource
{
    private const long FirstWindow = Micros.PerSecond;
    private const int WindowGrowth = 8;
    private const int NamesMax = 200;

    /// <summary>Tables whose rows show that a stream goes on, and whether their rows have an epoch.</summary>
    private static readonly (string Name, bool HasEpoch)[] Rows =
        [("orderbook_deltas", true), ("orderbook_snapshots", true), ("trades", true), ("lifecycle_events", true), ("tickers", false)];

    private readonly StoreReader _reader;
    private readonly BookAt _book;
    private readonly string _market;
    private readonly string _at;
    private readonly long _cursor;

    private BookStoreSource(StoreReader reader, BookAt book, int marketId, long cursor)
    {
        _reader = reader;
        _book = book;
        _market = StoreReader.Spell(marketId);
        _cursor = cursor;
        _at = StoreReader.Spell(Math.Min(book.At, cursor));
    }

    public static void Read(StoreDatabase database, BookAt book)
    {
        using var reader = StoreReader.Open(database);
        reader.Execute("set enable_seqscan = off; set jit = off");
        var cursor = reader.ReadFacts().Cursor;
        var market = reader.Copy($"select market_id from kalshid.markets where ticker = {StoreReader.Spell(book.Ticker)}");
        if (!market.TryRow() || !new BookStoreSource(reader, book, market.Int32(), cursor).Read())
        {
            ReadNames(reader, book);
        }
    }

    /// <summary>False when the market has no snapshot.</summary>
    private bool Read()
    {
        var first = Time($"select min(received_at) from kalshid.orderbook_snapshots where market_id = {_market}", _cursor);
        if (first == long.MaxValue)
        {
            return false;
        }

        _book.Tickers.GetOrAdd(_book.Ticker);
        var epochs = Epochs();
        _book.ReadTo = Math.Min(_cursor, epochs.Select(KnownAt).Append(Math.Max(first, FirstRowAfter(""))).Max());
        ReadCoverage();
        foreach (var (epochId, snapshotAt, _) in Needed(epochs))
        {
            ReadSnapshot(epochId, snapshotAt);
            ReadDeltas(epochId, snapshotAt);
        }

        return true;
    }

    /// <summary>Epochs with a snapshot of the market up to the instant: that snapshot, and where the end of the epoch became known.</summary>
    private List<(long EpochId, long SnapshotAt, long EndedAt)> Epochs()
    {
        var epochs = new List<(long, long, long)>();
        var rows = _reader.Copy(
            $"""
            select s.snapshot_at, s.epoch_id, case when e.end_reason is not null then e.recorded_at end from (
                select max(received_at) as snapshot_at, epoch_id from kalshid.orderbook_snapshots where market_id = {_market} and received_at <= {_at} group by epoch_id) s
            left join kalshid.epochs e using (epoch_id)
            order by 1
            """);
        for (rows.MoveNext(); rows.Key != long.MaxValue; rows.MoveNext())
        {
            epochs.Add((rows.Time(), rows.Key, rows.Time(long.MaxValue)));
        }

        return epochs;
    }

    /// <summary>Where it became certain whether the epoch reached the instant: at its next row, or where it ended.</summary>
    private long KnownAt((long EpochId, long SnapshotAt, long EndedAt) epoch) => epoch.EndedAt <= _book.At ? epoch.EndedAt
        : Math.Min(epoch.EndedAt, FirstRowAfter($" and epoch_id = {StoreReader.Spell(epoch.EpochId)}", epoch.EndedAt));

    /// <summary>received_at of the first row behind the instant; `long.MaxValue` when there is none.</summary>
    private long FirstRowAfter(string condition, long until = long.MaxValue)
    {
        until = Math.Min(until, _cursor);
        var tables = Rows.Where(table => table.HasEpoch || condition.Length == 0).ToArray();
        for (var (after, window) = (_book.At, FirstWindow); after < until; window *= WindowGrowth)
        {
            var to = until - after > window ? after + window : until;
            var parts = tables.Select(table =>
                $"select min(received_at) as at from kalshid.{table.Name} where received_at > {StoreReader.Spell(after)} and received_at <= {StoreReader.Spell(to)}{condition}"
                + (table.Name == "trades" ? " and origin = 's'" : ""));
            if (Time($"select min(at) from ({string.Join(" union all ", parts)}) part", until) is var found && found != long.MaxValue)
            {
                return found;
            }

            after = to;
        }

        return long.MaxValue;
    }

    private long Time(string select, long until)
    {
        var rows = _reader.Copy(select);
        return rows.TryRow() && rows.Time(long.MaxValue) is var at && at <= until ? at : long.MaxValue;
    }

    /// <summary>As <see cref="Replay.Finish"/> tells it where the reading ends.</summary>
    private void ReadCoverage()
    {
        var rows = _reader.Copy(
            $"""
            select recorded_at, from_at, to_at, epoch_id, from_seq, state = 'whole', reason from kalshid.coverage
            where market_id = {_market} and channel = 'orderbook_delta' and known_at <= {StoreReader.Spell(_book.ReadTo)} order by from_at, recorded_at
            """);
        for (rows.MoveNext(); rows.Key != long.MaxValue; rows.MoveNext())
        {
            var (fromAt, toAt, epochId, fromSeq, isWhole) = (rows.Time(), rows.Time(), rows.Time(0), rows.Int64(0), rows.Bool() == 1);
            var reason = Encoding.UTF8.GetString(rows.Bytes());
            toAt = rows.Key <= _book.ReadTo ? toAt : long.MaxValue;
            if (isWhole || (toAt < long.MaxValue ? toAt > fromAt : reason != "deleted"))
            {
                var state = isWhole ? CoverageState.Whole : CoverageState.Gap;
                _book.OnCoverage(new Coverage("orderbook_delta", _book.Ticker, fromAt, toAt, epochId, fromSeq, state, reason));
            }
        }
    }

    /// <summary>The covering epoch; when nothing covers the instant, those that may have the last change before it.</summary>
    private IEnumerable<(long EpochId, long SnapshotAt, long EndedAt)> Needed(List<(long EpochId, long SnapshotAt, long EndedAt)> epochs) =>
        _book.Cover is { } cover ? epochs.Where(epoch => epoch.EpochId == cover.EpochId)
        : epochs.Count == 0 ? [] : epochs.Where(epoch => epoch.EndedAt >= epochs[^1].SnapshotAt);

    private void ReadSnapshot(long epochId, long snapshotAt)
    {
        var (yes, no) = (new LevelBuffer(), new LevelBuffer());
        var rows = _reader.Copy(
            $"""
            select seq, yes_prices, yes_sizes, no_prices, no_sizes from kalshid.orderbook_snapshots
            where market_id = {_market} and received_at = {StoreReader.Spell(snapshotAt)}
            """);
        Checks.That(rows.TryRow(), "A snapshot that was found is there.");
        var seq = rows.Int64();
        RowMessages.ReadLevels(rows, ref yes);
        RowMessages.ReadLevels(rows, ref no);
        _book.OnSnapshot(new RowKey(epochId, seq, snapshotAt), yes.Span, no.Span);
    }

    private void ReadDeltas(long epochId, long snapshotAt)
    {
        var rows = _reader.Copy(
            $"""
            select received_at, seq, delta, price, side from kalshid.orderbook_deltas
            where market_id = {_market} and epoch_id = {StoreReader.Spell(epochId)} and received_at > {StoreReader.Spell(snapshotAt)} and received_at <= {_at} order by received_at
            """);
        for (rows.MoveNext(); rows.Key != long.MaxValue; rows.MoveNext())
        {
            var (seq, delta, price) = (rows.Int64(), rows.Int64(), rows.Int32());
            _book.OnDelta(new RowKey(epochId, seq, rows.Key), RowMessages.SideOf(rows.Byte()), price, delta);
        }
    }

    /// <summary>Cold: markets with a book whose tickers begin most alike, for "did you mean".</summary>
    public static void ReadNames(StoreReader reader, BookAt book)
    {
        for (var length = book.Ticker.Length; length >= 2 && book.Tickers.Count < 3; length--)
        {
            var rows = reader.Copy(
                $"""
                select ticker from kalshid.markets m where starts_with(ticker, {StoreReader.Spell(book.Ticker[..length])}) and ticker <> {StoreReader.Spell(book.Ticker)}
                    and exists (select from kalshid.orderbook_snapshots s where s.market_id = m.market_id) limit {StoreReader.Spell(NamesMax)}
                """);
            while (rows.TryRow())
            {
                book.Tickers.GetOrAdd(rows.Bytes());
            }
        }
    }
}
