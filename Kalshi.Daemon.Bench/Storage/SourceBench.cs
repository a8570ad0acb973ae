using System.Diagnostics;
using System.Globalization;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging.Abstractions;

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

    public static void Run(string[] dsns, long deltas)
    {
        for (var round = 0; round < Rounds; round++)
        {
            Measure(dsns, deltas);
        }
    }

    private static void Measure(string[] dsns, long deltas)
    {
        var sums = new Sums();
        var databases = dsns.Select(dsn => new StoreDatabase(dsn, TimeSpan.FromMinutes(1))).ToList();
        var claims = new StoreClaims();
        var sources = databases.Select((database, i) => new GathererSource($"g{i}", database, SourceSettings.Usual, claims, Micros.Now, NullLogger.Instance)).ToList();
        using var turns = new TurnReader(sources, new ProductionMarkets(), sums, sums, TurnSettings.Usual, Micros.Now, NullLogger.Instance);
        var servers = ServerCpu.Of(dsns[0]);
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
        servers = ServerCpu.Of(dsns[0]) - servers;
        Checks.That(sums.Deltas == deltas * Gatherers && sums.Broken == 0 && sums.IsOrdered, "Every change of every store is told once, in order.");
        var cpu = own.TotalSeconds + servers.TotalSeconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {sums.Deltas / seconds / 1e3,6:N0} k delta rows/s (target >= {Target / 1e3:N0} k), {sums.Others / seconds / 1e3:N0} k others/s; of {cpu / sums.Deltas * 1e6:F2} us CPU a row PostgreSQL took {servers.TotalSeconds / cpu * 100:N0} %; "
            + $"turns alone {telling / sums.Deltas * 1e9:N0} ns and {allocated / (double)sums.Deltas:F2} bytes a row; {count} turns"));
        databases.ForEach(database => database.Dispose());
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

        bool IBookInput.OnTurn(long watermark) => false;

        void IStreamInput.OnTurn(long watermark)
        {
            // Nothing to add.
        }
    }
}
