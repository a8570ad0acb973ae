using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>What random scripts meet rarely, one by one.</summary>
internal sealed class StreamCasesTest
{
    private const long Second = Micros.PerSecond;
    private const long Margin = 5 * Second;
    private const long Start = 1_790_000_000 * Second;

    private readonly Message _message = new();
    private StreamProduction _production = null!;
    private StreamMerges _merges = null!;

    [SetUp]
    public void Begin()
    {
        _production = new StreamProduction();
        _merges = new StreamMerges(new MergeSettings(3, Margin, LagBudget: 0), _production, _production);
    }

    [Test]
    public void A_trade_told_again_a_day_later_is_one_row()
    {
        Tell(0, Trade("a", Start, Start));
        MoveOn(Start, Start + Micros.PerDay);
        var recalls = _production.Recalls;

        Tell(1, Trade("a", Start, Start + Micros.PerDay));
        Tell(1, Trade("b", Start + Second, Start + Micros.PerDay));
        Tell(2, Trade("b", Start + Second, Start + Micros.PerDay));

        Assert.That(_production.Of(StreamKind.Trade).Where(row => row.Content is "a" or "b").Select(row => row.Content), Is.EqualTo(new[] { "a", "b" }));
        Assert.That(_production.Recalls, Is.GreaterThan(recalls));
    }

    [Test]
    public void A_trade_of_a_page_and_that_of_the_stream_are_one_row([Values] bool isPageFirst)
    {
        var stream = Trade("a", Start + 999_000, Start + Second);
        var page = Trade("a", Start + 999_999, Start + Micros.PerMinute) with { Flag = true };

        Tell(0, isPageFirst ? page : stream);
        Tell(1, isPageFirst ? stream : page);
        Tell(0, stream);

        Assert.That(_production.Rows, Has.Count.EqualTo(1));
    }

    [Test]
    public void Equal_tickers_on_both_sides_of_an_absence_are_two()
    {
        Tell(0, Ticker(1, Start, Start));
        Tell(1, Ticker(1, Start, Start));
        MoveOn(Start, Start + Micros.PerDay, teller: 1);

        Tell(0, Ticker(1, Start, Start + Second));
        Assert.That(_production.Of(StreamKind.Ticker).Count(row => row.At == Start), Is.EqualTo(2));
    }

    [Test]
    public void Tickers_that_differ_in_one_value_or_in_their_stamp_are_two()
    {
        Tell(0, Ticker(1, Start, Start));
        Tell(1, Ticker(2, Start, Start));
        Tell(2, Ticker(1, Start + 1, Start));

        Assert.That(_production.Rows, Has.Count.EqualTo(3));
    }

    [Test]
    public void Tickers_without_a_stamp_are_matched_by_when_they_were_received()
    {
        Tell(0, Ticker(1, Message.Absent, Start));
        Tell(1, Ticker(1, Message.Absent, Start + Margin));
        Tell(2, Ticker(1, Message.Absent, Start + Margin + 1));
        Tell(1, Ticker(1, Message.Absent, Start + Margin + 2));

        Assert.That(_production.Rows.Select(row => row.At), Is.EqualTo(new[] { Start, Start + Margin + 1 }));
    }

    [Test]
    public void A_machine_that_takes_over_tells_rows_again_and_they_make_nothing()
    {
        var rows = new[] { Ticker(1, Start, Start), Lifecycle("{}", Start), Version("{\"title\":\"a\"}", Start), Trade("a", Start, Start) };
        Tell(0, rows);
        _merges.OnReplaced(0, Start + Second);
        Tell(0, rows);

        Assert.That(_production.Rows, Has.Count.EqualTo(4));
    }

    [Test]
    public void Coverage_that_was_open_when_a_store_was_replaced_ends_with_its_last_row()
    {
        var whole = new ChannelCoverage(0, "trade", Start, long.MaxValue, Start, CoverageState.Whole, "");
        var other = whole with { Gatherer = 1 };
        var gap = new ChannelCoverage(0, "ticker", Start + Second, long.MaxValue, 0, CoverageState.Gap, "closed");
        Array.ForEach([whole, other, gap], coverage => _merges.OnChannelCoverage(coverage));
        _merges.OnProgress(0, Start + (2 * Second));
        Restart();
        _merges.OnReplaced(0, Start + (9 * Second));

        Assert.That(_production.Channels[3..], Is.EqualTo(new[]
        {
            whole with { ToAt = Start + (2 * Second), Reason = "store replaced" },
            gap with { ToAt = Start + (9 * Second) },
        }));
    }

    [Test]
    public void Rejected_frames_are_each_gatherers_own()
    {
        _merges.OnRejected(0, 1, Start, FrameType.Trade, "no count", "{"u8);
        _merges.OnRejected(1, 1, Start, FrameType.Trade, "no count", "{"u8);

        Assert.That(_production.Rejected, Is.EqualTo(new[] { (0, "no count"), (1, "no count") }));
    }

