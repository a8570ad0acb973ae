using System.Globalization;
using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Dedup.Reading;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Store;
using Kalshi.Daemon.Verify;

namespace Kalshi.Daemon.Tests.Verify;

/// <summary>
/// Production as dedup would leave it, written straight into the tables from a random truth: markets with changes at equal instants, stretches with gaps between them,
/// vouches of two gatherers, snapshots, trades, tickers and lifecycle events. And the truth, as a file.
/// </summary>
internal sealed class ProductionRig : IDisposable
{
    public const int Markets = 6;

    /// <summary>2026-11-23T10:00:00Z.</summary>
    public const long Start = 1_795_428_000_000_000;
    public static readonly string[] Gatherers = ["one", "two"];

    private const long Watermark = Start + (30 * Micros.PerHour);

    private readonly TemporaryFolder _folder = new();
    private readonly Random _random;
    private readonly StringBuilder _truth = new();
    private readonly StringBuilder _sql = new();

    private ProductionRig(string dsn, int seed)
    {
        _random = new Random(seed);
        Database = new StoreDatabase(dsn, TimeSpan.FromSeconds(30), "dedup.production_dsn");
    }

    public StoreDatabase Database { get; }

    public string TruthPath => _folder.File("truth.ndjson");

    public string Folder => _folder.Path;

    /// <summary>Changes of the truth by market, and how many of all production holds.</summary>
    public List<MarketChange>[] Truth { get; } = new List<MarketChange>[Markets];

    public long Held { get; private set; }

    public static string Ticker(int market) => $"KXTEST-{market}";

    public static async Task<ProductionRig> NewAsync(StoreFlavour flavour, int seed)
    {
        var rig = new ProductionRig(await flavour.NewDatabaseAsync(), seed);
        await Migrations.Production.ApplyAsync(rig.Database, "auto");
        rig.Write();
        await rig.ExecuteAsync(rig._sql.ToString());
        await File.WriteAllTextAsync(rig.TruthPath, rig._truth.ToString());
        return rig;
    }

