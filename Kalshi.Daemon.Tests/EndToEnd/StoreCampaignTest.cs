using System.Diagnostics;
using System.Globalization;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Store;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.EndToEnd;

/// <summary>
/// The published binary captures into a database, and whatever a seed's schedule says happens to both: the database is killed with -9,
/// restarted and paused, the gatherer killed with -9. Afterwards the database holds exactly what an independent decode of the journal says, the same as a
/// database loaded afresh, and `verify` finds every change of the exchange. `./build.sh campaign-store` runs it at full size: KALSHID_CAMPAIGN_SEEDS
/// seeds from KALSHID_TEST_SEED on, which take turns on the kinds of database.
/// </summary>
internal sealed class StoreCampaignTest
{
    private const int BookSockets = 8;

    private static readonly int FullSeeds = int.Parse(Environment.GetEnvironmentVariable("KALSHID_CAMPAIGN_SEEDS") ?? "0", CultureInfo.InvariantCulture);
    private static readonly bool IsFull = FullSeeds > 0;
    private static readonly int Markets = IsFull ? 20_000 : 2_000;
    private static readonly int Rate = IsFull ? 5_000 : 1_500;
    private static readonly int Seconds = IsFull ? 25 : 8;
    private static readonly string Recordings = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "kalshi", "recordings"));

    private readonly List<string> _happened = [];
    private readonly List<IDisposable> _owned = [];

    private Random _random = null!;
    private PostgresServer _server = null!;
    private Rehearsal _rehearsal = null!;
    private KalshidProcess? _gather;
    private string[] _settings = [];
    private string _dsn = "";

    /// <summary>How the database keeps the rows.</summary>
    public enum Kind
    {
        Plain,
        Hypertable,
        DirectCompress,
    }

    private static IEnumerable<TestCaseData> Cases()
    {
        var first = int.TryParse(Environment.GetEnvironmentVariable("KALSHID_TEST_SEED"), CultureInfo.InvariantCulture, out var given) ? given : Random.Shared.Next(1_000_000);
        return IsFull
            ? Enumerable.Range(first, FullSeeds).Select(seed => new TestCaseData(seed, (Kind)(seed % 3)).SetArgDisplayNames($"{seed}", $"{(Kind)(seed % 3)}"))
            : ((Kind[])[Kind.Plain, Kind.DirectCompress]).Select(kind => new TestCaseData(first, kind).SetArgDisplayNames($"{kind}"));
    }

    [TearDown]
    public void TearDown()
    {
        if (TestContext.CurrentContext.Result.FailCount > 0)
        {
            TestContext.Out.WriteLine($"What happened:\n{string.Join('\n', _happened)}");
        }

        _owned.ForEach(each => each.Dispose());
        _owned.Clear();
        _happened.Clear();
    }

    [TestCaseSource(nameof(Cases))]
    public async Task A_store_holds_exactly_what_the_journal_says_whatever_happened_to_it_and_the_gatherer(int seed, Kind kind)
    {
        if (!IsFull && Environment.GetEnvironmentVariable("KALSHID_TEST_SEED") is null)
        {
            Assert.Ignore("Its time is not in the tests' budget: ./build.sh campaign-store, or KALSHID_TEST_SEED=N for a small one.");
        }

        var replay = IsFull ? "./build.sh campaign-store 1" : "./build.sh test --filter \"FullyQualifiedName~StoreCampaignTest\"";
        TestContext.Out.WriteLine($"seed {seed}, {kind}: KALSHID_TEST_SEED={seed} {replay}");
        _random = new Random(seed);
        _server = kind == Kind.Plain ? PostgresServer.New(durable: true) : await StoreServers.NewTimescaleAsync(durable: true);
        _owned.Add(_server);
        if (IsFull && Directory.Exists(Recordings))
        {
            // That exchange lives in the past: it does not give the trades of the minutes in which no gatherer ran.
            await RunAsync(kind, "recordings", ["--replay", Recordings, "--speed", "60"], ["--set", "gather.markets_per_connection=4"], hasEveryTrade: false);
        }

        await RunAsync(
            kind, "seeded", ["--seed", Text(seed), "--markets", Text(Markets), "--rate", Text(Rate), "--duration", $"{Seconds}s", "--hold", "--faults", "faults"],
            ["--set", $"gather.markets_per_connection={Markets / BookSockets}", "--set", "journal.segment_bytes_max=16MiB"], hasEveryTrade: true);
    }

    /// <summary>One capture from its begin to the proof.</summary>
    private async Task RunAsync(Kind kind, string what, string[] exchange, string[] gather, bool hasEveryTrade)
    {
        _rehearsal = new Rehearsal();
        _owned.Insert(0, _rehearsal);
        WriteFaults();
        _dsn = await NewDatabaseAsync(kind);
        _settings =
        [
            .. gather, "--set", $"store.timescale={(kind == Kind.Plain ? "off" : "on")}", "--set", $"store.direct_compress={(kind == Kind.DirectCompress ? "true" : "false")}",
            "--set", "store.timeout=2s", "--set", $"store.writers={_random.Next(1, 4)}", "--set", $"store.batch_rows_max={_random.Next(200, 50_000)}", "--set", "gather.shutdown_limit=1m",
        ];
        _rehearsal.StartExchange([.. exchange.Select(argument => argument == "faults" ? _rehearsal.File("faults") : argument), "--linger", "10m", "--read-tokens", "1000000"]);
        var clock = Stopwatch.StartNew();
        await DisturbAsync();
        EndGather(KalshidProcess.SigKill);
        _rehearsal.Exchange.AwaitLog("Stream is over", TimeSpan.FromMinutes(5));
        StartGather();
        _gather!.Await(() => _rehearsal.IsSettled(_gather.Id), "store that has everything", TimeSpan.FromMinutes(5));
        EndGather(KalshidProcess.SigTerm);
        Load(_dsn);
        var captured = clock.Elapsed;

        await AssertProvenAsync(kind, hasEveryTrade ? ["--truth", _rehearsal.Truth] : []);
        var rows = await Sql.ScalarAsync(_dsn, "SELECT (SELECT count(*) FROM kalshid.orderbook_deltas) || ' deltas, ' || (SELECT count(*) FROM kalshid.orderbook_snapshots) || ' snapshots, ' || (SELECT count(*) FROM kalshid.trades) || ' trades'");
        TestContext.Out.WriteLine($"{what}: {rows}; captured in {captured.TotalSeconds:0} s, proven in {(clock.Elapsed - captured).TotalSeconds:0} s");
    }

    private async Task<string> NewDatabaseAsync(Kind kind)
    {
        var dsn = await _server.CreateDatabaseAsync();
        if (kind != Kind.Plain)
        {
            await Sql.ExecuteAsync(dsn, "SET client_min_messages = warning; CREATE EXTENSION timescaledb");
        }

        return dsn;
    }

    /// <summary>What the exchange and the network do on their own.</summary>
    private void WriteFaults()
    {
        string At() => string.Create(CultureInfo.InvariantCulture, $"{_random.NextDouble() * Seconds * 1000:0}ms");
        File.WriteAllText(_rehearsal.File("faults"), $"""
            disconnect at={At()} connection=4
            drop at={At()} channel=orderbook_delta count=3
            drop at={At()} channel=trade count=5
            disconnect at={At()} how=close
            overflow at={At()} connection=2
            rename at={At()} for=1s rate=0.02 channel=orderbook_delta
            """);
    }

    /// <summary>Everything that a schedule holds, in random order, at random times: two while markets are listed and subscribed, the rest while the stream runs.</summary>
    private async Task DisturbAsync()
    {
        Func<Task>[] events =
        [
            () => RestartServerAsync("killed", server => server.Kill()),
            () => RestartServerAsync("stopped fast", server => server.StopFast()),
            () => RestartServerAsync("stopped immediately", server => server.StopImmediate()),
            () => PauseServerAsync(_random.Next(100, 1_500)),
            () => PauseServerAsync(_random.Next(2_500, 5_000)), // longer than store.timeout
            () => RestartGatherAsync(KalshidProcess.SigKill),
            () => RestartGatherAsync(KalshidProcess.SigKill),
            () => RestartGatherAsync(_random.Next(2) == 0 ? KalshidProcess.SigKill : KalshidProcess.SigTerm),
        ];
        _random.Shuffle(events);
        StartGather();
        for (var i = 0; i < events.Length; i++)
        {
            if (i == 2)
            {
                // The exchange holds its clock for them.
                _rehearsal.Exchange.AwaitLog("Stream started", TimeSpan.FromMinutes(5));
            }

            await Task.Delay(_random.Next(Seconds * 1_000 / events.Length));
            await events[i]();
        }
    }

    private async Task RestartServerAsync(string how, Action<PostgresServer> stop)
    {
        stop(_server!);
        var down = _random.Next(1_000);
        await Task.Delay(down);
        _server.Start();
        Note($"PostgreSQL {how}, down for {down} ms");
    }

    private async Task PauseServerAsync(int milliseconds)
    {
        _server.Pause();
        await Task.Delay(milliseconds);
        _server.Resume();
        Note($"PostgreSQL paused for {milliseconds} ms");
    }

    private async Task RestartGatherAsync(int signal)
    {
        EndGather(signal);
        await Task.Delay(_random.Next(500));
        StartGather();
    }

    private void StartGather() => _gather = _rehearsal.StartGather(["--set", $"store.dsn={_dsn}", .. _settings]);

    private void EndGather(int signal)
    {
        Note($"gatherer ended by signal {signal}, store at {_rehearsal.StoreStatus()?.ToString() ?? "nothing"}");
        _gather!.Signal(signal);
        var exitCode = _gather.WaitForExit(TimeSpan.FromMinutes(2));
        Assert.That(signal == KalshidProcess.SigKill || exitCode == ExitCode.Ok, $"a clean stop ended with {exitCode}");
    }

    private void Note(string what) => _happened.Add($"{DateTime.UtcNow:HH:mm:ss.fff} {what}");

    private void Load(string dsn)
    {
        var loaded = _rehearsal.Run("load", [.. _settings, "--set", $"store.dsn={dsn}", "--set", "store.timeout=1m"]);
        Assert.That(loaded.ExitCode, Is.EqualTo(ExitCode.Ok), loaded.Error);
    }

    private async Task AssertProvenAsync(Kind kind, string[] truth)
    {
        await DecodedJournal.AssertLoadedAsync(_rehearsal.Journal, _dsn);
        await StoreContents.AssertWholeAsync(_dsn, JournalEnd());

        var again = await NewDatabaseAsync(kind);
        Load(again);
        await StoreContents.AssertSameAsync(_dsn, again);

        var journal = _rehearsal.VerifySound(truth);
        var store = _rehearsal.VerifySound([.. _settings, "--set", $"store.dsn={_dsn}", "--store", .. truth]);
        foreach (var key in (string[])["expected", "present", "lost", "duplicated", "altered", "reordered", "in_reported_gaps", "rejected", "gaps_total", "markets",
            "negative_levels", "snapshot_mismatches", "snapshots_checked", "truth_contradictions", "epochs", "epochs_not_dense", "by_kind"])
        {
            Assert.That(store.GetProperty(key).GetRawText(), Is.EqualTo(journal.GetProperty(key).GetRawText()), $"{key}, from the store and from the journal");
        }

        Assert.That(store.GetProperty("lost").GetInt64() + store.GetProperty("duplicated").GetInt64(), Is.Zero);
    }

    private long JournalEnd()
    {
        using var reader = new JournalReader(_rehearsal.Journal);
        while (reader.TryRead(out _))
        {
        }

        return reader.Position;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