    [Test]
    public void A_market_that_is_closed_and_opened_again_at_once_has_three_versions()
    {
        const string Open = "{\"event_type\":\"activated\"}";
        const string Closed = "{\"event_type\":\"deactivated\"}";
        foreach (var gatherer in new[] { 1, 0, 2 })
        {
            var skew = gatherer * Second;
            Tell(gatherer, Version(Open, Start + skew), Version(Closed, Start + skew + Second), Version(Open, Start + skew + (2 * Second)));
        }

        Assert.That(_production.Rows.Select(row => row.Content), Is.EqualTo(new[] { Open, Closed, Open }));
        Assert.That(_production.Rows.Select(row => row.Flag), Is.All.True);
    }

    [Test]
    public void A_version_that_another_sweep_sees_later_is_no_change()
    {
        Tell(0, Version("{\"title\":\"a\"}", Start), Version("{\"title\":\"b\"}", Start + Micros.PerMinute));
        Tell(1, Version("{\"title\":\"a\",\"volume\":5}", Start + (30 * Second)), Version("{\"title\":\"b\"}", Start + Micros.PerHour));

        Assert.That(_production.Rows, Has.Count.EqualTo(2));
    }

    [Test]
    public void A_version_told_a_week_late_stands_in_the_history_and_is_not_the_present_state()
    {
        Tell(0, Version("{\"title\":\"a\"}", Start), Version("{\"title\":\"c\"}", Start + Micros.PerHour), Version("{\"title\":\"d\"}", Start + (2 * Micros.PerHour)),
            Version("{\"title\":\"e\"}", Start + (7 * Micros.PerDay)));
        EndTurn(Start + (7 * Micros.PerDay));
        Restart();
        Tell(1, Version("{\"title\":\"a\"}", Start + Micros.PerMinute), Version("{\"title\":\"b\"}", Start + (2 * Micros.PerMinute)));

        Assert.That(_production.Rows.Skip(4).Select(row => (row.Content, row.Flag)), Is.EqualTo(new[] { ("{\"title\":\"b\"}", false) }));
        Assert.That(_production.Recalls, Is.EqualTo(1));
    }

    [Test]
    public void Memory_is_of_the_last_minutes()
    {
        for (var second = 0; second < 3_600; second++)
        {
            var at = Start + (second * Second);
            for (var gatherer = 0; gatherer < 3; gatherer++)
            {
                Tell(gatherer, Ticker(second % 3, at, at), Trade($"t{second}", at, at), Lifecycle($"{second}", at));
            }

            EndTurn(at);
        }

        Assert.That(_production.Rows, Has.Count.EqualTo(3 * 3_600));
        Assert.That(_merges.Instances, Is.LessThan(2 * 700 + 100));
        Assert.That(_production.Recalls, Is.Zero);
    }

    [Test]
    public void A_memory_of_another_version_is_refused()
    {
        var bytes = Written();
        bytes[0] = 99;
        Assert.That(() => Read(bytes), Throws.TypeOf<InvalidDataException>());
        Assert.That(() => Read(bytes[..0]), Throws.TypeOf<EndOfStreamException>());
    }

    private static StreamRow Trade(string id, long at, long receivedAt) => new(StreamKind.Trade, 1, at, receivedAt, id);

    private static StreamRow Ticker(int value, long at, long receivedAt) => new(StreamKind.Ticker, 1, at, receivedAt, $"{value}");

    private static StreamRow Lifecycle(string payload, long receivedAt) => new(StreamKind.Lifecycle, 1, Message.Absent, receivedAt, payload);

    private static StreamRow Version(string payload, long receivedAt) => new(StreamKind.Object, 1, Message.Absent, receivedAt, payload);

    private void Tell(int gatherer, params ReadOnlySpan<StreamRow> rows)
    {
        foreach (var row in rows)
        {
            row.Tell(_merges, gatherer, _message);
        }
    }

    /// <summary>A row a minute by one gatherer, each a turn.</summary>
    private void MoveOn(long from, long to, int teller = 0)
    {
        for (var at = from; at <= to; at += Micros.PerMinute)
        {
            Tell(teller, Trade($"{at}", at + 1, at + 1), Ticker(9, at + 1, at + 1));
            EndTurn(at);
        }
    }

    private void EndTurn(long watermark)
    {
        _merges.OnTurn(watermark);
        _production.EndTurn();
    }

    private void Restart()
    {
        var bytes = Written();
        _merges = new StreamMerges(new MergeSettings(3, Margin, LagBudget: 0), _production, _production);
        Read(bytes);
    }

    private byte[] Written()
    {
        var bytes = new MemoryStream();
        using (var writer = new StateWriter(bytes))
        {
            _merges.WriteAll(writer);
        }

        return bytes.ToArray();
    }

    private void Read(byte[] bytes)
    {
        using var reader = new StateReader(new MemoryStream(bytes));
        _merges.ReadAll(reader);
    }
}
