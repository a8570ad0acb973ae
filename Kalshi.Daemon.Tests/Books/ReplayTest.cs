using Kalshi.Daemon.Books;
using Kalshi.Daemon.Journal;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Books;

internal sealed class ReplayTest
{
    private static Script Started() => new Script().ProcessStarted().SubscribeBooks(tickers: ["A", "B"]);

    // Stamps: 10 ProcessStarted, 20 command, 30 subscribed, then the test's own records from 40 on.
    [Test]
    public void Coverage_opens_with_the_snapshot_and_stays_open()
    {
        var sink = Started().Snapshot(1, "A").Delta(2, "A").Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..open"]));
        Assert.That(sink.Epochs, Has.Count.EqualTo(1));
        Assert.That(sink.Epochs[0].EpochId, Is.EqualTo(40));
        Assert.That(sink.Epochs[0].EndReason, Is.Null);
        Assert.That(sink.Origins.Select(origin => origin.EpochId), Is.All.EqualTo(40));
    }

    [Test]
    public void Acks_are_numbered_and_their_absence_is_a_gap()
    {
        var dense = Started().Ok(1, 9).Snapshot(2, "A").Ok(3, 10).Delta(4, "A").Run();
        Assert.That(dense.Epochs, Has.Count.EqualTo(1));
        Assert.That(dense.Epochs[0].Acks, Is.EqualTo(2));
        Assert.That(dense.Epochs[0].IsDense);

        var broken = Started().Ok(1, 9).Snapshot(2, "A").Delta(4, "A").Run();
        Assert.That(broken.Epochs, Has.Count.EqualTo(2));
    }

    [Test]
    public void A_gap_ends_the_epoch_and_every_market_waits_for_its_own_snapshot()
    {
        var sink = Started().Snapshot(1, "A").Snapshot(2, "B").Delta(3, "A").Delta(5, "A").Snapshot(6, "A").Delta(7, "B").Run();
        Assert.That(sink.Epochs.Select(epoch => epoch.EndReason), Is.EqualTo(["gap: seq 4 expected, 5 received", null]));
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..60", "Gap 60..80 gap: seq 4 expected, 5 received", "Whole 80..open"]));
        Assert.That(sink.CoverageOf("B"), Is.EqualTo(["Whole 50..60", "Gap 60..open gap: seq 4 expected, 5 received"]));
        Assert.That(sink.Rows, Is.EqualTo(6), "a gap costs no row");
    }

    [Test]
    public void A_seq_that_steps_back_is_a_gap_too()
    {
        var sink = Started().Snapshot(1, "A").Delta(2, "A").Delta(2, "A").Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..50", "Gap 50..open gap: seq 3 expected, 2 received"]));
    }

    [Test]
    public void A_snapshot_of_a_covered_market_changes_no_coverage()
    {
        var sink = Started().Snapshot(1, "A", yes: """["0.5000","1.00"]""").Delta(2, "A").Snapshot(3, "A").Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..open"]), "the exchange empties a market's book when it closes");
        Assert.That(sink.Epochs[0].Snapshots, Is.EqualTo(2));
    }

    [Test]
    public void The_same_sid_on_two_sessions_is_two_sequences()
    {
        var sink = Started().SubscribeBooks(session: 2, sid: 1, id: 1, tickers: ["C"])
            .Snapshot(1, "A").Snapshot(1, "C", session: 2).Delta(2, "A").Delta(2, "C", session: 2).Run();
        Assert.That(sink.Epochs.Select(epoch => epoch.Session), Is.EqualTo([1, 2]));
        Assert.That(sink.Coverages.Select(coverage => coverage.State), Is.All.EqualTo(CoverageState.Whole));
    }

