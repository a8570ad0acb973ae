using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Store;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.EndToEnd;

/// <summary>
/// Three published gatherers, each with a database of its own and a clock of its own, and a published dedup, while everything happens to them that a seed's schedule says: kills
/// (-9) of any process, of a dedup also between its copies and its commit, restarts of any kind of any database, broken connections, messages lost to one, two or all
/// gatherers, a gatherer that is away for half the time, and one rebuilt from nothing. Production holds everything that anybody received, once and in order.
/// `./build.sh campaign-cluster` runs it at full size: KALSHID_CLUSTER_SEEDS seeds from KALSHID_TEST_SEED on.
/// </summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class ClusterCampaignTest
{
    private const int Gatherers = 3;
    private const int Production = Gatherers;
    private const int SkewMsMax = 2_000;

    private static readonly int FullSeeds = int.Parse(Environment.GetEnvironmentVariable("KALSHID_CLUSTER_SEEDS") ?? "0", CultureInfo.InvariantCulture);
    private static readonly bool IsFull = FullSeeds > 0;
    private static readonly int Seconds = IsFull ? 30 : 14;
    private static readonly int Markets = IsFull ? 600 : 300;
    private static readonly int Rate = IsFull ? 1_500 : 1_000;

    private readonly List<string> _happened = [];
    private readonly List<IDisposable> _owned = [];
    private readonly PostgresServer[] _servers = new PostgresServer[Gatherers + 1];
    private readonly string[] _dsns = new string[Gatherers + 1];
    private readonly KalshidProcess[] _gatherers = new KalshidProcess[Gatherers];
    private readonly IReadOnlyDictionary<string, string>[] _clocks = new IReadOnlyDictionary<string, string>[Gatherers];

    private Rehearsal _rehearsal = null!;
    private KalshidProcess _dedup = null!;

    /// <summary>Gatherers that the dedup's configuration names now: the first so many.</summary>
    private int _configured;
    private Stopwatch _clock = null!;
    private string[] _settings = [];

    private static IEnumerable<int> SeedsToRun()
    {
        var first = int.TryParse(Environment.GetEnvironmentVariable("KALSHID_TEST_SEED"), CultureInfo.InvariantCulture, out var given) ? given : Random.Shared.Next(1_000_000);
        return Enumerable.Range(first, Math.Max(1, FullSeeds));
    }

    [TearDown]
    public void TearDown()
    {
        if (TestContext.CurrentContext.Result.FailCount > 0)
        {
            TestContext.Out.WriteLine($"What happened:\n{string.Join('\n', _happened)}");
            Keep();
        }

        _owned.ForEach(each => each.Dispose());
        _owned.Clear();
        _happened.Clear();
    }

    [TestCaseSource(nameof(SeedsToRun))]
    public async Task Production_holds_once_and_in_order_what_any_gatherer_received_whatever_happened(int seed)
    {
        TestContext.Out.WriteLine($"seed {seed}: KALSHID_TEST_SEED={seed} {(IsFull ? "./build.sh campaign-cluster 1" : "./build.sh test --filter \"FullyQualifiedName~ClusterCampaignTest\"")}");
        var random = new Random(seed);
        _ = KalshidProcess.Binary;
        await SetUpAsync(random);
        var wall = Stopwatch.StartNew();
        _rehearsal.StartExchange(
            "--seed", Text(seed), "--markets", Text(Markets), "--rate", Text(Rate), "--duration", $"{Seconds}s", "--wave-interval", $"{Seconds / 3}s",
            "--faults", WriteFaults(random), "--hold", "--linger", "10m", "--read-tokens", "1000000");
        for (var gatherer = 0; gatherer < Gatherers; gatherer++)
        {
            StartGatherer(gatherer);
        }

        StartDedup();
        _rehearsal.Exchange.AwaitLog("Stream started", TimeSpan.FromMinutes(2));
        _clock = Stopwatch.StartNew();
        // Each has its own numbers: what happens to one does not depend on how long something took elsewhere.
        await Task.WhenAll(Timelines(random).Select(timeline => Task.Run(() => RunAsync(timeline))));
        _rehearsal.Exchange.AwaitLog("Stream is over", TimeSpan.FromMinutes(2));
        await SettleAsync();
        var captured = wall.Elapsed;
        Report(_rehearsal.VerifySound(["--production", .. _settings, "--truth", _rehearsal.Truth]), captured, wall.Elapsed - captured);
    }

    /// <summary>What a failure is understood from: the truth, and every database that still answers, as a dump.</summary>
    private void Keep()
    {
        if (!File.Exists(_rehearsal.Truth))
        {
            return;
        }

        var folder = Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "campaign-cluster", $"{TestContext.CurrentContext.Test.Arguments[0]}")).FullName;
        File.Copy(_rehearsal.Truth, Path.Combine(folder, "truth.ndjson"), overwrite: true);
        for (var server = 0; server < _servers.Length; server++)
        {
            var dump = Path.Combine(folder, $"{NameOf(server)}.dump");
            var said = _servers[server].Dump(_dsns[server], dump);
            TestContext.Out.WriteLine(said.Length == 0 ? $"kept: {dump}" : said);
        }
    }

    // ---- set-up -----------------------------------------------------------------------------------------------------------

    private async Task SetUpAsync(Random random)
    {
        _rehearsal = new Rehearsal();
        _owned.Add(_rehearsal);
        var own = await Task.WhenAll(Enumerable.Range(0, _servers.Length).Where(IsOwn).Select(_ => Task.Run(() => PostgresServer.New(durable: true))));
        _owned.AddRange(own);
        var taken = 0;
        for (var i = 0; i < _servers.Length; i++)
        {
            _servers[i] = IsOwn(i) ? own[taken++] : StoreServers.Postgres;
            _dsns[i] = await _servers[i].CreateDatabaseAsync();
        }

        var library = SkewedClock.Build(Path.GetDirectoryName(_rehearsal.Config)!);
        for (var gatherer = 0; gatherer < Gatherers; gatherer++)
        {
            var skewMs = random.Next(-SkewMsMax, SkewMsMax + 1);
            _clocks[gatherer] = SkewedClock.Environment(library, skewMs);
            Note($"g{gatherer + 1} has a clock that is {skewMs} ms ahead");
        }

        _settings =
        [
            "--set", $"gather.data_dir={_rehearsal.File("dedup")}", "--set", $"dedup.production_dsn={_dsns[Production]}", "--set", "dedup.timeout=5s",
            "--set", $"dedup.lag_budget={((string[])["10s", "20s", "1m"])[random.Next(3)]}",
            .. Enumerable.Range(0, Gatherers).SelectMany(gatherer => new[] { "--set", $"dedup.gatherer.g{gatherer + 1}={_dsns[gatherer]}" }),
        ];
        _configured = random.Next(1, Gatherers + 1);
        Note($"{_settings[7]}; the dedup begins with {_configured} gatherers, until it is killed");
    }

    /// <summary>Whoever is killed or stopped is not shared; a small run starts two servers, a full one four.</summary>
    private static bool IsOwn(int server) => IsFull || server >= Gatherers - 1;

    /// <summary>What the exchange and the network do on their own; times in the order of the file do not matter.</summary>
    private string WriteFaults(Random random)
    {
        string At() => string.Create(CultureInfo.InvariantCulture, $"{(0.1 + (random.NextDouble() * 0.85)) * Seconds * 1000:0}ms");
        var faults = new StringBuilder();
        foreach (var spread in (string[])["1", "2", "all"])
        {
            faults.AppendLine(CultureInfo.InvariantCulture, $"drop at={At()} channel=orderbook_delta count={random.Next(1, 6)} spread={spread}");
            faults.AppendLine(CultureInfo.InvariantCulture, $"drop at={At()} channel=trade count={random.Next(1, 6)} spread={spread}");
        }

        faults.AppendLine(CultureInfo.InvariantCulture, $"drop at={At()} channel=market_lifecycle_v2 spread={random.Next(1, 3)}");
        faults.AppendLine(CultureInfo.InvariantCulture, $"disconnect at={At()}");
        faults.AppendLine(CultureInfo.InvariantCulture, $"disconnect at={At()} how=close");
        faults.AppendLine(CultureInfo.InvariantCulture, $"overflow at={At()}");
        faults.AppendLine(CultureInfo.InvariantCulture, $"stall at={At()} for={random.Next(200, 3_000)}ms");
        if (random.Next(2) == 0)
        {
            faults.AppendLine(CultureInfo.InvariantCulture, $"disconnect at={At()} connection=all");
        }

        Note(faults.ToString());
        File.WriteAllText(_rehearsal.File("faults"), faults.ToString());
        return _rehearsal.File("faults");
    }

    // ---- what a schedule holds ----------------------------------------------------------------------------------------------

    /// <summary>Something at a time, ms of the stream.</summary>
    private sealed record Event(int AtMs, Func<Task> Act);

    /// <summary>For the dedup, each gatherer and each server that may fail.</summary>
    private List<List<Event>> Timelines(Random random)
    {
        var timelines = new List<List<Event>> { DedupTimeline(random) };
        var away = random.Next(Gatherers);
        var rebuilt = (away + random.Next(1, Gatherers)) % Gatherers;
        for (var gatherer = 0; gatherer < Gatherers; gatherer++)
        {
            timelines.Add(GathererTimeline(random, gatherer, gatherer == away, gatherer == rebuilt));
        }

        timelines.AddRange(Enumerable.Range(0, _servers.Length).Where(IsOwn).Select(server => ServerTimeline(random, server)));
        return timelines;
    }

    private List<Event> DedupTimeline(Random random)
    {
        var events = new List<Event>();
        for (var left = IsFull ? 5 : 3; left > 0; left--)
        {
            var (isInCommit, downMs) = (left % 2 == 0, random.Next(1_500));
            events.Add(new Event(Instant(random), () => KillDedupAsync(isInCommit, downMs)));
        }

        return events;
    }

    private List<Event> GathererTimeline(Random random, int gatherer, bool isAway, bool isRebuilt)
    {
        var events = new List<Event>();
        if (isAway)
        {
            var (from, to) = (Share(0.15 + (random.NextDouble() * 0.15)), Share(0.65 + (random.NextDouble() * 0.25)));
            var signal = random.Next(2) == 0 ? KalshidProcess.SigKill : KalshidProcess.SigTerm;
            events.Add(new Event(from, () => EndGathererAsync(gatherer, signal, to - from)));
        }

        if (isRebuilt)
        {
            var downMs = random.Next(2_000);
            events.Add(new Event(Share(0.3 + (random.NextDouble() * 0.4)), () => RebuildGathererAsync(gatherer, downMs)));
        }

        for (var left = isAway ? 0 : IsFull ? random.Next(1, 3) : isRebuilt ? 0 : 1; left > 0; left--)
        {
            var downMs = random.Next(1_000);
            events.Add(new Event(Instant(random), () => EndGathererAsync(gatherer, KalshidProcess.SigKill, downMs)));
        }

        return events;
    }

    private List<Event> ServerTimeline(Random random, int server)
    {
        var (kind, downMs) = (random.Next(4), random.Next(2_000));
        (string How, Action<PostgresServer> Stop) stop = kind switch
        {
            0 => ("killed", each => each.Kill()),
            1 => ("stopped fast", each => each.StopFast()),
            2 => ("stopped immediately", each => each.StopImmediate()),
            _ => ("paused", each => each.Pause()),
        };
        return
        [
            new Event(Instant(random), async () =>
            {
                stop.Stop(_servers[server]);
                await Task.Delay(downMs * (kind == 3 ? 3 : 1));
                if (kind == 3)
                {
                    _servers[server].Resume();
                }
                else
                {
                    _servers[server].Start();
                }

                Note($"the database of {NameOf(server)} was {stop.How} for {downMs} ms");
            }),
        ];
    }

    private static int Instant(Random random) => Share(0.08 + (random.NextDouble() * 0.87));

    private static int Share(double share) => (int)(share * Seconds * 1_000);

    private static string NameOf(int server) => server == Production ? "production" : $"g{server + 1}";

    private async Task RunAsync(List<Event> timeline)
    {
        foreach (var each in timeline.OrderBy(each => each.AtMs))
        {
            await Task.Delay((int)Math.Max(0, each.AtMs - _clock.ElapsedMilliseconds));
            await each.Act();
        }
    }

    private async Task KillDedupAsync(bool isInCommit, int downMs)
    {
        Assert.That(_dedup.HasExited, Is.False, () => $"the dedup ended by itself:\n{_dedup.Error}");
        var isHeld = isInCommit && await KillInCommitAsync();
        if (!isHeld)
        {
            _dedup.KillHard();
        }

        _configured = Gatherers;
        Note($"dedup killed{(isHeld ? " between its copies and its commit" : "")}");
        await Task.Delay(downMs);
        StartDedup();
    }

    /// <summary>A turn has copied everything and waits for the row that we hold: then it is killed. False when that does not come about.</summary>
    private async Task<bool> KillInCommitAsync()
    {
        try
        {
            await using var holder = await Sql.HoldAsync(_dsns[Production], "SELECT FROM kalshid.store FOR UPDATE");
            for (var tries = 0; tries < 60; tries++)
            {
                if (await Sql.IsKalshidWaitingAsync(_dsns[Production]))
                {
                    _dedup.KillHard();
                    return true;
                }

                await Task.Delay(20);
            }
        }
        catch (Exception e) when (Kalshi.Daemon.Store.StoreDatabase.IsFailure(e))
        {
            // Production's database is down just now, or not made yet.
        }

        return false;
    }

    private async Task EndGathererAsync(int gatherer, int signal, int downMs)
    {
        Assert.That(_gatherers[gatherer].HasExited, Is.False, () => $"g{gatherer + 1} ended by itself:\n{_gatherers[gatherer].Error}");
        _gatherers[gatherer].Signal(signal);
        _gatherers[gatherer].WaitForExit(TimeSpan.FromMinutes(1));
        Note($"g{gatherer + 1} ended by signal {signal} for {downMs} ms");
        await Task.Delay(downMs);
        StartGatherer(gatherer);
    }

    /// <summary>As on a new machine: no journal, and a new database under the old name.</summary>
    private async Task RebuildGathererAsync(int gatherer, int downMs)
    {
        _gatherers[gatherer].KillHard();
        Directory.Delete(DataDirOf(gatherer), recursive: true);
        var name = new NpgsqlConnectionStringBuilder(_dsns[gatherer]).Database!;
        await PersistAsync(gatherer, $"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        await PersistAsync(gatherer, $"CREATE DATABASE {name}");
        Note($"g{gatherer + 1} rebuilt from nothing, down for {downMs} ms");
        await Task.Delay(downMs);
        StartGatherer(gatherer);
    }

    /// <summary>Its server may be down meanwhile.</summary>
    private async Task PersistAsync(int server, string sql)
    {
        for (var clock = Stopwatch.StartNew(); ;)
        {
            try
            {
                await Sql.ExecuteAsync(_servers[server].Dsn("postgres"), sql);
                return;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.DuplicateDatabase)
            {
                return; // The answer to an earlier try got lost.
            }
            catch (Exception e) when (Kalshi.Daemon.Store.StoreDatabase.IsFailure(e) && clock.Elapsed < TimeSpan.FromSeconds(30))
            {
                await Task.Delay(50);
            }
        }
    }

    // ---- processes ----------------------------------------------------------------------------------------------------------

    private string DataDirOf(int gatherer) => _rehearsal.File($"g{gatherer + 1}");

    private void StartGatherer(int gatherer) => _gatherers[gatherer] = _rehearsal.Start(
        _clocks[gatherer], "gather",
        [
            "--set", $"gather.name=g{gatherer + 1}", "--set", $"gather.data_dir={DataDirOf(gatherer)}", "--set", $"gather.markets_per_connection={Markets / 2}",
            "--set", "gather.registry_sweep=5s", "--set", $"store.dsn={_dsns[gatherer]}", "--set", "store.timeout=5s", "--set", "gather.shutdown_limit=1m",
        ]);

    private void StartDedup() => _dedup = _rehearsal.Start("dedup", _settings[..^(2 * (Gatherers - _configured))]);

    /// <summary>The gatherers have everything they can get, and stop; production has everything up to where the first of them ended, by the slowest clock behind the stream.</summary>
    private async Task SettleAsync()
    {
        if (_configured < Gatherers)
        {
            await KillDedupAsync(isInCommit: false, downMs: 0);
        }

        var ended = Stopwatch.StartNew();
        for (var gatherer = 0; gatherer < Gatherers; gatherer++)
        {
            var process = _gatherers[gatherer];
            process.Await(() => Rehearsal.IsSettled(process.Id, DataDirOf(gatherer)), $"g{gatherer + 1} that has everything", TimeSpan.FromSeconds(90));
        }

        await Task.Delay((int)Math.Max(0, (2 * SkewMsMax) + 1_000 - ended.ElapsedMilliseconds));
        Array.ForEach(_gatherers, process => process.Signal(KalshidProcess.SigTerm));
        var loaded = new List<DateTime>();
        for (var gatherer = 0; gatherer < Gatherers; gatherer++)
        {
            Assert.That(_gatherers[gatherer].WaitForExit(TimeSpan.FromMinutes(1)), Is.EqualTo(ExitCode.Ok), _gatherers[gatherer].Error);
            loaded.Add((DateTime)(await Sql.ScalarAsync(_dsns[gatherer], "SELECT position FROM kalshid.cursors WHERE name = 'loader'"))!);
        }

        const string position = "SELECT CASE WHEN count(*) = 3 THEN min(position) END FROM kalshid.gatherers";
        DateTime? merged = null;
        for (var clock = Stopwatch.StartNew(); !(merged >= loaded.Min());)
        {
            Assert.That(_dedup.HasExited, Is.False, () => $"the dedup ended by itself:\n{_dedup.Error}");
            Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(90)), () => $"loaded to {string.Join(" and ", loaded.Select(at => $"{at:O}"))}, merged to {merged:O}:\n{_dedup.Error}");
            await Task.Delay(50);
            merged = await Sql.ScalarAsync(_dsns[Production], position) as DateTime?;
        }

        _dedup.Signal(KalshidProcess.SigTerm);
        Assert.That(_dedup.WaitForExit(TimeSpan.FromMinutes(1)), Is.EqualTo(ExitCode.Ok), _dedup.Error);
    }

    private static void Report(JsonElement report, TimeSpan captured, TimeSpan verified)
    {
        var (deltas, trades) = (report.GetProperty("by_kind").GetProperty("deltas"), report.GetProperty("by_kind").GetProperty("trades"));
        TestContext.Out.WriteLine(
            $"changes: {deltas.GetProperty("expected")} expected, {deltas.GetProperty("present")} present, {deltas.GetProperty("in_reported_gaps")} in {report.GetProperty("gaps").GetArrayLength()} reported gaps; "
            + $"trades: {trades.GetProperty("present")} of {trades.GetProperty("expected")}; captured and merged in {captured.TotalSeconds:0} s, verified in {verified.TotalSeconds:0} s");
        Assert.Multiple(() =>
        {
            foreach (var key in (string[])["lost", "duplicated", "altered", "reordered", "negative_levels", "snapshot_mismatches"])
            {
                Assert.That(report.GetProperty(key).GetInt64(), Is.Zero, key);
            }

            Assert.That(
                Number(deltas, "expected"), Is.EqualTo(Number(deltas, "present") + Number(deltas, "in_reported_gaps") + Number(deltas, "rejected")), "every change is here or in a gap");
            Assert.That(Number(deltas, "expected"), Is.GreaterThan(Rate * Seconds / 2), "the exchange was as busy as asked for");
            Assert.That(Number(deltas, "present"), Is.GreaterThan(Number(deltas, "expected") / 4), "not everything is in gaps, however slow the machine");
            Assert.That(Number(trades, "present"), Is.EqualTo(Number(trades, "expected")).And.Positive, "every trade");
        });
    }

    private static long Number(JsonElement element, string key) => element.GetProperty(key).GetInt64();

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private void Note(string what)
    {
        lock (_happened)
        {
            _happened.Add($"{DateTime.UtcNow:HH:mm:ss.fff} {what}");
        }
    }
}
