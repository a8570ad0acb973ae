using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Books;
using Kalshi.Daemon.Tests.Export;
using Kalshi.Daemon.Tests.Verify;
using Kalshi.Daemon.Verify;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>kalshi.orderbook_at, kalshi.top_of_book and kalshi.coverage_of say what a fold of the journal says, in coverage and in gaps.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
[Parallelizable(ParallelScope.Self)]
internal sealed class BookFunctionsTest(StoreFlavour flavour)
{
    private const int Dollar = 1_000_000;
    private static readonly int Instants = int.Parse(Environment.GetEnvironmentVariable("KALSHID_TEST_INSTANTS") ?? "1000", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>A mini exchange's records span some hours.</summary>
    private const long Stretch = 1_000_000;

    [Test]
    public async Task Books_tops_and_coverage_are_those_of_the_journal()
    {
        var random = Seeds.New(out var seed);
        var exchange = new MiniExchange(random.Next(), steps: 900);
        using var rig = (await StoreRig.NewAsync(flavour)).Append(exchange.Script, Stretch);
        rig.Load();
        await using var connection = await rig.Database.OpenAsync(CancellationToken.None);
        var (begin, end) = (ExportFixture.Start - Micros.PerMinute, ExportFixture.Start + (exchange.Script.At * Stretch));
        for (var market = 0; market < 6; market++)
        {
            var ticker = $"M{market}";
            var tops = await TopsAsync(connection, ticker, begin, end);
            var coverage = await CoverageAsync(connection, ticker, begin, end);
            AssertTiles(coverage, begin, end);
            for (var round = 0; round < 15; round++)
            {
                var at = random.NextInt64(begin, end + 1);
                var expected = new BookAt(ticker, at);
                BookJournalSource.Read(rig.Journal, expected);
                var why = $"seed {seed}, {ticker} at {Micros.Format(at)}: {expected.Statement()}";
                Assert.That(await BookAsync(connection, ticker, at, requireCoverage: false), Is.EqualTo(Levels(expected.Book?.Book)), why);
                Assert.That(await BookAsync(connection, ticker, at, requireCoverage: true), Is.EqualTo(expected.Cover is null ? null : Levels(expected.Book!.Book)), why);
                Assert.That(tops.Last(top => top.At <= at).Top, Is.EqualTo(expected.Cover is null ? null : TopOf(Levels(expected.Book!.Book))), why);
                Assert.That(coverage.Any(piece => piece.State == "whole" && piece.From <= at && at <= piece.To), Is.EqualTo(expected.Cover is not null), why);
            }
        }
    }

    [Test]
    public async Task What_is_not_covered_not_loaded_or_not_known_is_an_error_that_says_why()
    {
        using var rig = (await StoreRig.NewAsync(flavour)).Append(new Script().SubscribeBooks().Snapshot(1, "KX-A").Delta(2, "KX-A").SessionClosed(1, "test").SubscribeBooks(session: 2).Snapshot(1, "KX-A", session: 2));
        rig.Load();
        await AssertRefused("select * from kalshi.orderbook_at('KX-B', now())", "there is no market \"KX-B\"");
        await AssertRefused("select * from kalshi.orderbook_at('KX-A', now() + interval '1 day')", "the store holds what was received until 2026-08-05");
        await AssertRefused($"select * from kalshi.orderbook_at('KX-A', {At(1)})", "coverage begins 2026-08-05 03:00:00.00003+00");
        await AssertRefused($"select * from kalshi.orderbook_at('KX-A', {At(55)})", "gap from 2026-08-05 03:00:00.00004+00 to 2026-08-05 03:00:00.00008+00, session closed: test");
        await AssertRefused($"select * from kalshi.coverage_of('KX-A', {At(2)}, {At(1)})", "is after until");
        await rig.ExecuteAsync("select kalshid.drop_partitions('2026-08-05 04:00Z'); insert into kalshid.markets (market_id, ticker, first_seen_at, changed_at) values (9, 'KX-NEW', now(), now())");
        await AssertRefused($"select * from kalshi.orderbook_at('KX-A', {At(35)})", "were dropped by retention");
        await AssertRefused($"select * from kalshi.orderbook_at('KX-NEW', {At(35)})", "there is no snapshot of this market");
        await using var connection = await rig.Database.OpenAsync(CancellationToken.None);
        Assert.That(await CoverageAsync(connection, "KX-A", ExportFixture.Start, ExportFixture.Start + 100), Is.EqualTo(
            new[] { (ExportFixture.Start, ExportFixture.Start + 100, "gap", "dropped by retention") }));

        async Task AssertRefused(string sql, string because)
        {
            var e = await Assert.ThrowsAsync<PostgresException>(() => rig.ExecuteAsync(sql));
            Assert.That(e!.MessageText, Does.Contain(because));
        }
    }

    [Test]
    public async Task Coverage_of_a_whole_channel_knows_repaired_gaps()
    {
        using var rig = (await StoreRig.NewAsync(flavour)).Append(new Script().SubscribeGlobal("trade").Trade(1, "KX-A", "t1").Trade(3, "KX-A", "t3"));
        rig.Load();
        await rig.ExecuteAsync("update kalshid.coverage set state = 'repaired' where state = 'gap'");
        await using var connection = await rig.Database.OpenAsync(CancellationToken.None);
        var coverage = await CoverageAsync(connection, "KX-A", ExportFixture.Start, ExportFixture.Start + 60, "trade");
        AssertTiles(coverage, ExportFixture.Start, ExportFixture.Start + 60);
        Assert.That(coverage.Select(piece => piece.State), Is.EqualTo(new[] { "gap", "whole", "repaired", "whole", "gap" }));
    }

    [Test]
    public async Task Books_of_recorded_markets_equal_a_fold_at_random_instants()
    {
        var directory = Path.Combine(Repository.Root, "..", "shared", "kalshi", "recordings");
        if (!Directory.Exists(directory))
        {
            Assert.Ignore("The recordings are not here.");
        }

        var random = Seeds.New(out var seed);
        using var rig = await StoreRig.NewAsync(flavour);
        Append(rig.Fixture, directory);
        rig.Load(batchRowsMax: 20_000);
        await using var connection = await rig.Database.OpenAsync(CancellationToken.None);
        var tickers = await ReadAsync(connection, "select ticker from kalshid.markets order by market_id", reader => reader.GetString(0));
        Assert.That(tickers, Has.Count.EqualTo(6));
        foreach (var (ticker, id) in tickers.Select((ticker, index) => (ticker, index + 1)))
        {
            var changes = await ChangesAsync(connection, id);
            var (begin, end) = (changes[0].At, changes[^1].At);
            AssertTiles(await CoverageAsync(connection, ticker, begin - 10, end + 10), begin - 10, end + 10);
            var tops = await TopsAsync(connection, ticker, begin, end);
            Assert.That(tops.Zip(tops.Skip(1), (one, next) => one.At < next.At && one.Top != next.Top), Is.All.True);
            var (book, next) = (new SortedDictionary<(string, int), long>(), 0);
            // A fold costs as much as it reads: fewer where it is WASM.
            foreach (var at in Enumerable.Range(0, flavour.HasConcurrency ? (Instants + 5) / 6 : 10).Select(_ => random.NextInt64(begin, end + 1)).Order())
            {
                for (; next < changes.Count && changes[next].At <= at; next++)
                {
                    Apply(book, changes[next]);
                }

                var expected = book.Where(level => level.Value != 0).Select(level => (level.Key.Item1, level.Key.Item2, level.Value)).OrderByDescending(level => level).ToList();
                var why = $"seed {seed}, {ticker} at {at}";
                Assert.That(await BookAsync(connection, ticker, at, requireCoverage: true), Is.EqualTo(expected), why);
                Assert.That(tops.Last(top => top.At <= at).Top, Is.EqualTo(TopOf(expected)), why);
            }
        }
    }

    /// <summary>A recording a session, one after the other.</summary>
    private static void Append(ExportFixture fixture, string directory)
    {
        var (at, session) = (ExportFixture.Start, 0);
        foreach (var path in Directory.EnumerateFiles(directory, "*.ndjson.gz").Order())
        {
            fixture.Append(++at, ++session, RecordKind.Command, """{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["x"],"use_yes_price":false}}""");
            foreach (var frame in Tests.Verify.RecordingsTest.Frames(path))
            {
                fixture.Append(at += 1 + (frame.Length % 7), session, RecordKind.Frame, frame);
            }
        }
    }

    /// <summary>One row: a level changed by so much, or (`IsSnapshot`) the book is replaced by these levels.</summary>
    private sealed record Change(long At, bool IsSnapshot, (string Side, int Price, long Size)[] Levels);

    private static async Task<List<Change>> ChangesAsync(NpgsqlConnection connection, int market)
    {
        var deltas = await ReadAsync(
            connection, $"select received_at, side::text, price, delta from kalshid.orderbook_deltas where market_id = {market}",
            reader => new Change(reader.GetTime(0), false, [(Word(reader.GetString(1)), reader.GetInt32(2), reader.GetInt64(3))]));
        var snapshots = await ReadAsync(
            connection, $"select received_at, yes_prices, yes_sizes, no_prices, no_sizes from kalshid.orderbook_snapshots where market_id = {market}",
            reader => new Change(reader.GetTime(0), true, [.. Side(reader, "yes", 1), .. Side(reader, "no", 3)]));
        return [.. deltas.Concat(snapshots).OrderBy(change => change.At)];
    }

    private static IEnumerable<(string, int, long)> Side(NpgsqlDataReader reader, string side, int column) =>
        reader.GetFieldValue<int[]>(column).Zip(reader.GetFieldValue<long[]>(column + 1), (price, size) => (side, price, size));

    private static string Word(string side) => side == "y" ? "yes" : "no";

    private static void Apply(SortedDictionary<(string, int), long> book, Change change)
    {
        if (change.IsSnapshot)
        {
            book.Clear();
        }

        foreach (var (side, price, size) in change.Levels)
        {
            book[(side, price)] = book.GetValueOrDefault((side, price)) + size;
        }
    }

    private static void AssertTiles(List<(long From, long To, string State, string? Reason)> pieces, long since, long until)
    {
        Assert.That((pieces[0].From, pieces[^1].To), Is.EqualTo((since, until)));
        Assert.That(pieces.Zip(pieces.Skip(1), (one, next) => one.To == next.From), Is.All.True, string.Join('\n', pieces));
        Assert.That(pieces.Where(piece => piece.State != "whole").Select(piece => piece.Reason), Is.All.Not.Null.And.Not.EqualTo("not covered"));
    }

    private static List<(string Side, int Price, long Size)> Levels(Kalshi.Daemon.Books.Book? book) => book is null ? [] :
    [
        .. Enumerable.Range(1, book.YesCount).Select(rank => Of("yes", book.Yes(book.YesCount - rank))),
        .. Enumerable.Range(1, book.NoCount).Select(rank => Of("no", book.No(book.NoCount - rank))),
    ];

    private static (string, int, long) Of(string side, Level level) => (side, level.Price, level.Quantity);

    /// <summary>Best bid and ask of yes with their sizes; absent ones are 0.</summary>
    private static (int Bid, long BidSize, int Ask, long AskSize)? TopOf(List<(string Side, int Price, long Size)> levels)
    {
        var (yes, no) = (levels.FirstOrDefault(level => level.Side == "yes"), levels.FirstOrDefault(level => level.Side == "no"));
        return (yes.Price, yes.Size, no.Side is null ? 0 : Dollar - no.Price, no.Size);
    }

    /// <summary>Null when the function refuses for want of data.</summary>
    private static async Task<List<(string Side, int Price, long Size)>?> BookAsync(NpgsqlConnection connection, string ticker, long at, bool requireCoverage)
    {
        try
        {
            return await ReadAsync(
                connection, $"select side, price, size from kalshi.orderbook_at('{ticker}', {StoreReader.Spell(at)}, {requireCoverage})",
                reader => (reader.GetString(0), (int)(reader.GetDecimal(1) * Dollar), (long)(reader.GetDecimal(2) * 100)));
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.NoDataFound)
        {
            return null;
        }
    }

    private static Task<List<(long At, (int Bid, long BidSize, int Ask, long AskSize)? Top)>> TopsAsync(NpgsqlConnection connection, string ticker, long since, long until) => ReadAsync(
        connection, $"select at, yes_bid, yes_bid_size, yes_ask, yes_ask_size, is_covered from kalshi.top_of_book('{ticker}', {StoreReader.Spell(since)}, {StoreReader.Spell(until)})",
        reader => (reader.GetTime(0), reader.GetBoolean(5)
            ? ((int Bid, long BidSize, int Ask, long AskSize)?)((int)(Or0(reader, 1) * Dollar), (long)(Or0(reader, 2) * 100), (int)(Or0(reader, 3) * Dollar), (long)(Or0(reader, 4) * 100))
            : null));

    private static decimal Or0(NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? 0 : reader.GetDecimal(column);

    private static Task<List<(long From, long To, string State, string? Reason)>> CoverageAsync(
        NpgsqlConnection connection, string ticker, long since, long until, string channel = "orderbook_delta") => ReadAsync(
        connection, $"select from_at, to_at, state, reason from kalshi.coverage_of('{ticker}', {StoreReader.Spell(since)}, {StoreReader.Spell(until)}, '{channel}')",
        reader => (reader.GetTime(0), reader.GetTime(1), reader.GetString(2), reader.IsDBNull(3) ? null : reader.GetString(3)));

    private static string At(long micros) => StoreReader.Spell(ExportFixture.Start + micros);

    private static async Task<List<T>> ReadAsync<T>(NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<T>();
        while (await reader.ReadAsync())
        {
            rows.Add(read(reader));
        }

        return rows;
    }
}
