using System.Diagnostics;
using System.Globalization;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Kalshi.Daemon.Bench.Storage;

/// <summary>Three gatherers' stores → turns, into merges that only add up: what reading and merging costs dedup before it decides anything.</summary>
/// <code>
/// journal ─▶ Loader ─▶ database A ─▶ copies B, C │ A, B, C ─▶ GathererSource ×3 ─▶ TurnReader ─▶ sums
/// </code>
internal static class SourceBench
{
    private const int Gatherers = 3;
    private const int Rounds = 3;
    private const double Target = 400_000;

    /// <param name="dsn">A PostgreSQL on this machine beside whose database others may be created.</param>
    public static async Task RunAsync(int frames, string dsn)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"kalshid-source-bench-{Environment.ProcessId}");
        try
        {
            var journal = new FrameJournal(folder);
            SeededJournal.Fill(journal, frames);
            journal.Close();
            await using var first = await BenchDatabase.CreateAsync(dsn, "off", Migrations.Gatherer);
            Load(folder, first.Dsn);
            await using var second = await first.CopyAsync();
            await using var third = await first.CopyAsync();
            string[] dsns = [first.Dsn, second.Dsn, third.Dsn];
            Console.WriteLine($"three stores of {journal.Frames:N0} frames, {journal.Deltas:N0} deltas each");
            for (var round = 0; round < Rounds; round++)
            {
                Measure(dsns, journal.Deltas);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Load(string folder, string dsn)
    {
        using var database = new StoreDatabase(dsn, TimeSpan.FromMinutes(5));
        var settings = new LoaderSettings("bench", Path.Combine(folder, "journal"), "off", false, 50_000, TimeSpan.FromMilliseconds(250), Writers: 1, TimeSpan.FromMinutes(5));
        using var loader = new Loader(database, settings, () => long.MaxValue, NullLogger.Instance);
        loader.Start();
        Checks.That(loader.Stop(Timeout.InfiniteTimeSpan), $"The loader reaches the journal's end: {loader.Counters.State}");
        using var upkeep = new StoreUpkeep(
            database, new UpkeepSettings(TimeSpan.Zero, TimeSpan.Zero, DirectCompress: false, MarketIndex: false, TimeSpan.FromHours(1), TimeSpan.FromHours(1)), NullLogger.Instance, UpkeepKind.Gatherer);
        upkeep.FinishAsync(CancellationToken.None).GetAwaiter().GetResult();
    }

    private static void Measure(string[] dsns, long deltas)
    {
        var sums = new Sums();
        var databases = dsns.Select(dsn => new StoreDatabase(dsn, TimeSpan.FromMinutes(1))).ToList();
        var sources = databases.Select((database, i) => new GathererSource($"g{i}", database, SourceSettings.Usual, Micros.Now, NullLogger.Instance)).ToList();
        using var turns = new TurnReader(sources, new ProductionMarkets(), sums, sums, TurnSettings.Usual, Micros.Now, NullLogger.Instance);
        var servers = ServerCpu(dsns[0]);
        var (own, allocated) = (Environment.CpuUsage.TotalTime, 0L);
        var clock = Stopwatch.StartNew();
        double telling = 0;
        var count = 0;
        turns.Start();
        while (sums.Deltas < deltas * Gatherers)
        {
            var (begun, before) = (clock.Elapsed, GC.GetAllocatedBytesForCurrentThread());
            if (turns.TryTurn())
            {
                count++;
                telling += (clock.Elapsed - begun).TotalSeconds;
                allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            }
            else
            {
                turns.Wait(TimeSpan.FromSeconds(1), CancellationToken.None);
            }
        }

        var seconds = clock.Elapsed.TotalSeconds;
        own = Environment.CpuUsage.TotalTime - own;
        servers = ServerCpu(dsns[0]) - servers;
        Checks.That(sums.Deltas == deltas * Gatherers && sums.Broken == 0 && sums.IsOrdered, "Every change of every store is told once, in order.");
        var cpu = own.TotalSeconds + servers.TotalSeconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {sums.Deltas / seconds / 1e3,6:N0} k delta rows/s (target >= {Target / 1e3:N0} k), {sums.Others / seconds / 1e3:N0} k others/s; of {cpu / sums.Deltas * 1e6:F2} us CPU a row PostgreSQL took {servers.TotalSeconds / cpu * 100:N0} %; "
            + $"turns alone {telling / sums.Deltas * 1e9:N0} ns and {allocated / (double)sums.Deltas:F2} bytes a row; {count} turns"));
        databases.ForEach(database => database.Dispose());
    }

    /// <summary>CPU of the postmaster and all its children, those that have ended included; zero where there is no /proc of it.</summary>
    private static TimeSpan ServerCpu(string dsn)
    {
        using var connection = new NpgsqlConnection(dsn + ";Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand("select pg_backend_pid()", connection);
        var backend = (int)command.ExecuteScalar()!;
        var postmaster = Stat(backend) is { } own ? int.Parse(own[1], CultureInfo.InvariantCulture) : 0;
        long ticks = 0;
        foreach (var directory in Directory.GetDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), out var process) && Stat(process) is { } stat && (process == postmaster || stat[1] == postmaster.ToString(CultureInfo.InvariantCulture)))
            {
                // Of children that have ended the postmaster knows the sum.
                ticks += long.Parse(stat[11], CultureInfo.InvariantCulture) + long.Parse(stat[12], CultureInfo.InvariantCulture);
                ticks += process == postmaster ? long.Parse(stat[13], CultureInfo.InvariantCulture) + long.Parse(stat[14], CultureInfo.InvariantCulture) : 0;
            }
        }

        return TimeSpan.FromSeconds(ticks / 100.0);
    }

    /// <summary>The fields of /proc/PID/stat behind the program's name: state, parent, …; null when it is gone.</summary>
    private static string[]? Stat(int process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }

    private sealed class Sums : IBookInput, IStreamInput
    {
        private long _lastAt;

        public long Deltas { get; private set; }

        public long Others { get; private set; }

        public long Broken { get; private set; }

        public bool IsOrdered { get; private set; } = true;

        public void OnChange(int gatherer, int market, long epochId, in MarketChange change)
        {
            Deltas++;
            IsOrdered &= change.ReceivedAt >= _lastAt;
            _lastAt = change.ReceivedAt;
        }

        public void OnSnapshot(int gatherer, int market, long epochId, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no) => Others++;

        public void OnCoverageEnded(int gatherer, int market, long epochId, long coveredTo, long receivedAt, string reason) => Others++;

        public void OnBroken(int gatherer, int market, long epochId, long receivedAt, string reason) => Broken++;

        public void OnTrade(int gatherer, int market, long receivedAt, Message trade, bool isBackfilled) => Others++;

        public void OnTicker(int gatherer, int market, long receivedAt, Message ticker) => Others++;

        public void OnLifecycle(int gatherer, int market, long receivedAt, Message message, ReadOnlySpan<byte> payload) => Others++;

        public void OnRejected(int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame) => Others++;

        public void OnObject(int gatherer, ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin) => Others++;

        public void OnChannelCoverage(in ChannelCoverage coverage) => Others++;

        public void OnReplaced(int gatherer, long receivedAt) => Broken++;

        public void OnProgress(int gatherer, long receivedAt)
        {
            // Nothing to add.
        }

        public void OnPresence(int gatherer, bool isPresent)
        {
            // Nothing to add.
        }

        public void OnTurn(long watermark)
        {
            // Nothing to add.
        }
    }
}
