using System.Diagnostics;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.EndToEnd;

/// <summary>How a gatherer ends: cleanly, at once, or not by its own will; and how the next one goes on.</summary>
internal sealed class StopTest
{
    private Rehearsal _rehearsal = null!;

    [SetUp]
    public void SetUp() => _rehearsal = new Rehearsal();

    [TearDown]
    public void TearDown() => _rehearsal.Dispose();

    [TestCase(KalshidProcess.SigTerm)]
    [TestCase(2)]
    public void A_signal_drains_and_exits_0(int signal)
    {
        StartCapture(out var gather);
        gather.Signal(signal);
        Assert.That(gather.WaitForExit(TimeSpan.FromSeconds(20)), Is.EqualTo(ExitCode.Ok));
        var records = ReadJournal(_rehearsal.Journal);
        Assert.Multiple(() =>
        {
            Assert.That(records[^1].Kind, Is.EqualTo(RecordKind.ProcessStopped));
            Assert.That(records.Count(record => record.Kind == RecordKind.SessionClosed), Is.EqualTo(records.Count(record => record.Kind == RecordKind.SessionOpened)));
            Assert.That(records.Count(record => record.Kind == RecordKind.Frame), Is.EqualTo(_rehearsal.Status("frames")), "every frame that was counted");
            Assert.That(gather.Error, Does.Contain("Stopping.").And.Contain("Stopped."));
        });
        var status = _rehearsal.Run("status");
        Assert.That((status.ExitCode, status.Output.Contains("stopped: ", StringComparison.Ordinal)), Is.EqualTo((ExitCode.Failed, true)), status.Output);
    }

    [Test]
    public void A_second_signal_leaves_at_once()
    {
        StartCapture(out var gather, "--set", "gather.shutdown_limit=5m");

        // An exchange that hears nothing keeps a clean stop waiting.
        _rehearsal.Exchange.Signal(KalshidProcess.SigStop);
        gather.Signal(KalshidProcess.SigTerm);
        gather.AwaitLog("Stopping.");
        var clock = Stopwatch.StartNew();
        gather.Signal(KalshidProcess.SigTerm);
        gather.WaitForExit(TimeSpan.FromSeconds(10));
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(5)));
        Assert.That(gather.Error, Does.Contain("Leaving at once"));
        Assert.That(ReadJournal(_rehearsal.Journal), Is.Not.Empty);
    }

    [Test]
    public void A_clean_stop_does_not_wait_for_a_dead_exchange_beyond_its_limit()
    {
        StartCapture(out var gather, "--set", "gather.shutdown_limit=2s");
        _rehearsal.Exchange.Signal(KalshidProcess.SigStop);
        gather.Signal(KalshidProcess.SigTerm);
        Assert.That(gather.WaitForExit(TimeSpan.FromSeconds(20)), Is.EqualTo(ExitCode.Ok));
        Assert.That(ReadJournal(_rehearsal.Journal)[^1].Kind, Is.EqualTo(RecordKind.ProcessStopped));
    }

    [Test]
    public void Status_tells_a_running_gatherer_from_a_killed_one()
    {
        StartCapture(out var gather);
        var running = _rehearsal.Run("status");
        Assert.That((running.ExitCode, running.Output.Contains("running (pid", StringComparison.Ordinal)), Is.EqualTo((ExitCode.Ok, true)), running.Output);
        var json = _rehearsal.Run("status", "--json");
        Assert.That(json.Output, Does.Contain("\"frames_per_second\":"));

        gather.KillHard();
        var dead = default(Finished);
        _rehearsal.Exchange.Await(() => (dead = _rehearsal.Run("status")).ExitCode != ExitCode.Ok, "status that says the gatherer is gone");
        Assert.That(dead!.Output, Does.Contain("not running"));
    }

    [Test]
    public void One_directory_takes_one_gatherer()
    {
        StartCapture(out _);
        var second = _rehearsal.Run("gather", "--duration", "5s");
        Assert.That(second.ExitCode, Is.Not.EqualTo(ExitCode.Ok).And.Not.EqualTo(ExitCode.Bug), second.Error);
        Assert.That(second.Error, Does.Contain(_rehearsal.DataDir));
    }

    [Test]
    public void After_a_kill_the_journal_goes_on_behind_its_last_record()
    {
        StartCapture(out var gather);
        var promised = _rehearsal.Status("written");
        gather.KillHard();

        var kept = Directory.CreateDirectory(_rehearsal.File("kept/journal")).FullName;
        foreach (var file in Directory.GetFiles(_rehearsal.Journal))
        {
            File.Copy(file, Path.Combine(kept, Path.GetFileName(file)));
        }

        var before = ReadJournal(kept);
        Assert.That(before[^1].ReceivedAt, Is.GreaterThanOrEqualTo(promised), "what status.json called written is there");

        Assert.That(_rehearsal.StartGather("--duration", "3s").WaitForExit(TimeSpan.FromSeconds(60)), Is.EqualTo(ExitCode.Ok));

        var after = ReadJournal(_rehearsal.Journal);
        Assert.Multiple(() =>
        {
            Assert.That(after.Take(before.Count), Is.EqualTo(before), "nothing lost, nothing changed");
            Assert.That(after[before.Count].Kind, Is.EqualTo(RecordKind.ProcessStarted));
            Assert.That(after.Zip(after.Skip(1), (one, two) => two.ReceivedAt - one.ReceivedAt), Is.All.Positive, "stamps rise strictly");
            Assert.That(after.Skip(before.Count).Where(record => record.Session > 0).Select(record => record.Session).Min(),
                Is.GreaterThan(before.Select(record => record.Session).Max()), "sessions are numbered on");
        });
        var inspected = _rehearsal.Run("journal", "inspect");
        Assert.That((inspected.ExitCode, inspected.Output.Contains("No damage.", StringComparison.Ordinal)), Is.EqualTo((ExitCode.Ok, true)), inspected.Output);
    }

    private void StartCapture(out KalshidProcess gather, params string[] arguments)
    {
        _rehearsal.StartExchange("--markets", "200", "--combos", "0", "--rate", "2000", "--hold");
        gather = _rehearsal.StartGather(["--set", "gather.markets_per_connection=50", .. arguments]);
        gather.Await(() => _rehearsal.Status("frames") > 3_000, "3,000 captured frames");
    }

    private static List<Read> ReadJournal(string directory)
    {
        using var reader = new JournalReader(directory);
        var records = new List<Read>();
        while (reader.TryRead(out var record))
        {
            records.Add(new Read(record.ReceivedAt, record.Session, record.Kind, Crc32C.Of(record.Bytes)));
        }

        Assert.That(reader.Damages, Is.Empty);
        return records;
    }

    private readonly record struct Read(long ReceivedAt, int Session, RecordKind Kind, uint Checksum);
}
