using System.Globalization;
using System.Text.Json;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.EndToEnd;

/// <summary>
/// A seeded exchange with everything that goes wrong in practice, a gatherer killed twice with -9, and the proof that every change
/// and every trade is accounted for. `./build.sh campaign` runs it at full size; KALSHID_TEST_SEED=N chooses the seed.
/// </summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class CampaignTest
{
    private const int BookSockets = 8;

    private static readonly bool IsFull = Environment.GetEnvironmentVariable("KALSHID_CAMPAIGN") == "full";
    private static readonly int Markets = IsFull ? 20_000 : 2_000;
    private static readonly int Rate = IsFull ? 20_000 : 3_000;
    private static readonly int Seconds = IsFull ? 60 : 20;

    private Rehearsal _rehearsal = null!;

    [SetUp]
    public void SetUp() => _rehearsal = new Rehearsal();

    [TearDown]
    public void TearDown() => _rehearsal.Dispose();

    [Test]
    public void Every_change_is_held_once_or_inside_a_reported_gap_and_no_trade_is_lost()
    {
        Seeds.New(out var seed);
        WriteFaults();
        _rehearsal.StartExchange(
            "--seed", Text(seed), "--markets", Text(Markets), "--rate", Text(Rate), "--duration", $"{Seconds}s",
            "--faults", _rehearsal.File("faults"), "--hold", "--linger", "5m", "--read-tokens", "100000");

        CaptureAndKill();
        CaptureAndKill();
        var last = StartGather("--until-idle", "6s");
        Assert.That(last.WaitForExit(TimeSpan.FromSeconds(Seconds + 120)), Is.EqualTo(ExitCode.Ok));
        _rehearsal.Exchange.AwaitLog("disconnect");

        var journal = _rehearsal.VerifySound("--truth", _rehearsal.Truth);
        Report("journal", journal);
        AssertAccounted(journal);

        var exported = _rehearsal.Run("export", "--until", "now", "--target", _rehearsal.Parquet);
        Assert.That(exported.ExitCode, Is.EqualTo(ExitCode.Ok), exported.Error);
        var parquet = _rehearsal.VerifySound("--parquet", _rehearsal.Parquet, "--truth", _rehearsal.Truth);
        Report("Parquet", parquet);
        AssertAccounted(parquet);
        Assert.That(Number(parquet, "by_kind.deltas.present"), Is.EqualTo(Number(journal, "by_kind.deltas.present")));

        var inspected = _rehearsal.Run("journal", "inspect");
        Assert.That(inspected.ExitCode, Is.EqualTo(ExitCode.Ok), inspected.Output);
    }

    /// <summary>Times as shares of the stream, so that small and large runs meet the same faults.</summary>
    private void WriteFaults()
    {
        static string At(double share) => string.Create(CultureInfo.InvariantCulture, $"{share * Seconds * 1000:0}ms");
        File.WriteAllText(_rehearsal.File("faults"), $"""
            disconnect at={At(0.10)} connection=4
            drop at={At(0.15)} channel=orderbook_delta count=3
            drop at={At(0.18)} channel=trade count=5
            overflow at={At(0.45)} connection=all
            stall at={At(0.55)} for=1500ms
            disconnect at={At(0.60)} how=close
            disconnect at={At(0.65)} connection=all
            rename at={At(0.80)} for=1s rate=0.02 channel=orderbook_delta
            drop at={At(0.85)} channel=orderbook_delta count=3
            drop at={At(0.88)} channel=trade count=5
            drop at={At(0.90)} channel=market_lifecycle_v2
            """);
    }

    /// <summary>Kills it once every snapshot and an eighth of the stream are in.</summary>
    private void CaptureAndKill()
    {
        var gather = StartGather();
        var frames = Markets + (Rate * Seconds / 8);
        gather.Await(() => _rehearsal.Status("pid") == gather.Id && _rehearsal.Status("frames") >= frames, $"{frames} captured frames", TimeSpan.FromSeconds(Seconds + 60));
        gather.KillHard();
    }

    private KalshidProcess StartGather(params string[] arguments) => _rehearsal.StartGather(
        ["--set", $"gather.markets_per_connection={Markets / BookSockets}", "--set", "gather.registry_sweep=5s", "--set", "journal.segment_bytes_max=16MiB", .. arguments]);

    private static void AssertAccounted(JsonElement report)
    {
        var (deltas, trades) = ("by_kind.deltas", "by_kind.trades");
        Assert.Multiple(() =>
        {
            foreach (var key in (string[])["lost", "duplicated", "altered", "reordered"])
            {
                Assert.That(Number(report, key), Is.Zero, key);
            }

            Assert.That(Number(report, "expected"), Is.EqualTo(Number(report, "present") + Number(report, "in_reported_gaps") + Number(report, "rejected")));
            Assert.That(Number(report, $"{trades}.present"), Is.EqualTo(Number(report, $"{trades}.expected")).And.Positive, "every trade, gaps included");
            Assert.That(Number(report, $"{deltas}.expected"), Is.GreaterThan(Rate * Seconds / 2), "the exchange was as busy as asked for");
            Assert.That(Number(report, $"{deltas}.present"), Is.GreaterThan(Number(report, $"{deltas}.expected") / 2), "gaps are the exception");
            Assert.That(Number(report, $"{deltas}.in_reported_gaps"), Is.Positive, "the faults and the kills were felt");
            Assert.That(Number(report, $"{deltas}.rejected"), Is.Positive, "the renamed field was felt");
            Assert.That(Number(report, "negative_levels"), Is.Zero);
            Assert.That(Number(report, "snapshot_mismatches"), Is.Zero);
            Assert.That(Number(report, "markets"), Is.GreaterThanOrEqualTo(Markets));
        });
    }

    private static void Report(string store, JsonElement report)
    {
        foreach (var kind in (string[])["deltas", "trades", "snapshots"])
        {
            string[] keys = ["expected", "present", "in_reported_gaps", "rejected", "lost", "duplicated", "altered", "reordered"];
            TestContext.Out.WriteLine($"{store} {kind}: {string.Join(", ", keys.Select(key => $"{key} {Number(report, $"by_kind.{kind}.{key}"):N0}"))}");
        }
    }

    private static long Number(JsonElement report, string path) =>
        path.Split('.').Aggregate(report, (element, name) => element.GetProperty(name)).GetInt64();

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
