using System.Diagnostics;
using System.Globalization;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Bench.Storage;

/// <summary>
/// What the published `kalshid dedup` holds of three stores with a million markets, each with a snapshot: while it takes them up, when it has nothing more to do,
/// when it is started again and reads its memory from production, and when a gatherer's store was replaced. By the kernel's count of its resident pages.
/// </summary>
/// <code>seeded journal ─▶ Loader ─▶ store ─template─▶ two more ─▶ published kalshid dedup ─▶ production; /proc/PID/status ─▶ this process</code>
internal static class DedupMemoryBench
{
    /// <summary>Two minutes of them: what was quiet for long enough is at rest then.</summary>
    private const int OtherFrames = 480_000;
    private const int FramesPerSecond = 4_000;

    /// <param name="dsn">A PostgreSQL on this machine beside whose database others may be created.</param>
    public static async Task<int> RunAsync(string dsn, string binary, int markets)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"kalshid-memory-bench-{Environment.ProcessId}");
        try
        {
            var journal = new FrameJournal(folder);
            SeededJournal.Fill(journal, OtherFrames, markets, FramesPerSecond);
            journal.Close();
            await using var stores = await GathererStores.LoadAsync(folder, dsn);
            Console.WriteLine($"three stores of {markets:N0} markets, {journal.Frames:N0} frames each");
            await using var production = await BenchDatabase.CreateAsync(dsn, "off", Migrations.Production);
            string[] arguments =
            [
                "dedup", "--until-idle", "40s", "--set", $"gather.data_dir={Path.Combine(folder, "data")}", "--set", $"dedup.production_dsn={production.Dsn}", "--set", "dedup.timescale=off",
                .. stores.Dsns.SelectMany((each, i) => (string[])["--set", $"dedup.gatherer.g{i}={each}"]),
            ];
            Print("from nothing", Watch(binary, arguments));
            Print("started again", Watch(binary, arguments));
            // As if another host had captured the same under the gatherer's name: all its runs end, and its store is told from its begin.
            await stores.All[^1].ExecuteAsync("update kalshid.store set first_record_at = first_record_at - interval '1 second'");
            Print("one store replaced", Watch(binary, arguments));
            Checks.That(await production.CountAsync("kalshid.markets") >= markets, "Every market is in production.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static (long Peak, long Idle, double Seconds) Watch(string binary, string[] arguments)
    {
        using var dedup = Process.Start(new ProcessStartInfo(binary, arguments))!;
        var (peak, idle, clock) = (0L, 0L, Stopwatch.StartNew());
        while (!dedup.WaitForExit(200))
        {
            peak = Math.Max(peak, ResidentOf(dedup, "VmHWM:"));
            idle = ResidentOf(dedup, "VmRSS:") is > 0 and var now ? now : idle;
        }

        Checks.That(dedup.ExitCode == 0, "dedup stopped by itself, cleanly.");
        return (peak, idle, clock.Elapsed.TotalSeconds);
    }

    private static void Print(string how, (long Peak, long Idle, double Seconds) seen) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {how,-18} {seen.Peak >> 20,6:N0} MiB resident at most, {seen.Idle >> 20:N0} MiB at the end, {seen.Seconds:N0} s"));

    /// <summary>0 when the process is just over.</summary>
    private static long ResidentOf(Process process, string field)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process.Id}/status").FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line[field.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) << 10;
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
