using System.Diagnostics;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Bench.Pipeline;

/// <summary>
/// The books' merge alone: three gatherers that received the same changes with delays of their own.
/// <code>
///   changes of many markets (Zipf) ─▶ three tapes in order of received_at ─▶ BookMerge ─▶ counted, not written
/// </code>
/// Every change must come out once, and nearly all must be confirmed twice, before a number is printed. Memory: what a million markets that three gatherers watch cost, quiet
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
    public static int Run(int changes, int markets) => Memory(markets) && Speed(changes, 20_000) ? 0 : 1;

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
        // What the runs were placed by is not counted as confirmed.
        if (output.Changes != changes || merge.Counters.Confirmed < changes * (Gatherers - 1) * 0.95)
        {
            Console.Error.WriteLine($"{changes} changes went in three times; {output.Changes} came out and {merge.Counters.Confirmed} were confirmed.");
            return false;
        }

        var rows = (double)changes * Gatherers;
        Console.WriteLine($"merge alone: {rows / clock.Elapsed.TotalSeconds:N0} input rows/s, {cpu.TotalMicroseconds * 1000 / rows:N0} ns CPU and {allocated / rows:N2} bytes allocated a row; {changes:N0} changes of {markets:N0} markets from {Gatherers} gatherers, each once out");
        return true;
    }

    /// <summary>What dedup holds for so many markets, part by part; rows read ahead, turns under way and what Npgsql and the runtime take come on top, whatever the markets.</summary>
    private static bool Memory(int markets)
    {
        var settings = new MergeSettings(Gatherers, Margin, 60 * Micros.PerSecond);
        var output = new CountingOutput();
        var (watch, total) = (Stopwatch.StartNew(), 0L);
        var known = Held("production's tickers and ids", () => Tickers(markets));
        var ids = Held("ids of three stores", () => Enumerable.Range(0, Gatherers).Select(_ => new int[markets + 1]).ToArray());
        var streams = Held("histories of objects, one version of a market told by three", () => Objects(settings, known, markets));
        var books = Held("the books' merge", () => Books(settings, output, markets));
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);
        Console.WriteLine($"  {"together",-60} {total / 1048576.0,6:N0} MiB, {(double)total / markets,5:N0} bytes a market (target <= 400 MB); resident {Environment.WorkingSet / 1048576.0:N0} MiB with runtime and bench; {watch.Elapsed.TotalSeconds:N1} s to take them up");
        foreach (var (name, memory) in ((string, IMergeMemory)[])[("the books' memory", books), ("the streams' memory", streams)])
        {
            var begun = watch.Elapsed;
            var packed = PackedState.Pack(stream =>
            {
                using var writer = new StateWriter(stream);
                memory.WriteAll(writer);
            });
            Console.WriteLine($"  {$"{name} as a whole state in production",-60} {packed.Bytes / 1048576.0,6:N0} MiB, {(watch.Elapsed - begun).TotalSeconds:N1} s to write");
        }

        GC.KeepAlive(ids);
        return output.Changes == markets;

        T Held<T>(string what, Func<T> make)
        {
            var before = GC.GetTotalMemory(forceFullCollection: true);
            var made = make();
            var held = GC.GetTotalMemory(forceFullCollection: true) - before;
            total += held;
            Console.WriteLine($"  {what,-60} {held / 1048576.0,6:N0} MiB, {(double)held / markets,5:N0} bytes a market");
            return made;
        }
    }

    private static ProductionMarkets Tickers(int markets)
    {
        var known = new ProductionMarkets();
        Span<byte> ticker = stackalloc byte[32];
        "KXHIGHNY-26DEC31E0000000000-T605"u8.CopyTo(ticker);
        for (var market = 1; market <= markets; market++)
        {
            market.TryFormat(ticker[17..27], out _, "D10", System.Globalization.CultureInfo.InvariantCulture);
            known.Load(ticker);
        }

        return known;
    }

    private static StreamMerges Objects(MergeSettings settings, ProductionMarkets known, int markets)
    {
        var counter = new StreamMergeBench.RowCounter();
        var streams = new StreamMerges(settings, counter, counter);
        var item = new RegistryObject();
        for (var market = 1; market <= markets; market++)
        {
            item.Clear();
            item.Ticker.Set(known.Ticker(market));
            for (var gatherer = 0; gatherer < Gatherers; gatherer++)
            {
                streams.OnObject(gatherer, ObjectKind.Market, market, StartAt + gatherer, item, """{"status":"active"}"""u8, "rest"u8);
            }
        }

        streams.OnTurn(StartAt + Margin);
        return streams;
    }

    /// <summary>Every market has had a snapshot and one change, long ago.</summary>
    private static BookMerge Books(MergeSettings settings, CountingOutput output, int markets)
    {
        var merge = new BookMerge(settings, output, new Forgetful());
        Begin(merge, markets);
        for (var market = 1; market <= markets; market++)
        {
            for (var gatherer = 0; gatherer < Gatherers; gatherer++)
            {
                merge.OnChange(gatherer, market, gatherer + 1, new MarketChange(StartAt + (3 * Margin), StartAt + (3 * Margin) + gatherer, Side.Yes, 10_000, 100));
            }
        }

        Turn(merge, StartAt + (4 * Margin));
        using var saved = new StateWriter(Stream.Null);
        merge.WriteAll(saved); // As production's transactions do: what was saved may rest.
        Turn(merge, StartAt + (8 * Margin));
        return merge;
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
        for (var gatherer = 0; gatherer < Gatherers; gatherer++)
        {
            // That a connection is alive, and its silence means something, its rows of other markets show.
            merge.OnSnapshot(gatherer, markets + 1, gatherer + 1, StartAt + (2 * Margin) - 1, yes, no);
        }

        Turn(merge, StartAt + (2 * Margin));
    }

    private static void Turn(BookMerge merge, long watermark)
    {
        for (var gatherer = 0; gatherer < Gatherers; gatherer++)
        {
            merge.OnProgress(gatherer, watermark);
        }

        while (merge.OnTurn(watermark))
        {
            // What is due is more than one turn should hold.
        }
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
        public TimeSpan RecallChanges(int market, ChangeKey from, ChangeKey to, int most, List<(ChangeKey Key, MarketChange Change)> into) => TimeSpan.Zero;
    }
}