    [TestCase(25, "Subscription buffer overflow")]
    [TestCase(10, "Channel error")]
    public void Terminal_errors_end_the_epoch_of_their_sid_only(int code, string text)
    {
        var sink = Started().SubscribeBooks(sid: 2, id: 2, tickers: ["C"]).Snapshot(1, "A").Snapshot(1, "C", sid: 2)
            .Frame($$$"""{"type":"error","sid":1,"seq":2,"msg":{"code":{{{code}}},"msg":"{{{text}}}"}}""").Delta(2, "C", sid: 2).Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 60..80", $"Gap 80..open error {code}: {text}"]));
        Assert.That(sink.CoverageOf("C"), Is.EqualTo(["Whole 70..open"]));
        Assert.That(sink.Epochs[0].Acks, Is.EqualTo(1));
        Assert.That(sink.Epochs[0].IsDense);
    }

    [Test]
    public void Other_errors_are_numbered_and_end_nothing()
    {
        var sink = Started().Snapshot(1, "A").Frame("""{"type":"error","id":7,"sid":1,"seq":2,"msg":{"code":13,"msg":"Action not supported"}}""").Delta(3, "A").Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..open"]));
    }

    [Test]
    public void Unsubscribed_ends_the_epoch_and_a_new_sid_begins_another()
    {
        var sink = Started().Snapshot(1, "A").Delta(2, "A").Frame("""{"type":"unsubscribed","id":3,"sid":1,"seq":3}""")
            .SubscribeBooks(sid: 2, id: 4, tickers: ["A"]).Snapshot(1, "A", sid: 2).Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..60", "Gap 60..90 unsubscribed", "Whole 90..open"]));
    }

    [Test]
    public void A_closed_session_ends_its_epochs_at_their_last_frame()
    {
        var sink = Started().Snapshot(1, "A").Delta(2, "A").SessionClosed(1, "timed out")
            .SubscribeBooks(session: 2, tickers: ["A"]).Snapshot(1, "A", session: 2).Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..50", "Gap 50..90 session closed: timed out", "Whole 90..open"]));
    }

    [Test]
    public void A_killed_process_ends_every_epoch()
    {
        var sink = Started().SubscribeGlobal("trade").Snapshot(1, "A").Trade(1, "A", "t1").ProcessStarted()
            .SubscribeBooks(session: 2, tickers: ["A"]).Snapshot(1, "A", session: 2).Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 60..60", "Gap 60..110 process ended", "Whole 110..open"]));
        Assert.That(sink.CoverageOf("", "trade"), Is.EqualTo(["Whole 50..70", "Gap 70..open process ended"]));
    }

    [Test]
    public void Damage_ends_every_epoch_even_when_the_sequence_goes_on()
    {
        var sink = Started().Snapshot(1, "A").Delta(2, "A").Damage().Delta(3, "A").Snapshot(4, "A").Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..50", "Gap 50..70 journal damage", "Whole 70..open"]));
        Assert.That(sink.Epochs.Select(epoch => (epoch.FirstSeq, epoch.LastSeq)), Is.EqualTo([(1L, 2L), (3L, 4L)]));
    }

    [Test]
    public void Deleted_markets_lose_coverage_from_the_command_on_once_it_is_acknowledged()
    {
        var sink = Started().Snapshot(1, "A").Snapshot(2, "B").DeleteMarkets(5, "A").Delta(3, "A").Ok(4, 5).Delta(5, "B").Snapshot(6, "A").Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..60", "Gap 60..100 deleted", "Whole 100..open"]));
        Assert.That(sink.CoverageOf("B"), Is.EqualTo(["Whole 50..open"]));
    }

    [Test]
    public void A_market_we_deleted_for_good_leaves_no_open_gap()
    {
        var sink = Started().Snapshot(1, "A").DeleteMarkets(5, "A").Ok(2, 5).Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..50"]));
    }

    [Test]
    public void An_error_to_delete_markets_deletes_nothing()
    {
        var sink = Started().Snapshot(1, "A").DeleteMarkets(5, "A").Frame("""{"type":"error","id":5,"sid":1,"seq":2,"msg":{"code":18,"msg":"timeout"}}""").Ok(3, 5).Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..open"]));
    }

