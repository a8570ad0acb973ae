using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Verify;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Verify;

/// <summary>Real production markets, each file a session of its own, seq renumbered per sid because a file is one market of many.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed partial class RecordingsTest
{
    [Test]
    public void Every_recorded_book_folds_without_a_negative_level_and_snapshots_match()
    {
        var directory = Path.Combine(Repository.Root, "..", "shared", "kalshi", "recordings");
        if (!Directory.Exists(directory))
        {
            Assert.Ignore("The recordings are not here.");
        }

        var records = new List<(int Session, byte[] Bytes)>();
        foreach (var (path, index) in Directory.EnumerateFiles(directory, "*.ndjson.gz").Order().Select((path, index) => (path, index)))
        {
            records.AddRange(Frames(path).Select(frame => (index + 1, frame)));
        }

        Assert.That(records, Has.Count.EqualTo(243_717));
        var clock = new Stopwatch();
        var report = Verification.Run("recordings", audit => Feed(records, new AuditSink(audit), clock), null);
        Assert.That(report.IsSound, report.ToString());
        Assert.That(report.Audit.Markets, Has.Count.EqualTo(6));
        Assert.That(report.Audit.RejectedFrames + report.Audit.UnknownFrames, Is.Zero);
        Assert.That(report.Audit.Deltas + report.Audit.Snapshots + report.Audit.StreamTrades, Is.EqualTo(records.Count));
        TestContext.Out.WriteLine($"{records.Count / clock.Elapsed.TotalSeconds:N0} frames/s replayed and audited");
    }

    [Test, Explicit("a measurement")]
    public void Replay_speed()
    {
        var records = Directory.EnumerateFiles(Path.Combine(Repository.Root, "..", "shared", "kalshi", "recordings"), "*.ndjson.gz").Order()
            .SelectMany((path, index) => Frames(path).Select(frame => (index + 1, frame))).ToList();
        for (var round = 0; round < 8; round++)
        {
            var (decode, replayed, audited) = (new Stopwatch(), new Stopwatch(), new Stopwatch());
            var decoder = new Kalshi.Daemon.Exchange.Protocol.FrameDecoder();
            decode.Start();
            foreach (var (_, bytes) in records)
            {
                decoder.Decode(bytes, false);
            }

            decode.Stop();
            Feed(records, new NoSink(), replayed);
            Feed(records, new AuditSink(new Audit(keepChanges: false)), audited);
            TestContext.Out.WriteLine($"decode {records.Count / decode.Elapsed.TotalSeconds:N0}, replay {records.Count / replayed.Elapsed.TotalSeconds:N0}, audit {records.Count / audited.Elapsed.TotalSeconds:N0} frames/s");
        }
    }

    private sealed class NoSink : IReplaySink
    {
        public void OnRow(in RowOrigin origin, Kalshi.Daemon.Exchange.Protocol.Message message, ReadOnlySpan<byte> frame)
        {
        }

        public void OnBackfilledTrade(in RowOrigin origin, Kalshi.Daemon.Exchange.Protocol.Message message)
        {
        }

        public void OnRejected(in RowOrigin origin, Kalshi.Daemon.Exchange.Protocol.Message message, string reason, ReadOnlySpan<byte> frame)
        {
        }

        public void OnUnknown(in RowOrigin origin, ReadOnlySpan<byte> frame)
        {
        }

        public void OnEpoch(Epoch epoch)
        {
        }

        public void OnCoverage(in Coverage coverage)
        {
        }

        public void OnRestPage(long receivedAt, RestPage page, ReadOnlySpan<byte> body)
        {
        }
    }

    private static void Feed(List<(int Session, byte[] Bytes)> records, IReplaySink sink, Stopwatch clock)
    {
        var replay = new Replay(sink);
        var at = 1L;
        for (var session = 1; session <= records.Max(record => record.Session); session++)
        {
            replay.Feed(new JournalRecord(++at, session, RecordKind.Command, """{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["x"],"use_yes_price":false}}"""u8));
        }

        clock.Start();
        foreach (var (session, bytes) in records)
        {
            replay.Feed(new JournalRecord(++at, session, RecordKind.Frame, bytes));
        }

        clock.Stop();
        replay.Finish();
    }

    /// <summary>The frames of a recording, numbered from 1 on each sid.</summary>
    public static IEnumerable<byte[]> Frames(string path)
    {
        using var lines = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        var next = new Dictionary<string, long>();
        while (lines.ReadLine() is { } line)
        {
            var start = line.IndexOf("\"event\":", StringComparison.Ordinal) + 8;
            var frame = line[start..line.LastIndexOf('}')];
            var sid = Sid().Match(frame).Groups[1].Value;
            next[sid] = next.GetValueOrDefault(sid) + 1;
            yield return Encoding.UTF8.GetBytes(Seq().Replace(frame, $"\"seq\":{next[sid]}", 1));
        }
    }

    [GeneratedRegex("\"sid\":\\s*(\\d+)")]
    private static partial Regex Sid();

    [GeneratedRegex("\"seq\":\\s*\\d+")]
    private static partial Regex Seq();
}
