using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Dedup.Reading;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;
using Kalshi.Daemon.Export.Tables;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Export;

/// <summary>
/// One hour of production as table rows and as the certificate's numbers: changes, trades and tickers by exchange_at, everything else by received_at.
/// <b>In</b>: the database, as of one moment. <b>Out</b>: parts, through `partFull`. <b>Thread</b>: one. <b>Bound</b>: the tables' part limits; coverage and vouches that
/// touch the hour.
/// </summary>
internal sealed class MergedHour
{
    private readonly StoreReader _reader;
    private readonly Action<Table> _partFull;
    private readonly Symbols _symbols = new();
    private readonly MergedDeltas _deltas;
    private readonly MergedSnapshots _snapshots;
    private readonly MergedTrades _trades;
    private readonly Tables.Tickers _tickerRows;
    private readonly MergedLifecycle _lifecycle;
    private readonly Markets _markets;
    private readonly Events _events;
    private readonly Series _series;
    private readonly MergedCoverage _coverage;
    private readonly MergedRejected _rejected;
    private readonly Message _message = new();
    private readonly Dictionary<int, HourMarket> _books = [];
    private readonly Dictionary<uint, string> _names = [];

    /// <summary>Of the hour under way.</summary>
    private ProductionFacts _facts = null!;
    private StoreTickers _tickers = null!;
    private Hour _hour;
    private HourTally _tally = new();

    /// <summary>A market's vouches, its ticker's code, and the code of the sources seen last.</summary>
    private sealed class HourMarket(ProductionMarket rows, SourceTracker tracker, int ticker)
    {
        public readonly ProductionMarket Rows = rows;
        public readonly SourceTracker Tracker = tracker;
        public readonly int Ticker = ticker;
        public uint Sources;
        public int SourcesCode = -1;
    }

    public MergedHour(StoreReader reader, Action<Table> partFull)
    {
        (_reader, _partFull) = (reader, partFull);
        _deltas = new MergedDeltas(_symbols);
        _snapshots = new MergedSnapshots(_symbols);
        _trades = new MergedTrades(_symbols);
        _tickerRows = new Tables.Tickers(_symbols);
        _lifecycle = new MergedLifecycle(_symbols);
        _markets = new Markets(_symbols);
        _events = new Events(_symbols);
        _series = new Series(_symbols);
        _coverage = new MergedCoverage(_symbols);
        _rejected = new MergedRejected(_symbols);
        Tables = [_deltas, _snapshots, _trades, _tickerRows, _lifecycle, _markets, _events, _series, _coverage, _rejected];
    }

    public IReadOnlyList<Table> Tables { get; }

    /// <summary>Rows read.</summary>
    public long Count { get; private set; }

    /// <summary>Reads the hour; within a transaction of the caller's. Faults are appended to `faults`.</summary>
    public HourTally Read(Hour hour, ProductionFacts facts, StoreFaults faults)
    {
        (_hour, _facts, _tally) = (hour, facts, new HourTally());
        _tickers = new StoreTickers(_reader, faults);
        _symbols.Clear();
        _books.Clear();
        _names.Clear();
        foreach (var table in Tables)
        {
            table.Clear();
        }

        _markets.EndHour();
        _events.EndHour();
        _series.EndHour();
        ReadBooks();
        Each(ProductionQueries.Changes, OnChange);
        AppendCoverage();
        AppendChannels();
        Each(ProductionQueries.Snapshots, OnSnapshot);
        Each(ProductionQueries.Trades, OnTrade);
        Each(ProductionQueries.Tickers, OnTicker);
        Each(ProductionQueries.Lifecycle, OnLifecycle);
        Each(ProductionQueries.Rejected, OnRejected);
        var objects = new StoreObjects(OnObject, _tickers);
        Each(ReadTables.Markets, objects.TellMarket);
        Each(ReadTables.Events, objects.TellEvent);
        Each(ReadTables.Series, objects.TellSeries);
        return _tally;
    }

    private void Each(ReadTable table, Action<CopyRows> read) => new TableRanges(_reader, table).Read(_hour.StartAt - 1, _hour.EndAt - 1, rows =>
    {
        Count++;
        read(rows);
    });