    [Test]
    public void A_rejected_frame_is_a_gap_of_its_market_and_the_epoch_stays_dense()
    {
        var sink = Started().Snapshot(1, "A").Snapshot(2, "B")
            .Frame("""{"type":"orderbook_delta","sid":1,"seq":3,"msg":{"market_ticker":"A","market_id":"","cost_dollars":"0.5000","delta_fp":"1.00","side":"yes","ts_ms":1}}""")
            .Delta(4, "B").Snapshot(5, "A").Run();
        Assert.That(sink.Epochs, Has.Count.EqualTo(1));
        Assert.That(sink.Epochs[0].IsDense);
        Assert.That(sink.Epochs[0].Rejected, Is.EqualTo(1));
        Assert.That(sink.CoverageOf("B"), Is.EqualTo(["Whole 50..open"]));
        var coverage = sink.CoverageOf("A");
        Assert.That(coverage, Has.Length.EqualTo(3));
        Assert.That(coverage[0], Is.EqualTo("Whole 40..50"));
        Assert.That(coverage[1], Does.StartWith("Gap 50..80 rejected: orderbook_delta"));
        Assert.That(coverage[2], Is.EqualTo("Whole 80..open"));
    }

    [Test]
    public void A_rejected_frame_without_a_ticker_is_a_gap_of_all_markets_of_its_sid()
    {
        var sink = Started().SubscribeBooks(sid: 2, id: 2, tickers: ["C"]).Snapshot(1, "A").Snapshot(2, "B").Snapshot(1, "C", sid: 2)
            .Frame("""{"type":"orderbook_delta","sid":1,"seq":3,"msg":{"price_dollars":"0.5000","delta_fp":"1.00","side":"yes","ts_ms":1}}""").Run();
        Assert.That(sink.CoverageOf("A")[0], Is.EqualTo("Whole 60..70"));
        Assert.That(sink.CoverageOf("B")[0], Is.EqualTo("Whole 70..70"));
        Assert.That(sink.CoverageOf("A")[1], Does.StartWith("Gap 70..open rejected: "));
        Assert.That(sink.CoverageOf("C"), Is.EqualTo(["Whole 80..open"]));
    }

    [Test]
    public void Unknown_types_are_counted_and_harmless()
    {
        var sink = Started().Snapshot(1, "A").Frame("""{"type":"weather","sid":1,"seq":2,"msg":{"market_ticker":"A"}}""").Delta(3, "A")
            .Frame("""{"type":"weather","msg":{}}""").Run();
        Assert.That(sink.Unknown, Is.EqualTo(2));
        Assert.That(sink.Epochs.Single().IsDense);
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..open"]));
    }

    [Test]
    public void Bytes_that_are_no_frame_are_rejected_and_end_nothing()
    {
        var sink = Started().Snapshot(1, "A").Frame("garbage").Frame("").Delta(2, "A").Run();
        Assert.That(sink.Rejected, Is.EqualTo(2));
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..open"]));
    }

    [Test]
    public void Trade_coverage_begins_with_the_subscription_when_its_first_frame_has_seq_1()
    {
        Assert.That(new Script().SubscribeGlobal("trade").Trade(1, "A", "t1").Run().CoverageOf("", "trade"), Is.EqualTo(["Whole 20..open"]));
        Assert.That(new Script().SubscribeGlobal("trade").Trade(2, "A", "t1").Run().CoverageOf("", "trade"), Is.EqualTo(["Whole 30..open"]));
    }

    [TestCase("market_lifecycle_v2")]
    [TestCase("multivariate_market_lifecycle")]
    public void Lifecycle_channels_are_rows_and_covered_as_a_whole(string channel)
    {
        var sink = new Script().SubscribeGlobal(channel)
            .Frame($$$"""{"type":"{{{channel}}}","sid":2,"seq":1,"msg":{"market_ticker":"A","result":"no","event_type":"determined"}}""").Run();
        Assert.That(sink.Rows, Is.EqualTo(1));
        Assert.That(sink.Epochs[0].Lifecycle, Is.EqualTo(1));
        Assert.That(sink.CoverageOf("", channel), Is.EqualTo(["Whole 20..open"]));
    }

    [Test]
    public void A_trade_subscription_for_named_markets_claims_nothing_for_the_channel()
    {
        var sink = new Script().Command("""{"id":2,"cmd":"subscribe","params":{"channels":["trade"],"market_tickers":["A"]}}""")
            .Subscribed("trade", 1, 2, 2).Trade(1, "A", "t1").Run();
        Assert.That(sink.Coverages, Is.Empty);
    }

