using System.Text.Json.Nodes;
using Kalshi.Daemon.Export;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Books;
using Kalshi.Daemon.Tests.Export;
using Kalshi.Daemon.Tests.Verify;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>`export --source store` writes the Parquet files that `export --source journal` writes.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.Native))]
[Parallelizable(ParallelScope.Self)]
internal sealed class StoreExportTest(StoreFlavour flavour)
{
    /// <summary>Ten seconds from record to record.</summary>
    private const long Stretch = 1_000_000;

    private static readonly string[] KnownOnlyToTheJournal = ["cursor", "backfilled_duplicates", "unreadable_registry_pages", "damages"];

    [Test]
    public async Task The_files_are_the_same_byte_for_byte()
    {
        var random = Seeds.New(out var seed);
        for (var round = 0; round < 4; round++)
        {
            using var rig = (await StoreRig.NewAsync(flavour)).Append(Everything(random), Stretch);
            rig.Load(random.Next(1, 300));
            rig.Fixture.Export(untilNow: true);
            var report = rig.Export(untilNow: true);
            Assert.That(report.Published, Has.Count.GreaterThan(2));
            AssertSame(rig, $"seed {seed}, round {round}");
        }
    }

    [Test]
    public async Task Hour_by_hour_while_it_is_loaded_they_are_the_same_as_well()
    {
        var random = Seeds.New(out var seed);
        var script = Everything(random);
        using var rig = await StoreRig.NewAsync(flavour);
        for (var at = 0; at < script.Records.Count;)
        {
            var until = Math.Min(script.Records.Count, at + random.Next(1, 400));
            for (; at < until; at++)
            {
                var (stamp, session, kind, bytes, _) = script.Records[at];
                rig.Fixture.Append(ExportFixture.Start + (stamp * Stretch), session, kind, bytes);
            }

            rig.Load();
            rig.Export();
        }

        rig.Fixture.Export(untilNow: true);
        rig.Export(untilNow: true);
        AssertSame(rig, $"seed {seed}");
        Assert.That(rig.Export(untilNow: true).Published, Is.Empty, "a repeated run changes nothing");
    }

    [Test]
    public async Task An_hour_is_closed_by_the_cursor_behind_it_or_by_a_clean_stop_but_not_by_the_clock()
    {
        using var rig = await StoreRig.NewAsync(flavour);
        rig.Fixture.Now = ExportFixture.Start + Micros.PerDay;
        rig.Append(new Script().ProcessStarted().SubscribeBooks().Snapshot(1, "KX-A").Delta(2, "KX-A")).Load();
        Assert.That(rig.Export().Left?.StartAt, Is.EqualTo(ExportFixture.Start));
        Assert.That(rig.Export(untilNow: true).Published.Single().Closed, Is.False);

        rig.Fixture.Append(ExportFixture.Start + Micros.PerMinute, 0, RecordKind.ProcessStopped, """{"reason":"test"}""");
        rig.Load();
        Assert.That(rig.Export().Published.Single().Closed, Is.True);

        rig.Fixture.Append(ExportFixture.Start + (2 * Micros.PerMinute), 0, RecordKind.ProcessStarted, """{"gatherer":"test","version":"0"}""");
        rig.Load();
        Assert.That(rig.Export().Left, Is.Not.Null, "it goes on");
        rig.Fixture.Append(ExportFixture.Start + Micros.PerHour, 0, RecordKind.ProcessStarted, """{"gatherer":"test","version":"0"}""");
        rig.Load();
        Assert.That(rig.Export().Left?.StartAt, Is.EqualTo(ExportFixture.Start + Micros.PerHour), "the hour before is closed, whether this one has rows or not");
    }

