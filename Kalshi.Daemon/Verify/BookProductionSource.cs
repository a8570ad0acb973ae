using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Dedup.Reading;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// Production into a <see cref="BookAt"/>, at an instant of the exchange's time: the market's stretch, its last snapshot up to then, and the changes from there on; or,
/// where its first snapshot came later, that one and the changes between taken back. All as of one moment.
/// </summary>
internal sealed class BookProductionSource
{
    private readonly StoreReader _reader;
    private readonly BookAt _book;
    private readonly string _id;
    private readonly ProductionFacts _facts;
    private readonly ProductionMarket _market = new();

    /// <summary>The last change up to the instant.</summary>
    private ChangeKey _last = ChangeKey.None;

    private BookProductionSource(StoreReader reader, BookAt book, int market, ProductionFacts facts)
    {
        (_reader, _book, _id, _facts) = (reader, book, StoreReader.Spell(market), facts);
    }

    public static void Read(StoreDatabase database, BookAt book)
    {
        using var reader = StoreReader.Open(database, Migrations.Production);
        reader.Execute("set enable_seqscan = off; set jit = off");
        reader.Begin();
        var market = reader.Copy($"select market_id from kalshid.markets where ticker = {StoreReader.Spell(book.Ticker)}");
        if (!market.TryRow() || !new BookProductionSource(reader, book, market.Int32(), ProductionFacts.Read(reader)).Read())
        {
            BookStoreSource.ReadNames(reader, book);
        }

        reader.End();
    }

    /// <summary>False when nothing is known of the market.</summary>
    private bool Read()
    {
        ReadCoverage();
        if (_market.Coverage.Count == 0)
        {
            return false;
        }

        _book.Tickers.GetOrAdd(_book.Ticker);
        var at = _book.At;
        var stretch = _market.Coverage.Where(row => row.State == CoverageState.Whole && row.FromAt <= at)
            .OrderByDescending(row => row.ToAt >= at).ThenByDescending(row => row.FromAt).FirstOrDefault();
        if (stretch.Number > 0)
        {
            _book.ReadTo = _facts.WholeTo(_market, stretch);
            Rebuild(stretch);
        }

        return true;
    }

    private void ReadCoverage()
    {
        var rows = _reader.Copy($"{ProductionQueries.Coverage} where market_id = {_id} order by number");
        while (rows.TryRow())
        {
            var row = ProductionDecoder.Coverage(rows);
            _market.Coverage.Add(row);
            _book.OnCoverage(new Coverage("orderbook_delta", _book.Ticker, row.FromAt, row.ToAt, row.Number, 0, row.State, row.Reason));
        }

        rows = _reader.Copy($"{ProductionQueries.Vouches} where market_id = {_id} order by number");
        while (rows.TryRow())
        {
            _market.Vouches.Add(ProductionDecoder.Vouch(rows).Vouch);
        }

        _market.Arrange();
    }

    private void Rebuild(in ProductionCoverage stretch)
    {
        var number = stretch.Number;
        var instant = new ChangeKey(_book.At, int.MaxValue);
        var until = stretch.ToAt < long.MaxValue && stretch.Last < instant ? stretch.Last : instant;
        if (FindSnapshot(number, isLater: false) is { } before)
        {
            var at = before.After.IsNone ? stretch.FromAt : before.After.At;
            _book.OnSnapshot(new RowKey(number, before.After.IsNone ? -1 : before.After.Ordinal, at), before.Yes, before.No);
            _last = before.After;
            var from = before.After.IsNone && !stretch.First.IsNone ? new ChangeKey(stretch.First.At, stretch.First.Ordinal - 1) : before.After;
            ReadChanges(from.IsNone ? until : from, until, change =>
            {
                _book.OnDelta(new RowKey(number, change.Key.Ordinal, change.Key.At), change.Side, change.Price, change.Delta);
                _last = change.Key;
            });
        }
        else if (FindSnapshot(number, isLater: true) is { } later)
        {
            _book.OnSnapshot(new RowKey(number, later.After.Ordinal, _book.At), later.Yes, later.No);
            ReadChanges(instant, later.After, change => _book.OnLaterDelta(number, change.Side, change.Price, change.Delta));
            _last = instant;
        }

        _book.Sources = [.. Sources().Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>
    /// The stretch's last snapshot up to the instant, or the first one behind it. An empty one is how a closed market is cleared, which was when it was received.
    /// </summary>
    private MergedSnapshot? FindSnapshot(int number, bool isLater)
    {
        var (at, order) = (StoreReader.Spell(_book.At), isLater ? "" : " desc");
        var rows = _reader.Copy(
            $"""
            {ProductionQueries.Select(ProductionQueries.Snapshots)}
            where market_id = {_id} and coverage_number = {StoreReader.Spell(number)} and {(isLater ? $"exchange_at > {at}" : $"(exchange_at is null or exchange_at <= {at})")}
                and (cardinality(yes_prices) + cardinality(no_prices) > 0 or received_at <= {at} or exchange_at is null)
            order by exchange_at{order} nulls last, ordinal{order} nulls last, received_at desc limit 1
            """);
        return rows.TryRow() ? ProductionDecoder.Snapshot(rows, rows.Time()).Snapshot : null;
    }

    /// <summary>Changes with after &lt; key ≤ until.</summary>
    private void ReadChanges(ChangeKey after, ChangeKey until, Action<MergedChange> tell)
    {
        if (after.IsNone || after >= until)
        {
            return;
        }

        var rows = _reader.Copy(
            $"""
            {ProductionQueries.Select(ProductionQueries.Changes)}
            where market_id = {_id} and exchange_at >= {StoreReader.Spell(after.At)} and exchange_at <= {StoreReader.Spell(until.At)}
                and (exchange_at, ordinal) > ({StoreReader.Spell(after.At)}, {StoreReader.Spell(after.Ordinal)})
                and (exchange_at, ordinal) <= ({StoreReader.Spell(until.At)}, {StoreReader.Spell(until.Ordinal)})
            order by exchange_at, ordinal
            """);
        while (rows.TryRow())
        {
            tell(ProductionDecoder.Change(rows, rows.Time()));
        }
    }

    /// <summary>Who saw the last change; before the first one, who watches.</summary>
    private IEnumerable<string> Sources()
    {
        foreach (var vouch in _market.Vouches)
        {
            if (_last.IsNone ? vouch.After.IsNone : _market.Reach(vouch) is { } reach && vouch.After < _last && (vouch.IsOpen || _last <= reach.Last))
            {
                yield return _facts.Gatherers[vouch.Gatherer];
            }
        }
    }
}