    [Test]
    public void A_broken_trade_stream_is_a_gap_until_a_backfill_covers_it()
    {
        // Receive time is µs since 1970 in a script, so trades are stamped in the same range; the wire has milliseconds.
        Script Broken() => new Script().SubscribeGlobal("trade").Trade(1, "A", "t1", 3_000).Trade(3, "A", "t3", 9_000);
        Assert.That(Broken().Run().CoverageOf("", "trade"), Is.EqualTo(["Whole 20..30", "Whole 40..open", "Gap 30..40 gap: seq 2 expected, 3 received"]));

        // A walk must reach back to the last trade before the gap, by exchange time, and forward to the gap's end.
        Assert.That(Broken().BackfillPage(3_001, 9_000, last: true).Run().CoverageOf("", "trade")[^1], Does.StartWith("Gap"));
        Assert.That(Broken().BackfillPage(0, 9_000, last: true).Run().CoverageOf("", "trade")[1], Does.StartWith("Repaired"));
    }

    [Test]
    public void A_backfill_repairs_a_trade_gap_when_its_last_page_has_come()
    {
        var script = new Script().SubscribeGlobal("trade").Trade(1, "A", "t1", 1).ProcessStarted().SubscribeGlobal("trade", session: 2);
        script.BackfillPage(0, 1_000, last: false, trades: RestTrade("t2")).Trade(1, "A", "t9", 1, session: 2);
        var first = script.Run();
        Assert.That(first.CoverageOf("", "trade"), Is.EqualTo(["Whole 20..30", "Whole 60..open", "Gap 30..60 process ended"]));
        var second = script.BackfillPage(0, 1_000, last: true, trades: RestTrade("t3"), path: "/markets/trades?cursor=x").Run();
        Assert.That(second.CoverageOf("", "trade"), Is.EqualTo(["Whole 20..30", "Repaired 30..60 process ended", "Whole 60..open"]));
        Assert.That(second.Lines.Count(line => line.StartsWith("backfilled ")), Is.EqualTo(2));
    }

    [Test]
    public void A_backfill_with_an_unreadable_trade_or_a_lost_page_repairs_nothing()
    {
        Script Walk() => new Script().SubscribeGlobal("trade").Trade(1, "A", "t1", 1).ProcessStarted().SubscribeGlobal("trade", session: 2);
        var unreadable = Walk().BackfillPage(0, 1_000, last: false, trades: "{}").BackfillPage(0, 1_000, last: true, path: "/t?cursor=x").Trade(1, "A", "t9", 1, session: 2).Run();
        Assert.That(unreadable.CoverageOf("", "trade")[^1], Does.StartWith("Gap"));
        var lost = Walk().BackfillPage(0, 1_000, last: false).Damage().BackfillPage(0, 1_000, last: true, path: "/t?cursor=x").Trade(1, "A", "t9", 1, session: 2).Run();
        Assert.That(lost.CoverageOf("", "trade")[^1], Does.StartWith("Gap"));
        var refused = Walk().BackfillPage(0, 1_000, last: true, status: 429).Trade(1, "A", "t9", 1, session: 2).Run();
        Assert.That(refused.CoverageOf("", "trade")[^1], Does.StartWith("Gap"));
    }

    [Test]
    public void The_price_convention_is_that_of_the_subscription()
    {
        const string no = """["0.9900","5.00"]""";
        var yesUnits = new Script().SubscribeBooks(useYesPrice: true, tickers: ["A"]).Snapshot(1, "A", no: no).Run();
        Assert.That(yesUnits.Lines[0], Does.Contain("Price = 10000,"));
        var ownUnits = new Script().SubscribeBooks(useYesPrice: false, tickers: ["A"]).Snapshot(1, "A", no: no).Run();
        Assert.That(ownUnits.Lines[0], Does.Contain("Price = 990000,"));
    }

