using System.Globalization;
using System.Text.Json;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Store;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.EndToEnd;

/// <summary>
/// Three published gatherers, each with a database of its own, and a published dedup, while connections break, changes get lost, a gatherer and the dedup are killed
/// with -9: production holds everything that anybody received, once. KALSHID_TEST_SEED=N chooses the seed.
/// </summary>
internal sealed class DedupTest
{
    private const int Seconds = 25;
    private const int Rate = 1_000;

    private readonly string[] _dsns = new string[4];
    private Rehearsal _rehearsal = null!;

    [SetUp]
    public async Task SetUp()
    {
        for (var i = 0; i < _dsns.Length; i++)
        {
            _dsns[i] = await StoreServers.Postgres.CreateDatabaseAsync();
        }

        _rehearsal = new Rehearsal();
    }

    [TearDown]
    public void TearDown() => _rehearsal.Dispose();

    [Test]
    public void Production_holds_once_what_any_gatherer_received_whoever_is_killed()
    {
        Seeds.New(out var seed);
        File.WriteAllText(_rehearsal.File("faults"), $"""
            disconnect at={Seconds / 4}s connection=5
            drop at={Seconds / 3}s channel=orderbook_delta count=2
            disconnect at={Seconds / 2}s connection=9
            drop at={Seconds * 3 / 4}s channel=trade count=3
            """);
        _rehearsal.StartExchange(
            "--seed", seed.ToString(CultureInfo.InvariantCulture), "--markets", "400", "--rate", Rate.ToString(CultureInfo.InvariantCulture), "--duration", $"{Seconds}s",
            "--faults", _rehearsal.File("faults"), "--hold", "--linger", "5m", "--read-tokens", "100000");
        var gatherers = Enumerable.Range(1, 3).Select(StartGatherer).ToList();

        var dedup = StartDedup();
        KillWhenMerged(dedup, Rate);
        gatherers[1].KillHard();
        gatherers[1] = StartGatherer(2);
        dedup = StartDedup();
        KillWhenMerged(dedup, Rate);
        dedup = StartDedup("--until-idle", "15s");

        foreach (var gatherer in gatherers)
        {
            Assert.That(gatherer.WaitForExit(TimeSpan.FromSeconds(Seconds + 90)), Is.EqualTo(ExitCode.Ok), gatherer.Error);
        }

        Assert.That(dedup.WaitForExit(TimeSpan.FromSeconds(120)), Is.EqualTo(ExitCode.Ok), dedup.Error);
        var report = _rehearsal.VerifySound(["--production", .. Settings, "--truth", _rehearsal.Truth]);
        TestContext.Out.WriteLine(report.ToString());
        Assert.Multiple(() =>
        {
            foreach (var key in (string[])["lost", "duplicated", "altered", "reordered", "negative_levels", "snapshot_mismatches"])
            {
                Assert.That(report.GetProperty(key).GetInt64(), Is.Zero, key);
            }

            var deltas = report.GetProperty("by_kind").GetProperty("deltas");
            Assert.That(deltas.GetProperty("present").GetInt64(), Is.GreaterThan(deltas.GetProperty("expected").GetInt64() / 2), "gaps are the exception");
            var trades = report.GetProperty("by_kind").GetProperty("trades");
            Assert.That(trades.GetProperty("present").GetInt64(), Is.EqualTo(trades.GetProperty("expected").GetInt64()).And.Positive, "every trade");
        });
    }

    private string[] Settings =>
    [
        "--set", $"gather.data_dir={_rehearsal.File("dedup")}", "--set", $"dedup.production_dsn={_dsns[3]}",
        .. Enumerable.Range(1, 3).SelectMany(gatherer => new[] { "--set", $"dedup.gatherer.g{gatherer}={_dsns[gatherer - 1]}" }),
    ];

    private KalshidProcess StartGatherer(int number) => _rehearsal.StartGather(
        "--set", $"gather.name=g{number}", "--set", $"gather.data_dir={_rehearsal.File($"g{number}")}", "--set", "gather.markets_per_connection=200",
        "--set", "gather.registry_sweep=5s", "--set", $"store.dsn={_dsns[number - 1]}", "--until-idle", "6s");

    private KalshidProcess StartDedup(params string[] arguments) => _rehearsal.Start("dedup", [.. Settings, .. arguments]);

    /// <summary>Once it has merged so many more rows.</summary>
    private void KillWhenMerged(KalshidProcess dedup, long rows)
    {
        dedup.Await(() => RowsIn(dedup.Id) >= rows, $"{rows} merged rows", TimeSpan.FromSeconds(90));
        dedup.KillHard();
    }

    private long RowsIn(int pid)
    {
        try
        {
            var status = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_rehearsal.File("dedup"), "dedup.json"))).RootElement;
            return status.GetProperty("pid").GetInt32() == pid ? status.GetProperty("rows_in").GetInt64() : 0;
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
