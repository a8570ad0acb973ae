using Kalshi.Daemon.Export;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Books;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Export;

internal sealed class ExporterTest
{
    private ExportFixture _fixture = null!;

    [SetUp]
    public void SetUp() => _fixture = new ExportFixture();

    [TearDown]
    public void TearDown() => _fixture.Dispose();

    [Test]
    public void An_empty_journal_exports_nothing_and_says_so()
    {
        var report = _fixture.Export(untilNow: true);
        Assert.That(report.Published, Is.Empty);
        Assert.That(report.Records, Is.Zero);
        Assert.That(_fixture.Files(), Is.Empty);
    }

    [Test]
    public void Every_table_has_the_documented_columns_and_values()
    {
        _fixture.Append(Everything(), 0);
        _fixture.Export(untilNow: true);
        using var duck = new DuckDb();
        var start = ExportFixture.Start;

        Assert.That(duck.Rows($"SELECT epoch_us(exchange_at), ticker, side, price, delta, seq FROM {_fixture.Table("orderbook_deltas")} ORDER BY seq"), Is.EqualTo(new object[][]
        {
            [start + 1, "KX-B", "yes", 0.5m, 1m, 3L],
            [start + 2, "KX-A", "no", 0.3251m, -2.5m, 4L],
        }));
        Assert.That(Single(duck, $"SELECT ticker, seq, yes_prices, yes_sizes, no_prices, no_sizes FROM {_fixture.Table("orderbook_snapshots")} WHERE ticker = 'KX-A'"), Is.EqualTo(new object[]
        {
            "KX-A", 1L, new[] { 0.01m, 0.02m }, new[] { 5m, 0.01m }, new[] { 0.3251m }, new[] { 7m },
        }));
        Assert.That(duck.Rows($"SELECT ticker, trade_id, yes_price, no_price, count, taker_side, taker_book_side, is_block_trade, origin, seq FROM {_fixture.Table("trades")} ORDER BY trade_id"), Is.EqualTo(new object?[][]
        {
            ["KX-A", "t1", 0.68m, 0.32m, 46.02m, "yes", "bid", null, "stream", 1L],
            ["KX-B", "t2", 0.68m, 0.32m, 46.02m, "yes", "bid", false, "backfill", null],
        }));
        Assert.That(Single(duck, $"SELECT ticker, last_price, yes_bid, yes_ask, volume, dollar_volume, last_trade_size FROM {_fixture.Table("tickers")}"), Is.EqualTo(new object?[]
        {
            "KX-A", 0.01m, 0m, 0.01m, 759.86m, 379L, null,
        }));
        Assert.That(Single(duck, $"SELECT type, event_type, ticker, payload FROM {_fixture.Table("lifecycle_events")}"), Is.EqualTo(new object[]
        {
            "market_lifecycle_v2", "determined", "KX-A", """{"market_ticker":"KX-A","determination_ts":1784501722,"result":"no","settlement_value":"0.0000","event_type":"determined"}""",
        }));
        Assert.That(Single(duck, $"SELECT sid, seq, ticker, frame FROM {_fixture.Table("rejected_frames")}"), Is.EqualTo(new object[]
        {
            1L, 5L, "KX-A", RejectedFrame,
        }));
        Assert.That(duck.Rows($"SELECT ticker, event_ticker, title, status, result, epoch_us(open_at), origin FROM {_fixture.Table("markets")} ORDER BY ticker"), Is.EqualTo(new object?[][]
        {
            ["KX-A", null, null, "determined", "no", null, "lifecycle"],
            ["KX-B", "KX", "Größe?", "active", null, 1_767_225_600_000_000L, "rest"],
        }));
        Assert.That(Single(duck, $"SELECT ticker, series_ticker, title FROM {_fixture.Table("events")}"), Is.EqualTo(new object[] { "KX", "KXS", "An event" }));
        Assert.That(Single(duck, $"SELECT ticker, category, frequency FROM {_fixture.Table("series")}"), Is.EqualTo(new object[] { "KXS", "Crypto", "hourly" }));
        Assert.That(
            duck.Rows($"SELECT channel, deltas, snapshots, trades, acks, rejected, last_seq - first_seq + 1, end_reason FROM {_fixture.Table("epochs")} ORDER BY epoch_id"),
            Is.EqualTo(new object?[][]
            {
                ["orderbook_delta", 2L, 2L, 0L, 0L, 1L, 5L, null],
                ["trade", 0L, 0L, 1L, 0L, 0L, 1L, null],
                ["market_lifecycle_v2", 0L, 0L, 0L, 0L, 0L, 1L, null],
            }));
        Assert.That(
            duck.Rows($"SELECT ticker, state FROM {_fixture.Table("coverage")} WHERE channel = 'orderbook_delta' ORDER BY ticker, from_at"),
            Is.EqualTo(new object[][] { ["KX-A", "whole"], ["KX-A", "gap"], ["KX-B", "whole"] }));
    }

