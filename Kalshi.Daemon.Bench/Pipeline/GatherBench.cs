using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Bench.Pipeline;

/// <summary>
/// The published `kalshid gather` against the published `kalshid simulate` at full speed: bytes allocated and CPU per message in steady
/// state, read from the gatherer's own status file.
/// </summary>
/// <code>kalshid simulate --rate max ──REST, 4+3 sockets──▶ kalshid gather ─▶ journal; status.json once a second ─▶ this process</code>
internal static class GatherBench
{
    /// <summary>Steady state begins when so many segments have been compressed: rings and pooled tasks are warm, and the compressor's buffers stay.</summary>
    private const int WarmSegments = 2;
    private const double BytesPerMessageMax = 0.5;
    public const long DefaultFrames = 24_000_000;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    public static int Run(string binary, long frames)
    {
        var directory = Directory.CreateTempSubdirectory("kalshid-bench-").FullName;
        var config = Path.Combine(directory, "sim.conf");
        try
        {
            var count = frames.ToString(CultureInfo.InvariantCulture);
            using var simulate = Start(binary, "simulate", "--seed", "7", "--markets", "2000", "--rate", "max", "--hold", "--frames", count, "--write-config", config, "--linger", "3s");
            Await(() => File.Exists(config), "the simulator's configuration");
            using var gather = Start(binary, "gather", "--config", config, "--set", "gather.markets_per_connection=500", "--until-idle", "3s");
            var (first, last) = Watch(gather, Path.Combine(directory, "data"));
            Print(first, last, frames);
            return 0;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static (Sample First, Sample Last) Watch(Process gather, string dataDirectory)
    {
        Sample? first = null, last = null;
        var deadline = Stopwatch.StartNew();
        while (!gather.WaitForExit(200) && deadline.Elapsed < Limit)
        {
            if (Sample.Read(Path.Combine(dataDirectory, "status.json")) is { } sample && sample.Frames != last?.Frames
                && (first is not null || Directory.GetFiles(Path.Combine(dataDirectory, "journal"), "*.kjz").Length >= WarmSegments))
            {
                first ??= sample;
                last = sample;
            }
        }

        Checks.That(gather.HasExited && gather.ExitCode == 0, "The gatherer stopped by itself, cleanly.");
        Checks.That(first is not null && last!.Frames > first.Frames, "There was a steady state to measure.");
        return (first!, last!);
    }

    private static void Print(Sample first, Sample last, long produced)
    {
        var messages = last.Frames - first.Frames;
        var bytes = (last.Allocated - first.Allocated) / (double)messages;
        var seconds = (last.At - first.At) / (double)Micros.PerSecond;
        Console.WriteLine($"published kalshid gather, steady state over {messages:N0} messages of {last.Frames:N0} ({produced:N0} produced)");
        Console.WriteLine($"  allocated     {bytes:F4} bytes/message ({last.Allocated - first.Allocated:N0} bytes in {seconds:N0} s: status file, logs and timers, by the second and not by the message)");
        Console.WriteLine($"  CPU           {(last.CpuMs - first.CpuMs) * 1000 / messages:F3} us/message at {messages / seconds:N0} messages/s, the compression of sealed segments included");
        Console.WriteLine($"  resident      {last.Resident >> 20:N0} MiB");
        Console.WriteLine($"  gaps          {last.Gaps}");
        Checks.That(messages >= 10_000_000 || produced < DefaultFrames, "At least ten million messages in steady state.");
        Checks.That(bytes < BytesPerMessageMax, "No allocation per message.");
    }

    private static Process Start(string binary, params string[] arguments) =>
        Process.Start(new ProcessStartInfo(binary, arguments) { RedirectStandardError = false })!;

    private static void Await(Func<bool> condition, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            Checks.That(watch.Elapsed < TimeSpan.FromSeconds(30), $"{what} came within 30 s.");
            Thread.Sleep(50);
        }
    }

    private sealed record Sample(long Frames, long Allocated, double CpuMs, long At, long Resident, long Gaps)
    {
        public static Sample? Read(string path)
        {
            try
            {
                using var json = JsonDocument.Parse(File.ReadAllBytes(path));
                var root = json.RootElement;
                return new Sample(root.GetProperty("frames").GetInt64(), root.GetProperty("allocated_bytes").GetInt64(), root.GetProperty("cpu_ms").GetDouble(),
                    root.GetProperty("at").GetInt64(), root.GetProperty("resident_bytes").GetInt64(), root.GetProperty("gaps").GetInt64());
            }
            catch (IOException)
            {
                return null;
            }
        }
    }
}
