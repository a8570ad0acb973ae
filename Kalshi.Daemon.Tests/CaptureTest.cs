using System.Text;
using System.Text.Json;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Tests.Exchange;
using Kalshi.Daemon.Tests.Simulation;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests;

/// <summary>What is in the journal, and in which order, when real sockets bring it.</summary>
internal sealed class CaptureTest
{
    [Test]
    public async Task A_command_always_stands_before_its_reply_however_many_go_at_once()
    {
        const int Sockets = 4;
        const int Commands = 300;
        await using var rig = await GatherRig.StartAsync();
        for (var i = 0; i < Sockets; i++)
        {
            rig.Connect(new Chatter(Commands));
        }

        var pages = Enumerable.Range(0, 500).Select(i => rig.JournalPage(new RestPage($"/{i}", 200, "status"), new byte[i * 10])).ToArray();
        await Eventually.BecomesTrue(() => rig.Capture.Counters.Of(FrameType.Subscribed) + rig.Capture.Counters.Of(FrameType.Ok) + rig.Capture.Counters.Of(FrameType.Unsubscribed) + rig.Capture.Counters.Of(FrameType.Error) >= Sockets * Commands, 30_000);
        await Task.WhenAll(pages);
        await rig.StopAsync();
        for (var session = 1; session <= Sockets; session++)
        {
            AssertCommandsBeforeReplies(rig, session, Commands);
        }

        Assert.That(rig.Pages("status").Select(page => page.Page.Path), Is.EqualTo(Enumerable.Range(0, 500).Select(i => $"/{i}")));
    }

    private static void AssertCommandsBeforeReplies(GatherRig rig, int session, int commands)
    {
        var sent = new HashSet<long>();
        var answered = 0;
        var records = rig.Records(session);
        foreach (var record in records.Where(record => record.Kind is RecordKind.Command or RecordKind.Frame))
        {
            using var json = JsonDocument.Parse(record.Bytes);
            var id = json.RootElement.TryGetProperty("id", out var value) ? value.GetInt64() : 0;
            if (record.Kind == RecordKind.Command)
            {
                sent.Add(id);
            }
            else if (id > 0)
            {
                Assert.That(sent, Does.Contain(id), "a reply without its command before it");
                answered++;
            }
        }

        Assert.That(answered, Is.GreaterThanOrEqualTo(commands));
        Assert.That((records[0].Kind, records[^1].Kind), Is.EqualTo((RecordKind.SessionOpened, RecordKind.SessionClosed)));
    }

