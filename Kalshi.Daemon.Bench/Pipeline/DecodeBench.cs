using System.Globalization;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Bench.Pipeline;

/// <summary>
/// How fast real frames are read, against the two obvious ways to do it in .NET.
/// <code>
/// recordings ─▶ one array in memory ─┬─▶ FrameHeadReader   targeted scan │ token walk │ Utf8JsonReader      head only
///                                    └─▶ FrameDecoder      scan │ fields │ JsonDocument │ JsonSerializer    every field
/// </code>
/// Every reader must arrive at the same checksum over the same fields before a number is printed. Rounds are interleaved, medians
/// reported; time is the process's CPU time, collections included, so that other work on the machine disturbs it little.
/// </summary>
internal static class DecodeBench
{
    private const int Rounds = 7;

    /// <summary>Returns an exit code: 0, or 1 when the readers disagree.</summary>
    public static int Run(string recordingsDirectory)
    {
        var frames = Directory.Exists(recordingsDirectory) ? Frames.Load(recordingsDirectory) : new Frames();
        if (frames.Count == 0)
        {
            Console.Error.WriteLine($"No recordings (*.ndjson.gz) in {recordingsDirectory}.");
            return 1;
        }

        Console.WriteLine($"{frames.Count:N0} real frames, {frames.Bytes.Length / 1e6:N1} MB, {Rounds} interleaved rounds, medians of CPU time, "
            + (RuntimeFeature.IsDynamicCodeSupported ? "JIT" : "native AOT"));
        Reader[] heads = [new("targeted scan", HeadByScan), new("token walk", HeadByWalk), new("Utf8JsonReader", Rivals.Head)];
        Reader[] wholes =
        [
            new("FrameDecoder", ByScan),
            new("general reader", ByFields),
            new("JsonDocument", Rivals.Document),
            new("JsonSerializer", Rivals.Serializer),
        ];
        return Compare(frames, "head (type, sid, seq, id)", heads) && Compare(frames, "every field", wholes) ? 0 : 1;
    }

    private static bool Compare(Frames frames, string title, Reader[] readers)
    {
        Console.WriteLine();
        var first = 0L;
        foreach (var reader in readers)
        {
            var sum = reader.Read(frames);
            first = reader == readers[0] ? sum : first;
            if (sum != first)
            {
                Console.Error.WriteLine($"{title}: {reader.Name} reads something else than {readers[0].Name} ({sum:x16}, not {first:x16}).");
                return false;
            }
        }

        for (var round = 0; round < Rounds; round++)
        {
            foreach (var reader in readers)
            {
                reader.Measure(frames, first);
            }
        }

        Console.WriteLine($"{title,-28}{"ns/message",12}{"M messages/s",14}{"MB/s",10}{"bytes allocated",17}{"time",10}");
        foreach (var reader in readers)
        {
            var seconds = reader.MedianSeconds;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {reader.Name,-26}{seconds * 1e9 / frames.Count,12:F1}{frames.Count / seconds / 1e6,14:F2}{frames.Bytes.Length / seconds / 1e6,10:F0}"
                + $"{(double)reader.Allocated / frames.Count,17:F0}{seconds / readers[0].MedianSeconds,9:F2}x"));
        }

        return true;
    }

    private static long HeadByScan(Frames frames)
    {
        var sum = 0L;
        for (var i = 0; i < frames.Count; i++)
        {
            var head = FrameHeadReader.Read(frames[i]);
            sum = Checksum.Head(sum, (int)head.Type, head.Sid, head.Seq, head.Id);
        }

        return sum;
    }

    private static long HeadByWalk(Frames frames)
    {
        var sum = 0L;
        for (var i = 0; i < frames.Count; i++)
        {
            var head = FrameHeadReader.ReadByWalk(frames[i]);
            sum = Checksum.Head(sum, (int)head.Type, head.Sid, head.Seq, head.Id);
        }

        return sum;
    }

    private static long ByScan(Frames frames)
    {
        var decoder = new FrameDecoder();
        var sum = 0L;
        for (var i = 0; i < frames.Count; i++)
        {
            sum = decoder.Decode(frames[i], useYesPrice: false) == DecodeVerdict.Decoded ? Checksum.Message(sum, decoder.Message) : -1;
        }

        return sum;
    }

    private static long ByFields(Frames frames)
    {
        var decoder = new FrameDecoder();
        var sum = 0L;
        for (var i = 0; i < frames.Count; i++)
        {
            sum = decoder.DecodeByFields(frames[i], useYesPrice: false) == DecodeVerdict.Decoded ? Checksum.Message(sum, decoder.Message) : -1;
        }

        return sum;
    }

    /// <summary>One way to read all frames, with its times.</summary>
    private sealed record Reader(string Name, Func<Frames, long> Read)
    {
        private readonly List<double> _seconds = [];

        public long Allocated { get; private set; }

        public double MedianSeconds => _seconds.Order().ElementAt(_seconds.Count / 2);

        public void Measure(Frames frames, long expected)
        {
            GC.Collect();
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            var start = Environment.CpuUsage.TotalTime;
            var sum = Read(frames);
            _seconds.Add((Environment.CpuUsage.TotalTime - start).TotalSeconds);
            Allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            if (sum != expected)
            {
                throw new InvalidOperationException($"{Name}: the checksum changed between rounds.");
            }
        }
    }

    /// <summary>All frames in one array, as they would stand in a journal block.</summary>
    internal sealed class Frames
    {
        private readonly List<(int Start, int Length)> _places = [];

        public byte[] Bytes { get; private init; } = [];

        public int Count => _places.Count;

        public ReadOnlySpan<byte> this[int index] => Bytes.AsSpan(_places[index].Start, _places[index].Length);

        public ReadOnlyMemory<byte> Memory(int index) => Bytes.AsMemory(_places[index].Start, _places[index].Length);

        public static Frames Load(string directory)
        {
            var bytes = new MemoryStream();
            var places = new List<(int, int)>();
            foreach (var path in Directory.EnumerateFiles(directory, "*.ndjson.gz").Order(StringComparer.Ordinal))
            {
                using var text = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
                while (text.ReadLine() is { } line)
                {
                    // {"recv_ms":1785901540025,"event":{ the frame }}
                    var start = line.IndexOf("\"event\":", StringComparison.Ordinal) + 8;
                    var frame = System.Text.Encoding.UTF8.GetBytes(line[start..^1]);
                    places.Add(((int)bytes.Length, frame.Length));
                    bytes.Write(frame);
                }
            }

            var frames = new Frames { Bytes = bytes.ToArray() };
            frames._places.AddRange(places);
            return frames;
        }
    }
}
