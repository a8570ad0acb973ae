using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Compression;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kalshi.Daemon.Bench.Storage;

/// <summary>
/// What the journal costs: records → Append → Flush (a block a turn) → JournalReader → SegmentCompressor → JournalReader. Every
/// number is printed only after what was read equals what was written.
/// </summary>
internal static class JournalBench
{
    private const int RecordBytes = 265;
    private const int RecordsPerTurn = 500;
    private const long SegmentBytes = 256L << 20;

    /// <summary>`recordings`: a folder of recorded frames (.ndjson.gz) to measure compression on; null leaves that part out.</summary>
    public static int Run(long records, string? recordings)
    {
        var directory = Path.Combine(Path.GetTempPath(), $"kalshid-bench-{Environment.ProcessId}");
        try
        {
            MeasureCrc();
            MeasureSynthetic(Path.Combine(directory, "synthetic", "journal"), records);
            if (recordings is not null && Directory.Exists(recordings))
            {
                MeasureRecordings(Path.Combine(directory, "recordings"), recordings);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }

        return 0;
    }

    private static void MeasureCrc()
    {
        var bytes = new byte[512 << 10];
        new Random(1).NextBytes(bytes);
        uint sum = 0;
        foreach (var count in (ReadOnlySpan<int>)[320, 8 << 10, 512 << 10])
        {
            var turns = (int)((2L << 30) / count);
            var clock = Stopwatch.StartNew();
            for (var i = 0; i < turns; i++)
            {
                sum ^= Crc32C.Of(bytes.AsSpan(0, count));
            }

            Console.WriteLine($"crc32c of {count,7} bytes        {(double)turns * count / clock.Elapsed.TotalSeconds / 1e9,8:F1} GB/s   ({sum & 1})");
        }
    }

    private static void MeasureSynthetic(string directory, long records)
    {
        var frame = new byte[RecordBytes];
        new Random(1).NextBytes(frame);
        var settings = new JournalSettings(directory, SegmentBytes, 50, 4 << 20);
        TimeSpan append = default;
        TimeSpan flush = default;
        long bytes;
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        var wall = Stopwatch.StartNew();
        using (var writer = JournalWriter.Open(settings, NullLogger.Instance))
        {
            allocated = GC.GetAllocatedBytesForCurrentThread();
            for (long i = 0; i < records; i += RecordsPerTurn)
            {
                var now = Micros.Now();
                var start = Stopwatch.GetTimestamp();
                for (var j = 0; j < RecordsPerTurn; j++)
                {
                    BinaryPrimitives.WriteInt64LittleEndian(frame, i + j);
                    writer.Append(now, 1, RecordKind.Frame, frame);
                }

                var middle = Stopwatch.GetTimestamp();
                writer.Flush();
                append += Stopwatch.GetElapsedTime(start, middle);
                flush += Stopwatch.GetElapsedTime(middle);
            }

            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            bytes = writer.WrittenBytes;
        }

        var cpuSpent = Process.GetCurrentProcess().TotalProcessorTime - cpu;
        Console.WriteLine($"append                       {append.TotalNanoseconds / records,8:F1} ns a record of {RecordBytes} bytes");
        Console.WriteLine($"append + flush               {(append + flush).TotalNanoseconds / records,8:F1} ns a record, {bytes / (append + flush).TotalSeconds / 1e6,8:F0} MB/s, {allocated} bytes allocated over {records} records");
        Console.WriteLine($"… + sync, close              {wall.Elapsed.TotalNanoseconds / records,8:F1} ns a record wall, {cpuSpent.TotalNanoseconds / records,8:F1} ns CPU");
        MeasureRead("read .kj", directory, records, bytes);
        MeasureSeek(directory);
    }

    private static void MeasureRead(string what, string directory, long expected, long bytes)
    {
        var clock = Stopwatch.StartNew();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        using var reader = new JournalReader(directory);
        long records = 0;
        long previous = 0;
        while (reader.TryRead(out var record))
        {
            Check(record.ReceivedAt > previous, "stamps rise");
            previous = record.ReceivedAt;
            records++;
        }

        var seconds = clock.Elapsed.TotalSeconds;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Check(records == expected && reader.Damages.Count == 0, $"{records} of {expected} records read back, {reader.Damages.Count} damages");
        Console.WriteLine($"{what,-28} {seconds * 1e9 / records,8:F1} ns a record, {bytes / seconds / 1e6,8:F0} MB/s, {records / seconds / 1e6:F1}M records/s, {allocated} bytes allocated");
    }

    private static void MeasureSeek(string directory)
    {
        var last = JournalInspection.Run(directory).Segments[^1].Scan.LastAt;
        var clock = Stopwatch.StartNew();
        using var reader = new JournalReader(directory, last - 1);
        Check(reader.TryRead(out var record) && record.ReceivedAt == last, "seek finds the last record");
        Console.WriteLine($"seek to the last record      {clock.Elapsed.TotalMicroseconds,8:F0} µs");
    }

    private static void MeasureRecordings(string root, string recordings)
    {
        var frames = new List<byte[]>();
        foreach (var path in Directory.GetFiles(recordings, "*.ndjson.gz").Order())
        {
            using var lines = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
            while (lines.ReadLine() is { } line)
            {
                var start = line.IndexOf("\"event\":", StringComparison.Ordinal) + 8;
                frames.Add(System.Text.Encoding.UTF8.GetBytes(line[start..^1]));
            }
        }

        foreach (var level in (ReadOnlySpan<int>)[1, 3, 6, 9])
        {
            var directory = Path.Combine(root, $"level-{level}", "journal");
            long bytes;
            using (var writer = JournalWriter.Open(new JournalSettings(directory, SegmentBytes, 50, 4 << 20), NullLogger.Instance))
            {
                for (var i = 0; i < frames.Count; i++)
                {
                    writer.Append(1_790_000_000_000_000 + (i * 470L), 1, RecordKind.Frame, frames[i]);
                    if (i % 5 == 0)
                    {
                        writer.Flush(); // Blocks as small as at a few thousand messages a second.
                    }
                }

                writer.Flush();
                bytes = writer.WrittenBytes;
            }

            using (var writer = JournalWriter.Open(new JournalSettings(directory, SegmentBytes, 50, 4 << 20), NullLogger.Instance))
            {
                writer.Append(0, 0, RecordKind.ProcessStarted, "{}"u8);
            }

            using var compressor = new SegmentCompressor(directory, NullLogger.Instance, level);
            var clock = Stopwatch.StartNew();
            Check(compressor.CompressSealed(() => false) == 1, "one segment compressed");
            var seconds = clock.Elapsed.TotalSeconds;
            var packed = new FileInfo(Directory.GetFiles(directory, "*.kjz")[0]).Length;
            Console.WriteLine($"compress level {level}: {frames.Count} real frames, {bytes} → {packed} bytes = {(double)bytes / packed:F1}:1, {bytes / seconds / 1e6:F0} MB/s with reading back");
            MeasureRead("read .kjz", directory, frames.Count + 1, bytes);
        }
    }

    private static void Check(bool isTrue, string what)
    {
        if (!isTrue)
        {
            throw new InvalidOperationException($"The bench does not hold: {what}.");
        }
    }
}