    public VerifyReport Verify(bool withTruth = true, int rowsMax = ProductionBooks.RowsMax) =>
        Verification.Run("production", audit => ProductionSource.Read(Database, audit, rowsMax), withTruth ? TruthPath : null);

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = await Database.OpenAsync(CancellationToken.None);
        await connection.ExecuteAsync(sql);
    }

    /// <summary>The market's book after all changes up to the instant.</summary>
    public Book BookAt(int market, long at)
    {
        var book = new Book();
        foreach (var change in Truth[market].TakeWhile(change => change.At <= at))
        {
            book.Apply(change.Side, change.Price, change.Delta);
        }

        return book;
    }

    public void Dispose()
    {
        Database.Dispose();
        _folder.Dispose();
    }

    private void Write()
    {
        Sql($"update kalshid.store set turn = 1, watermark = '{At(Watermark)}', margin = interval '10 seconds'");
        Sql($"select kalshid.make_partitions('{At(Start)}', '{At(Watermark)}')");
        for (var gatherer = 0; gatherer < Gatherers.Length; gatherer++)
        {
            Sql($"insert into kalshid.gatherers (gatherer_id, name, position) values ({gatherer}, '{Gatherers[gatherer]}', '{At(Watermark)}')");
            Sql($"insert into kalshid.channel_coverage (from_at, to_at, epoch_id, gatherer_id, channel, state, reason) values ('{At(Start)}', 'infinity', '{At(Start)}', {gatherer}, 'market_lifecycle_v2', 'whole', '')");
        }

        for (var market = 0; market < Markets; market++)
        {
            Sql($"insert into kalshid.markets (market_id, ticker, first_seen_at, changed_at) values ({market + 1}, '{Ticker(market)}', '{At(Start)}', '{At(Start)}')");
            WriteMarket(market);
            WriteStreams(market);
        }

        Sql("""
            insert into kalshid.hours (hour, turn) select distinct date_bin('1 hour', at, '2000-01-01Z'), 1 from (
                select exchange_at as at from kalshid.orderbook_deltas union all select received_at from kalshid.orderbook_snapshots union all
                select exchange_at from kalshid.trades union all select exchange_at from kalshid.tickers union all select received_at from kalshid.lifecycle_events) rows
            """);
    }

    private void WriteMarket(int market)
    {
        var changes = Truth[market] = NewChanges(_random.Next(80, 200));
        True($$"""{"kind":"snapshot","ticker":"{{Ticker(market)}}","exchange_at":{{Start}},"yes":[],"no":[]}""");
        foreach (var change in changes)
        {
            var side = change.Side == Side.Yes ? "yes" : "no";
            True($$"""{"kind":"delta","ticker":"{{Ticker(market)}}","exchange_at":{{change.At}},"side":"{{side}}","price":{{change.Price}},"delta":{{change.Delta}}}""");
        }

        var pieces = new RigStretches(_random, market + 1, changes);
        Held += pieces.Held;
        pieces.Statements.ForEach(statement => Sql(statement));
    }

    /// <summary>Levels never fall below zero; a quarter of the changes is at the instant of the one before.</summary>
    private List<MarketChange> NewChanges(int count)
    {
        var levels = new Dictionary<(Side, int), long>();
        var changes = new List<MarketChange>();
        for (var at = Start + _random.NextInt64(Micros.PerMinute); changes.Count < count;)
        {
            at += _random.Next(4) == 0 ? 0 : _random.Next(10) == 0 ? _random.NextInt64(20 * Micros.PerMinute) : 1 + _random.NextInt64(30 * Micros.PerSecond);
            var (side, price) = ((Side)_random.Next(1, 3), _random.Next(1, 12) * 80_000);
            var level = levels.GetValueOrDefault((side, price));
            var delta = level > 0 && _random.Next(2) == 0 ? -_random.NextInt64(1, level + 1) : _random.NextInt64(1, 5_000);
            levels[(side, price)] = level + delta;
            changes.Add(new MarketChange(at, at + 40_000, side, price, delta));
        }

        return changes;
    }

    private void WriteStreams(int market)
    {
        for (var i = 0; i < 10; i++)
        {
            var at = (Start + _random.NextInt64(Micros.PerHour)) / 1_000 * 1_000;
            var (id, yes, count) = ($"trade-{market}-{i}", _random.Next(1, 100) * 10_000, _random.Next(1, 1_000));
            True($$"""{"kind":"trade","ticker":"{{Ticker(market)}}","exchange_at":{{at}},"trade_id":"{{id}}","yes_price":{{yes}},"no_price":{{1_000_000 - yes}},"count":{{count}},"taker_side":"yes","taker_book_side":"bid","is_block_trade":false}""");
            Sql($"insert into kalshid.trades (exchange_at, received_at, count, market_id, yes_price, no_price, taker_side, taker_book_side, origin, is_block_trade, trade_id) "
                + $"values ('{At(at)}', '{At(at + 1)}', {count}, {market + 1}, {yes}, {1_000_000 - yes}, 'y', 'b', '{(i == 0 ? 'b' : 's')}', false, '{id}')");
            True($$"""{"kind":"ticker","ticker":"{{Ticker(market)}}","exchange_at":{{at}},"last_price":{{yes}},"yes_bid":1,"yes_ask":2,"yes_bid_size":3,"yes_ask_size":4,"last_trade_size":5,"volume":6,"open_interest":7,"dollar_volume":8,"dollar_open_interest":9}""");
            Sql($"insert into kalshid.tickers values ('{At(at)}', '{At(at + 1)}', 3, 4, 5, 6, 7, 8, 9, {market + 1}, {yes}, 1, 2)");
        }

        True($$"""{"kind":"lifecycle","type":"market_lifecycle_v2","event_type":"created","ticker":"{{Ticker(market)}}","exchange_at":{{Start}}}""");
        Sql($"insert into kalshid.lifecycle_events (received_at, market_id, type, event_type, payload) values ('{At(Start + market)}', {market + 1}, 'market_lifecycle_v2', 'created', '{{}}')");
    }

    public static string At(long at) => at == long.MaxValue ? "infinity" : Micros.Format(at);

    private void True(string line) => _truth.Append(line).Append('\n');

    private void Sql(string statement) => _sql.Append(CultureInfo.InvariantCulture, $"{statement};\n");
}