    [Test]
    public void Two_subscriptions_of_one_session_keep_their_own_price_conventions()
    {
        const string no = """["0.9900","5.00"]""";
        var sink = new Script().SubscribeBooks(sid: 1, id: 1, useYesPrice: true, tickers: ["A"]).SubscribeBooks(sid: 2, id: 2, useYesPrice: false, tickers: ["B"])
            .Snapshot(1, "A", no: no, sid: 1).Snapshot(1, "B", no: no, sid: 2).Run();
        Assert.That(sink.Lines[0], Does.Contain("Price = 10000,"));
        Assert.That(sink.Lines[1], Does.Contain("Price = 990000,"));
    }

    [Test]
    public void Data_before_the_subscribed_reply_follows_the_command()
    {
        var sink = new Script().Command("""{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["A"],"use_yes_price":false}}""")
            .Snapshot(1, "A", no: """["0.9900","5.00"]""").Subscribed("orderbook_delta", 1, 1, 1).Delta(2, "A").Run();
        Assert.That(sink.Lines[0], Does.Contain("Price = 990000,"));
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 20..open"]));
        Assert.That(sink.Epochs.Single().Channel, Is.EqualTo("orderbook_delta"));
    }

    [Test]
    public void Coverage_on_two_sids_at_once_is_no_gap()
    {
        var sink = Started().Snapshot(1, "A").SubscribeBooks(session: 2, tickers: ["A"]).Snapshot(1, "A", session: 2).Delta(2, "A").SessionClosed(1, "moved").Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..80", "Whole 70..open"]));
    }

    [Test]
    public void A_hole_before_another_sid_took_over_is_a_gap_though_it_is_known_late()
    {
        var sink = Started().Snapshot(1, "A").SubscribeBooks(session: 2, tickers: ["A"]).Snapshot(1, "A", session: 2).SessionClosed(1, "half open").Run();
        Assert.That(sink.CoverageOf("A"), Is.EqualTo(["Whole 40..40", "Gap 40..70 session closed: half open", "Whole 70..open"]));
    }

    [Test]
    public void The_same_records_give_the_same_rows_across_save_and_load_at_any_record()
    {
        var script = Started().SubscribeGlobal("trade").Snapshot(1, "A").Snapshot(2, "B").Delta(3, "A").Trade(1, "A", "t1", 5)
            .DeleteMarkets(5, "A").Ok(4, 5).Delta(6, "B").Snapshot(7, "B").Snapshot(8, "A").Trade(3, "A", "t3", 9)
            .BackfillPage(0, 1_000, false, RestTrade("t2")).BackfillPage(0, 1_000, true, path: "/t?cursor=x").Frame("""{"type":"odd","sid":1,"seq":9}""")
            .Frame("""{"type":"orderbook_delta","sid":1,"seq":10,"msg":{"market_ticker":"A"}}""").Snapshot(11, "A").Damage().Delta(12, "A").ProcessStarted()
            .SubscribeBooks(session: 2, tickers: ["A", "B"], useYesPrice: true).Snapshot(1, "A", no: """["0.9900","5.00"]""", session: 2).SessionClosed(2, "end");
        var whole = script.Run().Lines;
        for (var split = 0; split <= script.Records.Count; split++)
        {
            var sink = new RecordingSink();
            var before = new Replay(sink);
            script.FeedTo(before, 0, split);
            var state = new MemoryStream();
            before.Save(state);
            state.Position = 0;
            var after = Replay.Load(state, sink);
            script.FeedTo(after, split, script.Records.Count);
            after.Finish();
            Assert.That(sink.Lines, Is.EqualTo(whole), $"saved before record {split}");
        }
    }

    [Test]
    public void A_state_of_another_version_is_refused()
    {
        var stream = new MemoryStream([99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.That(() => Replay.Load(stream, new RecordingSink()), Throws.TypeOf<InvalidDataException>().With.Message.Contains("version 99"));
    }

    private static string RestTrade(string id) =>
        $$$"""{"trade_id":"{{{id}}}","ticker":"A","yes_price_dollars":"0.6800","no_price_dollars":"0.3200","count_fp":"1.00","taker_side":"yes","created_time":"1970-01-01T00:00:00.00004Z"}""";
}