    /// <summary>Coverage and vouches that touch the hour, by market.</summary>
    private void ReadBooks()
    {
        var (from, to) = (StoreReader.Spell(_hour.StartAt), StoreReader.Spell(_hour.EndAt));
        var markets = new SortedDictionary<int, ProductionMarket>();
        var rows = _reader.Copy($"{ProductionQueries.Coverage} where to_at >= {from} and from_at < {to} order by market_id, number");
        while (rows.TryRow())
        {
            var row = ProductionDecoder.Coverage(rows);
            MarketOf(markets, row.Market).Coverage.Add(row);
        }

        rows = _reader.Copy($"{ProductionQueries.Vouches} where coalesce(last_at, to_at) >= {from} and (after_at is null or after_at < {to}) order by market_id, number");
        while (rows.TryRow())
        {
            var (market, vouch) = ProductionDecoder.Vouch(rows);
            MarketOf(markets, market).Vouches.Add(vouch);
        }

        foreach (var (id, market) in markets)
        {
            market.Arrange();
            _books.Add(id, new HourMarket(market, new SourceTracker(market, _facts), _symbols.Code(_tickers.Bytes(id))));
        }
    }

    private static ProductionMarket MarketOf(SortedDictionary<int, ProductionMarket> markets, int id)
    {
        if (!markets.TryGetValue(id, out var market))
        {
            markets.Add(id, market = new ProductionMarket());
        }

        return market;
    }

    // ---- rows -------------------------------------------------------------------------------------------------------------

    /// <summary>Hot: once a change.</summary>
    private void OnChange(CopyRows rows)
    {
        var change = ProductionDecoder.Change(rows, rows.Key);
        if (!_books.TryGetValue(change.Market, out var market))
        {
            _books.Add(change.Market, market = new HourMarket(new ProductionMarket(), new SourceTracker(new ProductionMarket(), _facts), _symbols.Code(_tickers.Bytes(change.Market))));
        }

        var sources = market.Tracker.At(change.Key);
        if (sources != market.Sources || market.SourcesCode < 0)
        {
            (market.Sources, market.SourcesCode) = (sources, _symbols.Code(Encoding.UTF8.GetBytes(Names(sources))));
        }

        _deltas.Append(change, market.Ticker, market.SourcesCode);
        Check(_deltas);
    }

    private void OnSnapshot(CopyRows rows)
    {
        var (market, snapshot) = ProductionDecoder.Snapshot(rows, rows.Key);
        _snapshots.Append(snapshot, _tickers.Bytes(market));
        Check(_snapshots);
    }

    private void OnTrade(CopyRows rows)
    {
        var (market, receivedAt, isBackfilled) = ProductionDecoder.Trade(rows, _message);
        _tally.BackfilledTrades += isBackfilled ? 1 : 0;
        _trades.Append(_tickers.Bytes(market), receivedAt, _message, isBackfilled);
        Check(_trades);
    }

    private void OnTicker(CopyRows rows)
    {
        var (market, receivedAt) = ProductionDecoder.Ticker(rows, _message);
        _message._ticker.Set(_tickers.Bytes(market));
        _tickerRows.Append(new RowOrigin(receivedAt, 0, 0, 0, 0), _message);
        Check(_tickerRows);
    }

    private void OnLifecycle(CopyRows rows)
    {
        var market = RowMessages.ReadLifecycle(rows, _message, out var payload);
        _lifecycle.Append(rows.Key, _tickers.Bytes(market), _message, payload);
        Check(_lifecycle);
    }

    private void OnRejected(CopyRows rows)
    {
        var (gatherer, market) = (rows.Int32(), rows.Int32(0));
        var type = rows.Bytes();
        var reason = rows.Bytes();
        _rejected.Append(rows.Key, Encoding.UTF8.GetBytes(_facts.Gatherers[gatherer]), _tickers.Bytes(market), type, reason, rows.Bytes());
        _tally.Rejected++;
        Check(_rejected);
    }

