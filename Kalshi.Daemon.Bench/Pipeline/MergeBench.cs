using System.Diagnostics;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Bench.Pipeline;

/// <summary>
/// The books' merge alone: three gatherers that received the same changes with delays of their own.
/// <code>
///   changes of many markets (Zipf) ─▶ three tapes in order of received_at ─▶ BookMerge ─▶ counted, not written
/// </code>
/// Every change must come out once, confirmed twice, before a number is printed. Memory: what a million markets that three gatherers watch cost, quiet
/// ones that had one change each.
/// </summary>
internal static class MergeBench
{
    private const int Gatherers = 3;
    private const long StartAt = 1_790_000_000L * Micros.PerSecond;
    private const long Margin = 10 * Micros.PerSecond;

    /// <summary>Received within so much time; a turn is a quarter of a second.</summary>
    private const long ChangesPerSecond = 70_000;
    private const long TurnMicros = 250 * Micros.PerMillisecond;

    /// <summary>Returns an exit code: 0, or 1 when something else came out than went in.</summary>
    public static int Run(int changes, int markets) => Speed(changes, 20_000) && Memory(markets) ? 0 : 1;

    private static bool Speed(int changes, int markets)
    {
        var output = new CountingOutput();
        var merge = new BookMerge(new MergeSettings(Gatherers, Margin, 60 * Micros.PerSecond), output, new Forgetful());
        Begin(merge, markets);
        var tape = Tape(changes, markets);
        var (allocated, cpu, clock) = (GC.GetAllocatedBytesForCurrentThread(), Environment.CpuUsage.TotalTime, Stopwatch.StartNew());
        var turnAt = StartAt + (2 * Margin);
        foreach (var (gatherer, market, change) in tape)
        {
            while (change.ReceivedAt > turnAt)
            {
                Turn(merge, turnAt);
                turnAt += TurnMicros;
            }

            merge.OnChange(gatherer, market, gatherer + 1, change);
        }

        Turn(merge, turnAt + Margin);
        clock.Stop();
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        cpu = Environment.CpuUsage.TotalTime - cpu;
        if (output.Changes != changes || merge.Counters.Confirmed != changes * (Gatherers - 1))
        {
            Console.Error.WriteLine($"{changes} changes went in three times; {output.Changes} came out and {merge.Counters.Confirmed} were confirmed.");
            return false;
        }

        var rows = (double)changes * Gatherers;
        Console.WriteLine($"merge alone: {rows / clock.Elapsed.TotalSeconds:N0} input rows/s, {cpu.TotalMicroseconds * 1000 / rows:N0} ns CPU and {allocated / rows:N2} bytes allocated a row; {changes:N0} changes of {markets:N0} markets from {Gatherers} gatherers, each once out");
        return true;
    }

    private static bool Memory(int markets)
    {
        GC.Collect();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var output = new CountingOutput();
        var merge = new BookMerge(new MergeSettings(Gatherers, Margin, 60 * Micros.PerSecond), output, new Forgetful());
        var watch = Stopwatch.StartNew();
        Begin(merge, markets);
        for (var market = 1; market <= markets; market++)
        {
            for (var gatherer = 0; gatherer < Gatherers; gatherer++)
            {
                merge.OnChange(gatherer, market, gatherer + 1, new MarketChange(StartAt + (3 * Margin), StartAt + (3 * Margin) + gatherer, Side.Yes, 10_000, 100));
            }
        }

        Turn(merge, StartAt + (4 * Margin));
        Turn(merge, StartAt + (8 * Margin));
        var held = GC.GetTotalMemory(forceFullCollection: true) - before;
        Console.WriteLine($"memory: {held / 1048576.0:N0} MiB for {markets:N0} markets watched by {Gatherers} gatherers ({(double)held / markets:N0} bytes a market), {watch.Elapsed.TotalSeconds:N1} s to take them up");
        GC.KeepAlive(merge);
        return output.Changes == markets;
    }

    /// <summary>Everybody's snapshots of every market, until all are placed.</summary>
    private static void Begin(BookMerge merge, int markets)
    {
        Level[] yes = [new Level(400_000, 1_000), new Level(410_000, 2_000)];
        Level[] no = [new Level(550_000, 3_000)];
        for (var gatherer = 0; gatherer < Gatherers; gatherer++)
        {
            merge.OnPresence(gatherer, isPresent: true);
        }

        for (var market = 1; market <= markets; market++)
        {
            for (var gatherer = 0; gatherer < Gatherers; gatherer++)
            {
                merge.OnSnapshot(gatherer, market, gatherer + 1, StartAt + gatherer, yes, no);
            }
        }

        Turn(merge, StartAt + 1_000);
        Turn(merge, StartAt + (2 * Margin));
    }

    private static void Turn(BookMerge merge, long watermark)
    {
        for (var gatherer = 0; gatherer < Gatherers; gatherer++)
        {
            merge.OnProgress(gatherer, watermark);
        }

        merge.OnTurn(watermark);
    }

    /// <summary>What each gatherer received, in order of received_at over all of them.</summary>
    private static (int Gatherer, int Market, MarketChange Change)[] Tape(int changes, int markets)
    {
        var random = new Random(7);
        var tape = new (int Gatherer, int Market, MarketChange Change)[changes * Gatherers];
        var delays = new long[] { 3_000, 5_000, 9_000 };
        for (var i = 0; i < changes; i++)
        {
            // A power law by a cheap way: the product of uniform numbers.
            var market = 1 + (int)(markets * random.NextDouble() * random.NextDouble() * random.NextDouble());
            var at = StartAt + (2 * Margin) + (i * Micros.PerSecond / ChangesPerSecond);
            var side = (random.Next(2) == 0) ? Side.Yes : Side.No;
            var (price, delta) = (10_000 * random.Next(1, 100), 100L * random.Next(1, 1_000));
            for (var gatherer = 0; gatherer < Gatherers; gatherer++)
            {
                tape[(i * Gatherers) + gatherer] = (gatherer, market, new MarketChange(at, at + delays[gatherer], side, price, delta));
            }
        }

        Array.Sort(tape, static (left, right) => left.Change.ReceivedAt != right.Change.ReceivedAt
            ? left.Change.ReceivedAt.CompareTo(right.Change.ReceivedAt) : left.Gatherer.CompareTo(right.Gatherer));
        return tape;
    }

    private sealed class CountingOutput : IBookOutput
    {
        public long Changes { get; private set; }

        public void OnChange(int market, ChangeKey key, in MarketChange change) => Changes++;

        public void OnSnapshot(int market, int number, ChangeKey after, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
        {
        }

        public void OnCoverage(in ProductionCoverage coverage)
        {
        }

        public void OnCoverageRemoved(int market, int number)
        {
        }

        public void OnVouch(in Vouch vouch)
        {
        }

        public void OnVouchEnded(int market, int number, long toAt, ChangeKey last, string reason)
        {
        }

        public void OnDisagreement(in Disagreement disagreement)
        {
        }

        public void OnRenumbered(int market, long at, int first, int count, int by)
        {
        }

        public void OnJoined(int market, int number, int into, ChangeKey opening)
        {
        }

        public void OnWithdrawn(int market, ChangeKey after, ChangeKey last)
        {
        }
    }

    /// <summary>Nobody is so late.</summary>
    private sealed class Forgetful : IBookRecall
    {
        public void RecallChanges(int market, ChangeKey from, ChangeKey to, int most, List<(ChangeKey Key, MarketChange Change)> into)
        {
        }
    }
}
