using System.Diagnostics;
using System.Globalization;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Threading.Channels;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Bench.Pipeline;

/// <summary>
/// Socket → durable journal against a bare receive loop, CPU per 265-byte delta, each side in a process of its own so that its CPU
/// is its own. Both verify what they received before a number is printed.
/// </summary>
/// <code>
/// feeder (this process) ──ws──▶ bare:    ClientWebSocket.ReceiveAsync, count                      (child process)
/// feeder (this process) ──ws──▶ capture: FrameSocket ─▶ ByteRing ─▶ Capture ─▶ JournalWriter, fdatasync  (child process)
/// </code>
internal static class CaptureBench
{
    private const int Rounds = 5;

    public static int Run(long messages)
    {
        Console.WriteLine($"socket -> durable journal, one saturated loopback socket, {messages:N0} deltas of {FrameFeeder.Frame(FrameFeeder.FirstSeq).Length} bytes, {Rounds} interleaved rounds");
        var results = new Dictionary<string, List<Measured>> { ["bare"] = [], ["capture"] = [] };
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var (side, measured) in results)
            {
                using var feeder = new FrameFeeder(messages);
                measured.Add(Child(side, feeder.Url, messages));
            }
        }

        var bare = Print("bare ClientWebSocket loop", results["bare"]);
        var capture = Print("kalshid socket -> durable journal", results["capture"]);
        var ratios = results["capture"].Zip(results["bare"], (a, b) => a.CpuUs / b.CpuUs).Order().ToArray();
        Console.WriteLine($"  ratio of CPU per message      {capture / bare:F2} of medians (round by round {ratios[0]:F2} .. {ratios[^1]:F2}); target <= 1.25");
        return 0;
    }

    /// <summary>Child process: receives everything, checks it, prints one line of figures. Counted from the open socket on.</summary>
    public static async Task<int> ChildAsync(string side, Uri url, long messages)
    {
        var meter = side == "bare" ? await BareAsync(url, messages) : await CaptureAsync(url, messages);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{meter.CpuUs} {meter.PerSecond} {meter.AllocatedBytes}"));
        return 0;
    }

    private static async Task<Measured> BareAsync(Uri url, long messages)
    {
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(url, CancellationToken.None);
        var meter = new Meter();
        var buffer = new byte[64 * 1024];
        var received = 0L;
        while (true)
        {
            var result = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
            if (result.MessageType == WebSocketMessageType.Close)
            {
                break;
            }

            received += result.EndOfMessage ? 1 : 0;
        }

        var measured = meter.Read(messages);
        Checks.That(received == messages, "The bare loop received every message.");
        return measured;
    }

    private static async Task<Measured> CaptureAsync(Uri url, long messages)
    {
        var directory = Directory.CreateTempSubdirectory("kalshid-bench-").FullName;
        try
        {
            var defaults = new Options();
            var log = new ConsoleLog(Microsoft.Extensions.Logging.LogLevel.Warning);
            using var journal = JournalWriter.Open(new JournalSettings(directory, defaults.SegmentBytesMax, defaults.SyncIntervalMs, defaults.SyncBytes), log);
            var events = Channel.CreateBounded<CaptureEvent>(1024);
            var capture = new Capture(journal, events.Writer, log);
            capture.Start();
            var signer = RequestSigner.FromPem("bench", RSA.Create(2048).ExportPkcs8PrivateKeyPem(), "bench");
            var dialer = new Dialer(url, signer, 1, capture, log);
            var session = await dialer.DialAsync("books", CancellationToken.None);
            var meter = new Meter();
            await session.Ended;
            await session.Capture.Drained;
            capture.Stop();
            var last = journal.LastReceivedAt;
            while (journal.Durable < last)
            {
                await Task.Delay(1);
            }

            var measured = meter.Read(messages);
            Checks.That(capture.Counters.Of(FrameType.OrderbookDelta) == messages, "Capture journalled every message.");
            Checks.That(capture.Counters.Gaps == 1, "Only the first seq of the feeder is a gap.");
            return measured;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>CPU, time and allocation of this process from its making on.</summary>
    private sealed class Meter
    {
        private readonly TimeSpan _cpu = Environment.CpuUsage.TotalTime;
        private readonly long _allocated = GC.GetTotalAllocatedBytes();
        private readonly Stopwatch _watch = Stopwatch.StartNew();

        public Measured Read(long messages) => new(
            (Environment.CpuUsage.TotalTime - _cpu).TotalMicroseconds / messages,
            messages / _watch.Elapsed.TotalSeconds,
            (double)(GC.GetTotalAllocatedBytes() - _allocated) / messages);
    }

    private static Measured Child(string side, Uri url, long messages)
    {
        using var child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["capture-child", side, url.ToString(), messages.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
        })!;
        var line = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        Checks.That(child.ExitCode == 0, $"The {side} side ran to its end.");
        var figures = Array.ConvertAll(line.Split(' '), text => double.Parse(text, CultureInfo.InvariantCulture));
        return new Measured(figures[0], figures[1], figures[2]);
    }

    private static double Print(string name, List<Measured> rounds)
    {
        var cpu = Median(rounds, measured => measured.CpuUs);
        Console.WriteLine($"  {name,-34} {cpu:F3} us CPU/message   {Median(rounds, m => m.PerSecond):N0} messages/s   {Median(rounds, m => m.AllocatedBytes):F3} bytes allocated/message");
        return cpu;
    }

    private static double Median(List<Measured> rounds, Func<Measured, double> figure) => rounds.Select(figure).Order().ElementAt(rounds.Count / 2);

    private sealed record Measured(double CpuUs, double PerSecond, double AllocatedBytes);
}