    [Test]
    public async Task An_hour_in_which_nothing_made_a_row_is_there_and_covered()
    {
        using var rig = await StoreRig.NewAsync(flavour);
        const string page = """{"path":"/markets","status":200,"purpose":"registry"}""" + "\n" + """{"markets":[],"cursor":""}""";
        rig.Append(new Script().ProcessStarted().SubscribeBooks().Snapshot(1, "KX-A").Delta(2, "KX-A")).Load();
        foreach (var hour in (long[])[1, 2, 5])
        {
            rig.Fixture.Append(ExportFixture.Start + (hour * Micros.PerHour) + 7, 0, RecordKind.RestPage, page);
            rig.Fixture.Append(ExportFixture.Start + (hour * Micros.PerHour) + 9, 0, RecordKind.RestPage, page);
            rig.Load();
            rig.Export();
        }

        Assert.That(await rig.NumberAsync("select count(*) from kalshid.journal_hours"), Is.EqualTo(4));
        rig.Fixture.Export(untilNow: true);
        rig.Export(untilNow: true);
        AssertSame(rig, "no seed");
        Assert.That(rig.Fixture.Files(rig.StoreTarget).Keys.Count(name => name.StartsWith("coverage/", StringComparison.Ordinal)), Is.EqualTo(4));
        Assert.That(rig.Export(untilNow: true).Published, Is.Empty, "a repeated run changes nothing");
    }

    [Test]
    public async Task Retention_finds_how_far_the_export_came()
    {
        var random = Seeds.New(out _);
        using var rig = (await StoreRig.NewAsync(flavour)).Append(Everything(random), Stretch);
        rig.Load();
        var last = rig.Export().Published[^1];
        var cursor = await rig.NumberAsync("select (extract(epoch from position) * 1000000)::int8 from kalshid.cursors where name = 'export'");
        Assert.That(cursor, Is.EqualTo(last.FromAt + Micros.PerHour - 1));
    }

    [Test]
    public async Task What_retention_dropped_is_left_out_and_the_rest_is_sound()
    {
        var random = Seeds.New(out _);
        using var rig = (await StoreRig.NewAsync(flavour)).Append(Everything(random), Stretch);
        rig.Load();
        var hours = rig.Fixture.Export(untilNow: true).Published.Count;
        await rig.ExecuteAsync($"select kalshid.drop_partitions({Kalshi.Daemon.Store.StoreReader.Spell(ExportFixture.Start + (Micros.PerHour * 3 / 2))})");
        Assert.That(rig.Verify().IsSound, rig.Verify().ToString());
        Assert.That(rig.Export(untilNow: true).Published, Has.Count.EqualTo(hours - 1));
        Assert.That(Rows(rig.Fixture.Files(rig.StoreTarget)), Is.Not.Empty.And.SubsetOf(Rows(rig.Fixture.Files())));
    }

    private static List<string> Rows(SortedDictionary<string, string> files) =>
        [.. Parquet(files).Where(file => file.StartsWith("orderbook_", StringComparison.Ordinal) || file.StartsWith("trades/", StringComparison.Ordinal))];

    private static void AssertSame(StoreRig rig, string replayIt)
    {
        var (journal, store) = (rig.Fixture.Files(), rig.Fixture.Files(rig.StoreTarget));
        Assert.That(Parquet(store), Is.EqualTo(Parquet(journal)), replayIt);
        Assert.That(Parquet(store), Is.Not.Empty);
        Assert.That(Certificates(store), Is.EqualTo(Certificates(journal)), replayIt);
        foreach (var name in Certificates(store))
        {
            Assert.That(Certificate(rig.StoreTarget, name), Is.EqualTo(Certificate(rig.Fixture.Target, name)), $"{replayIt}: {name}");
        }
    }

    private static List<string> Certificates(SortedDictionary<string, string> files) =>
        [.. files.Keys.Where(name => name.StartsWith("certificate/", StringComparison.Ordinal))];

    private static List<string> Parquet(SortedDictionary<string, string> files) =>
        [.. files.Where(file => file.Key.EndsWith(".parquet", StringComparison.Ordinal)).Select(file => $"{file.Key} {file.Value}")];

    private static string Certificate(string target, string name)
    {
        var certificate = JsonNode.Parse(File.ReadAllText(Path.Combine(target, name)))!.AsObject();
        foreach (var known in KnownOnlyToTheJournal)
        {
            certificate.Remove(known);
        }

        return certificate.ToJsonString();
    }