    private void OnObject(ObjectKind kind, long changedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        RegistryObjects table = kind switch { ObjectKind.Market => _markets, ObjectKind.Event => _events, _ => _series };
        table.Append(changedAt, item, payload, origin);
        Check(table);
    }

    // ---- coverage ---------------------------------------------------------------------------------------------------------

    private void AppendCoverage()
    {
        foreach (var (id, market) in _books.OrderBy(pair => pair.Key))
        {
            foreach (var row in market.Rows.Coverage.OrderBy(row => (row.FromAt, row.Number)))
            {
                var isWhole = row.State == CoverageState.Whole;
                var toAt = Math.Min(isWhole ? _facts.WholeTo(market.Rows, row) : row.ToAt, _hour.EndAt);
                var fromAt = isWhole ? Math.Max(row.FromAt, _hour.StartAt) : row.FromAt;
                if (toAt < fromAt || toAt < _hour.StartAt)
                {
                    continue;
                }

                var coverage = new Coverage("orderbook_delta", _tickers.Name(id), fromAt, toAt, 0, 0, row.State, row.Reason);
                _coverage.Append(coverage, isWhole ? Names(SourcesOf(market, row)) : "", row.Number, row.First, row.ToAt < long.MaxValue ? row.Last : ChangeKey.None);
                _tally.Add(coverage);
                Check(_coverage);
            }
        }
    }

    /// <summary>Who vouches for some of the stretch in the hour; of one without changes, who watches.</summary>
    private uint SourcesOf(HourMarket market, in ProductionCoverage row)
    {
        if (row.First.IsNone)
        {
            return market.Rows.Vouches.Where(vouch => vouch.IsOpen && vouch.After.IsNone).Aggregate(0u, (mask, vouch) => mask | (1u << vouch.Gatherer));
        }

        var (start, end) = (new ChangeKey(_hour.StartAt, 0), new ChangeKey(_hour.EndAt - 1, int.MaxValue));
        var last = ProductionMarket.EndOf(row);
        return market.Tracker.Between(row.First > start ? row.First : start, last < end ? last : end);
    }

    private void AppendChannels()
    {
        var (from, to) = (StoreReader.Spell(_hour.StartAt), StoreReader.Spell(_hour.EndAt));
        var rows = _reader.Copy(
            $"""
            select from_at, to_at, gatherer_id::int4, channel, state, reason from kalshid.channel_coverage
            where to_at >= {from} and from_at < {to} order by channel, from_at, gatherer_id
            """);
        for (rows.MoveNext(); rows.Key != long.MaxValue; rows.MoveNext())
        {
            var (toAt, gatherer, channel) = (rows.Time(), rows.Int32(), Encoding.UTF8.GetString(rows.Bytes()));
            var state = rows.Bytes() switch { [(byte)'w', ..] => CoverageState.Whole, [(byte)'g', ..] => CoverageState.Gap, _ => CoverageState.Repaired };
            var reason = Encoding.UTF8.GetString(rows.Bytes());
            toAt = Math.Min(Math.Min(toAt, _facts.Positions[gatherer]), _hour.EndAt);
            var fromAt = state == CoverageState.Whole ? Math.Max(rows.Key, _hour.StartAt) : rows.Key;
            if (toAt >= fromAt && toAt >= _hour.StartAt)
            {
                _coverage.Append(new Coverage(channel, "", fromAt, toAt, 0, 0, state, reason), _facts.Gatherers[gatherer], 0, ChangeKey.None, ChangeKey.None);
                Check(_coverage);
            }
        }
    }

    /// <summary>Names of the gatherers of a mask, sorted, joined by commas.</summary>
    private string Names(uint mask)
    {
        if (!_names.TryGetValue(mask, out var names))
        {
            var held = Enumerable.Range(0, _facts.Gatherers.Length).Where(id => (mask & (1u << id)) != 0).Select(id => _facts.Gatherers[id]);
            _names.Add(mask, names = string.Join(',', held.Order(StringComparer.Ordinal)));
        }

        return names;
    }

    private void Check(Table table)
    {
        if (table.IsFull)
        {
            _partFull(table);
        }
    }
}