    [Test]
    public void Columns_have_the_promised_types()
    {
        _fixture.Append(Everything(), 0);
        _fixture.Export(untilNow: true);
        using var duck = new DuckDb();
        string[] Types(string table) => [.. duck.Rows($"DESCRIBE SELECT * FROM {_fixture.Table(table)}").Select(row => $"{row[0]} {row[1]}".Replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"))];
        Assert.That(Types("orderbook_deltas"), Is.EqualTo(new[]
        {
            "received_at TIMESTAMPTZ", "exchange_at TIMESTAMPTZ", "ticker VARCHAR", "side VARCHAR", "price DECIMAL(7,6)", "delta DECIMAL(18,2)", "epoch_id TIMESTAMPTZ", "seq BIGINT",
        }));
        Assert.That(Types("orderbook_snapshots"), Is.EqualTo(new[]
        {
            "received_at TIMESTAMPTZ", "ticker VARCHAR", "epoch_id TIMESTAMPTZ", "seq BIGINT", "yes_prices DECIMAL(7,6)[]", "yes_sizes DECIMAL(18,2)[]", "no_prices DECIMAL(7,6)[]", "no_sizes DECIMAL(18,2)[]",
        }));
        Assert.That(Types("trades"), Is.SupersetOf(new[]
        {
            "received_at TIMESTAMPTZ", "exchange_at TIMESTAMPTZ", "ticker VARCHAR", "trade_id VARCHAR", "yes_price DECIMAL(7,6)", "no_price DECIMAL(7,6)", "count DECIMAL(18,2)",
            "taker_side VARCHAR", "taker_book_side VARCHAR", "is_block_trade BOOLEAN", "origin VARCHAR",
        }));
        Assert.That(Types("coverage"), Is.SupersetOf(new[] { "ticker VARCHAR", "from_at TIMESTAMPTZ", "to_at TIMESTAMPTZ", "epoch_id TIMESTAMPTZ", "state VARCHAR", "reason VARCHAR" }));
    }

    [Test]
    public void The_open_hour_waits_until_told_otherwise()
    {
        _fixture.Append(Everything(), 0);
        Assert.That(_fixture.Export().Left, Is.EqualTo(new Hour(ExportFixture.Start)));
        Assert.That(_fixture.Files(), Is.Empty);
        Assert.That(_fixture.Export(untilNow: true).Published.Single().Closed, Is.False);

        _fixture.Append(new Script().Trade(2, "KX-A", "t9"), Micros.PerMinute);
        _fixture.Now = ExportFixture.Start + (2 * Micros.PerHour);
        Assert.That(_fixture.Export().Published.Single().Closed, Is.True);
        using var duck = new DuckDb();
        Assert.That(duck.Number($"SELECT count(*) FROM {_fixture.Table("trades")}"), Is.EqualTo(3));
        Assert.That(_fixture.Export().Unchanged, Is.EqualTo(1));
    }

    [Test]
    public void A_clean_stop_closes_the_hour_and_a_later_start_in_the_same_hour_replaces_it()
    {
        _fixture.Append(Everything().Add(RecordKind.ProcessStopped, 0, """{"reason":"test"}"""), 0);
        Assert.That(_fixture.Export().Published.Single().Closed, Is.True);
        _fixture.Append(new Script().ProcessStarted().Trade(1, "KX-A", "t9"), Micros.PerMinute);
        Assert.That(_fixture.Export(untilNow: true).Published.Single().Rows["trades"], Is.EqualTo(3));
    }

    [Test]
    public void The_same_journal_gives_the_same_bytes_with_and_without_saved_state()
    {
        ThreeHours(_fixture);
        _fixture.Export(untilNow: true);
        var files = _fixture.Files();
        Assert.That(files, Has.Count.GreaterThan(15));
        Assert.That(_fixture.Export(untilNow: true).Published, Is.Empty);
        Assert.That(_fixture.Files(), Is.EqualTo(files));

        _fixture.ForgetState();
        _fixture.Export(untilNow: true, target: _fixture.Target + "2");
        Assert.That(_fixture.Files(_fixture.Target + "2"), Is.EqualTo(files));
    }

    [Test]
    public void Hour_by_hour_equals_one_run()
    {
        using var other = new ExportFixture();
        ThreeHours(other);
        other.Export(untilNow: true);
        ThreeHours(_fixture, () => _fixture.Export());
        _fixture.Export(untilNow: true);
        Assert.That(_fixture.Files(), Is.EqualTo(other.Files()));
    }

    [Test]
    public void Killed_at_any_step_the_next_run_finishes_cleanly()
    {
        ThreeHours(_fixture);
        _fixture.Export(untilNow: true);
        var whole = _fixture.Files();
        for (var kill = 0; ; kill++)
        {
            using var victim = new ExportFixture();
            ThreeHours(victim);
            var steps = 0;
            try
            {
                victim.Export(untilNow: true, step: _ => { if (steps++ == kill) { throw new InvalidOperationException("killed"); } });
                Assert.That(kill, Is.GreaterThan(50));
                break;
            }
            catch (InvalidOperationException)
            {
                Assert.That(TargetAudit.Run(new LocalDirectory(victim.Target)).Faults, Is.Empty, $"killed before step {kill}: an hour with a manifest is whole");
            }

            victim.Export(untilNow: true);
            Assert.That(victim.Files(), Is.EqualTo(whole), $"killed before step {kill}");
        }
    }

    [Test]
    public void A_lost_or_torn_state_is_rebuilt_without_touching_what_is_published()
    {
        ThreeHours(_fixture);
        _fixture.Export();
        var files = _fixture.Files();
        var state = Path.Combine(_fixture.DataDirectory, "export", "state");
        var bytes = File.ReadAllBytes(state);
        File.WriteAllBytes(state, bytes[..(bytes.Length / 2)]);
        var report = _fixture.Export();
        Assert.That((report.Published.Count, report.Unchanged), Is.EqualTo((0, 2)));
        Assert.That(_fixture.Files(), Is.EqualTo(files));
    }

    [Test]
    public void A_backfilled_trade_has_one_row_whichever_copy_came_first_and_in_whichever_hour()
    {
        var at = ExportFixture.Start;
        var early = new Script().SubscribeGlobal("trade").Trade(1, "KX-A", "in-stream-before", at);
        var page = new Script().BackfillPage(at, at + 1, last: true, string.Join(',',
            new[] { "in-stream-before", "only-rest", "in-stream-after" }.Select(id => ExportFixture.TradeJson(id, "KX-A", at))));
        var late = new Script().Trade(2, "KX-A", "in-stream-after", at);
        _fixture.Append(early, 0);
        _fixture.Append(page, Micros.PerHour);
        _fixture.Append(late, Micros.PerHour + Micros.PerSecond);
        _fixture.Append(page, 2 * Micros.PerHour);
        _fixture.Export();
        _fixture.Export(untilNow: true);
        using var duck = new DuckDb();
        Assert.That(duck.Rows($"SELECT trade_id, origin FROM {_fixture.Table("trades")} ORDER BY trade_id"), Is.EqualTo(new object[][]
        {
            ["in-stream-after", "stream"], ["in-stream-before", "stream"], ["only-rest", "backfill"],
        }));
    }

    [Test]
    public void A_missing_hour_in_the_target_is_noticed_and_exported_again()
    {
        ThreeHours(_fixture);
        _fixture.Export();
        var files = _fixture.Files();
        Directory.Delete(_fixture.Target, recursive: true);
        _fixture.Export();
        Assert.That(_fixture.Files(), Is.EqualTo(files));
    }

    [Test]
    public void Verify_finds_a_flipped_bit_and_a_missing_file()
    {
        ThreeHours(_fixture);
        _fixture.Export();
        Assert.That(TargetAudit.Run(new LocalDirectory(_fixture.Target)).Faults, Is.Empty);
        var parts = Directory.GetFiles(_fixture.Target, "*.parquet", SearchOption.AllDirectories);
        var bytes = File.ReadAllBytes(parts[0]);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(parts[0], bytes);
        File.Delete(parts[1]);
        Assert.That(TargetAudit.Run(new LocalDirectory(_fixture.Target)).Faults, Has.Count.EqualTo(2));
    }

    [Test]
    public void An_epoch_over_two_hours_is_dense_in_each()
    {
        ThreeHours(_fixture);
        var report = _fixture.Export(untilNow: true);
        var books = report.Published.SelectMany(hour => hour.Epochs).Where(epoch => epoch.Channel == "orderbook_delta").ToList();
        Assert.That(books, Has.Count.GreaterThanOrEqualTo(3));
        Assert.That(books.Select(epoch => epoch.EpochId).Distinct().Count(), Is.EqualTo(1));
        Assert.That(books[0].FirstSeq, Is.EqualTo(1));
        for (var i = 0; i < books.Count; i++)
        {
            Assert.That(books[i].Deltas + books[i].Snapshots + books[i].Acks + books[i].Rejected, Is.EqualTo(books[i].LastSeq - books[i].FirstSeq + 1));
            Assert.That(i == 0 ? 0 : books[i - 1].LastSeq, Is.EqualTo(books[i].FirstSeq - 1));
        }
    }

    private const string RejectedFrame = """{"type":"orderbook_delta","sid":1,"seq":5,"msg":{"market_ticker":"KX-A","market_id":"","delta_fp":"1.00","side":"yes","ts_ms":1785898800000}}""";

    private static Script Everything()
    {
        var at = ExportFixture.Start;
        return new Script()
            .ProcessStarted()
            .Add(RecordKind.RestPage, 0, """{"path":"/markets","status":200,"purpose":"registry"}""" + "\n"
                + """{"markets":[{"ticker":"KX-B","event_ticker":"KX","title":"Gr\u00f6\u00dfe?","status":"active","result":"","open_time":"2026-01-01T00:00:00Z"}],"cursor":""}""")
            .Add(RecordKind.RestPage, 0, """{"path":"/events","status":200,"purpose":"registry"}""" + "\n"
                + """{"events":[{"event_ticker":"KX","series_ticker":"KXS","title":"An event"}],"cursor":""}""")
            .Add(RecordKind.RestPage, 0, """{"path":"/series","status":200,"purpose":"registry"}""" + "\n"
                + """{"series":[{"ticker":"KXS","category":"Crypto","frequency":"hourly","title":"A series"}]}""")
            .SubscribeBooks(tickers: ["KX-A", "KX-B"])
            .SubscribeGlobal("trade")
            .SubscribeGlobal("market_lifecycle_v2", sid: 3, id: 3)
            .Snapshot(1, "KX-A", """["0.0100","5.00"],["0.0200","0.01"]""", """["0.3251","7.00"]""")
            .Snapshot(2, "KX-B")
            .Delta(3, "KX-B", exchangeAt: at + 1)
            .Delta(4, "KX-A", "no", "0.3251", "-2.50", at + 2)
            .Frame(RejectedFrame)
            .Trade(1, "KX-A", "t1", at)
            .BackfillPage(at, at + 1, last: true, ExportFixture.TradeJson("t1", "KX-A", at) + "," + ExportFixture.TradeJson("t2", "KX-B", at))
            .Frame("""{"type":"market_lifecycle_v2","sid":3,"seq":1,"msg":{"market_ticker":"KX-A","determination_ts":1784501722,"result":"no","settlement_value":"0.0000","event_type":"determined"}}""")
            .Frame("""{"type":"ticker","sid":6,"msg":{"market_ticker":"KX-A","price_dollars":"0.0100","yes_bid_dollars":"0.0000","yes_ask_dollars":"0.0100","volume_fp":"759.86","dollar_volume":379,"ts":1789966800}}""");
    }

    /// <summary>Three hours with one epoch over all of them; `between` runs after the first record of each later hour.</summary>
    private static void ThreeHours(ExportFixture fixture, Action? between = null)
    {
        fixture.Append(new Script().ProcessStarted().SubscribeBooks(tickers: ["KX-A", "KX-B"]).SubscribeGlobal("trade").Snapshot(1, "KX-A").Snapshot(2, "KX-B"), 0);
        var seq = 2;
        for (var hour = 0; hour < 3; hour++)
        {
            for (var i = 0; i < 50; i++)
            {
                var at = (hour * Micros.PerHour) + (i * Micros.PerMinute) + Micros.PerSecond;
                fixture.Append(new Script().Delta(++seq, i % 3 == 0 ? "KX-A" : "KX-B", exchangeAt: ExportFixture.Start + at), at);
                fixture.Append(new Script().Trade((hour * 50) + i + 1, "KX-A", $"t{hour}-{i}", ExportFixture.Start + at), at + Micros.PerSecond);
                if (i == 0)
                {
                    between?.Invoke();
                }
            }
        }
    }

    private static object?[] Single(DuckDb duck, string sql)
    {
        var rows = duck.Rows(sql);
        Assert.That(rows, Has.Count.EqualTo(1), sql);
        return rows[0];
    }
}