    /// <summary>A mini exchange's records, and among them tickers, events, rejected frames of all kinds and pages of the registry.</summary>
    private static Script Everything(Random random)
    {
        var exchange = new MiniExchange(random.Next(), steps: 1_500).Script;
        var script = new Script();
        var (lifecycleSeq, otherSeq) = (0, 0);
        foreach (var (_, session, kind, bytes, _) in exchange.Records)
        {
            script.Add(kind, session, System.Text.Encoding.UTF8.GetString(bytes));
            if (kind is RecordKind.ProcessStarted)
            {
                (lifecycleSeq, otherSeq) = (0, 0);
                script.SubscribeGlobal("market_lifecycle_v2", session: 9_000 + script.Records.Count, sid: 3, id: 3);
            }

            var market = $"M{random.Next(6)}";
            switch (random.Next(20))
            {
                case 0:
                    script.Frame($$$"""{"type":"ticker","sid":6,"msg":{"market_ticker":"{{{market}}}","price_dollars":"0.0100","yes_bid_dollars":"0.0000","yes_ask_dollars":"0.0100","volume_fp":"{{{random.Next(900)}}}.86","dollar_volume":379,"ts":1789966800}}""", 8_000);
                    break;
                case 1:
                    script.Frame($$$"""{"type":"market_lifecycle_v2","sid":3,"seq":{{{++lifecycleSeq}}},"msg":{"market_ticker":"{{{market}}}","result":"no","event_type":"{{{(random.Next(2) == 0 ? "determined" : "activated")}}}"}}""", 7_000);
                    break;
                case 2 when random.Next(3) == 0:
                    script.Add(RecordKind.RestPage, 0, """{"path":"/markets","status":200,"purpose":"registry"}""" + "\n"
                        + $$$"""{"markets":[{"ticker":"{{{market}}}","event_ticker":"E{{{random.Next(2)}}}","title":"Gr\u00f6\u00dfe {{{random.Next(3)}}}","status":"active","open_time":"2026-01-01T00:00:00Z"},{"ticker":"N{{{random.Next(50)}}}","event_ticker":"E"}],"cursor":""}""");
                    break;
                case 3 when random.Next(3) == 0:
                    script.Add(RecordKind.RestPage, 0, """{"path":"/events","status":200,"purpose":"registry"}""" + "\n"
                        + $$$"""{"events":[{"event_ticker":"E{{{random.Next(2)}}}","series_ticker":"S","title":"{{{random.Next(3)}}}","markets":[]}],"series":[{"ticker":"S","frequency":"daily","title":"{{{random.Next(3)}}}"}]}""");
                    break;
                case 4 when random.Next(4) == 0:
                    script.Frame($$$"""{"type":"something_new","sid":4,"seq":{{{random.Next(1, 3)}}},"msg":{}}""", 6_000);
                    break;
                case 6 when exchange.Records.Count - script.Records.Count is var left && IsSameHour(script.At, script.At + (4 * Script.StepMicros)):
                    TradeTwice(script, $"twice-{left}", market, ++otherSeq);
                    otherSeq++;
                    break;
                case 5 when random.Next(4) == 0:
                    script.Frame($$$"""{"type":"ticker","sid":6,"msg":{"market_ticker":"{{{market}}}","price_dollars":"x"}}""", 8_000);
                    break;
            }
        }

        return script;
    }

    /// <summary>A trade that a page has first, then the stream, then the stream of another session.</summary>
    private static void TradeTwice(Script script, string id, string market, int seq) => script
        .BackfillPage(1, 2, last: false, ExportFixture.TradeJson(id, market, ExportFixture.Start))
        .Trade(seq, market, id, ExportFixture.Start, session: 5_000)
        .Trade(seq + 1, market, id, ExportFixture.Start, session: 5_000);

    private static bool IsSameHour(long from, long to) => Hour.Of(ExportFixture.Start + (from * Stretch)) == Hour.Of(ExportFixture.Start + (to * Stretch));
}