    [Test]
    public async Task Nothing_of_a_session_stands_behind_its_closing_record_even_when_sockets_break_under_its_commands()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Faults = ["disconnect every=1s connection=all"] });
        const int Sockets = 8;
        for (var i = 0; i < Sockets; i++)
        {
            rig.Connect(new Chatter(100_000));
        }

        for (var round = 1; round <= 3; round++)
        {
            var frames = rig.Capture.Counters.Frames;
            var before = (round - 1) * Sockets;
            // Dialled on our side and open on the exchange's: the session directory may still list a broken one, which the fault would miss.
            await Eventually.BecomesTrue(() => rig.SessionsOpened() >= round * Sockets, 30_000);
            await Eventually.BecomesTrue(() => rig.AskAsync(exchange => exchange.Sessions.Count(session => session.Number > before) == Sockets), 30_000);
            await Eventually.BecomesTrue(() => rig.Capture.Counters.Frames > frames + 200, 30_000);
            await rig.DoAsync(_ => rig.FaultsAt(round));
            await Eventually.BecomesTrue(() => rig.Records().Count(record => record.Kind == RecordKind.SessionClosed) >= round * Sockets, 30_000);
        }

        await rig.StopAsync();
        var sessions = rig.Records().Where(record => record.Session > 0).GroupBy(record => record.Session).ToArray();
        Assert.That(sessions.Length, Is.GreaterThanOrEqualTo(3 * Sockets));
        foreach (var session in sessions)
        {
            Assert.That((session.First().Kind, session.Last().Kind), Is.EqualTo((RecordKind.SessionOpened, RecordKind.SessionClosed)), $"session {session.Key}");
        }
    }

    [Test]
    public async Task A_gap_is_noted_just_before_the_frame_that_showed_it()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Faults = ["drop at=1s count=3"] });
        await rig.SubscribeAllAsync();
        await rig.DoAsync(exchange =>
        {
            rig.FaultsAt(1);
            GatherRig.Delta(exchange, 0, 4);
        });
        await Eventually.BecomesTrue(() => rig.Capture.Counters.Gaps == 1);
        await rig.StopAsync();
        var records = rig.Records(1);
        var at = records.FindIndex(record => record.Kind == RecordKind.GapSeen);
        var gap = JsonSerializer.Deserialize(records[at].Bytes, SessionRecordsJson.Default.GapSeen)!;
        Assert.That(records[at + 1].Kind, Is.EqualTo(RecordKind.Frame));
        Assert.That((gap.Received - gap.Expected, new Frame(Encoding.UTF8.GetString(records[at + 1].Bytes)).Seq), Is.EqualTo((3L, gap.Received)));
    }

    [Test]
    public async Task Unknown_types_and_what_is_no_json_are_journalled_and_counted()
    {
        await using var rig = await GatherRig.StartAsync(new RigSettings { Faults = ["unknown at=1s"] });
        await rig.SubscribeAllAsync();
        await rig.DoAsync(exchange =>
        {
            rig.FaultsAt(1);
            GatherRig.Delta(exchange, 0);
            exchange.Sessions[0].Wire.TrySend("upstream connect error or disconnect/reset before headers\n"u8);
            GatherRig.Delta(exchange, 0);
        });
        await Eventually.BecomesTrue(() => rig.Capture.Counters.Of(FrameType.OrderbookDelta) == 2);
        Assert.That((rig.Capture.Counters.Of(FrameType.Unknown), rig.Capture.Counters.NotJson, rig.Capture.Counters.Gaps), Is.EqualTo((2, 1, 0)));
        await rig.StopAsync();
        var frames = rig.Records(1).Select(record => Encoding.UTF8.GetString(record.Bytes)).ToArray();
        Assert.That(frames.Count(frame => frame.Contains("liquidity_pulse", StringComparison.Ordinal) || frame.StartsWith("upstream connect", StringComparison.Ordinal)), Is.EqualTo(2));
    }

    [Test]
    public async Task A_frame_five_times_the_size_of_the_ring_is_journalled_whole_and_in_its_place()
    {
        await using var rig = await GatherRig.StartAsync();
        await rig.SubscribeAllAsync();
        var huge = Encoding.UTF8.GetBytes($"{{\"type\":\"huge\",\"msg\":\"{new string('x', 5 * Dialer.RingBytes)}\"}}\n");
        await rig.DoAsync(exchange =>
        {
            GatherRig.Delta(exchange, 0, 50);
            exchange.Sessions[0].Wire.TrySend(huge);
            GatherRig.Delta(exchange, 1, 50);
        });
        await Eventually.BecomesTrue(() => rig.Capture.Counters.Of(FrameType.OrderbookDelta) == 100);
        await rig.StopAsync();
        var records = rig.Records(1).FindAll(record => record.Kind == RecordKind.Frame);
        var at = records.FindIndex(record => record.Bytes.Length > Dialer.RingBytes);
        Assert.That(records[at].Bytes.AsSpan().TrimEnd((byte)'\n').SequenceEqual(huge.AsSpan().TrimEnd((byte)'\n')), Is.True);
        Assert.That(records[..at].Count(IsDelta), Is.EqualTo(50));
        Assert.That(rig.Capture.Counters.Gaps, Is.Zero);
    }

    [Test]
    public async Task A_disk_that_refuses_costs_time_and_no_frame()
    {
        const int Deltas = 8_000;
        using var disk = SmallDisk.MountOrSkip(megabytes: 8);
        await using var rig = await GatherRig.StartAsync(new RigSettings { JournalDirectory = Path.Combine(disk.Path, "journal") });
        await rig.SubscribeAllAsync();
        disk.Fill(leaveBytes: 0);
        for (var sent = 0; sent < Deltas; sent += 1_000)
        {
            await rig.DoAsync(exchange => GatherRig.Delta(exchange, 0, 1_000));
        }

        await Eventually.BecomesTrue(() => rig.Capture.Counters.FlushesRefused > 2);
        disk.Free();
        await Eventually.BecomesTrue(() => rig.Capture.Counters.Of(FrameType.OrderbookDelta) == Deltas, 20_000);
        await rig.StopAsync();
        Assert.That(rig.Records(1).Count(IsDelta), Is.EqualTo(Deltas));
        Assert.That((rig.Capture.Counters.Gaps, rig.SessionsOpened()), Is.EqualTo((0, 1)));
    }

    private static bool IsDelta(Journal.Kept record) => record.Bytes.AsSpan().IndexOf("\"orderbook_delta\""u8) >= 0 && record.Kind == RecordKind.Frame
        && record.Bytes.AsSpan().IndexOf("\"subscribed\""u8) < 0;

    /// <summary>Subscribes and unsubscribes, several commands at once, as fast as replies come.</summary>
    private sealed class Chatter(int commands) : ISubscription
    {
        public string Purpose => "books";

        public async Task RunAsync(Session session, CancellationToken stop)
        {
            for (var sent = 0; sent < commands && !session.Ended.IsCompleted && !stop.IsCancellationRequested; sent += 10)
            {
                await Task.WhenAll(Enumerable.Range(0, 10).Select(i =>
                {
                    var id = session.NextId();
                    return session.CommandAsync(id, i % 2 == 0 ? Commands.SubscribeAll(id, "trade") : Commands.Unsubscribe(id, (int)id));
                }));
            }

            while (await session.WaitAsync(TimeSpan.FromSeconds(1), stop))
            {
                // Until the stop.
            }
        }
    }
}
