using System.Buffers.Binary;
using System.Diagnostics;
using Kalshi.Daemon.Journal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kalshi.Daemon.Bench.Fuzz;

/// <summary>
/// Segments of mutated and random bytes through everything that reads them, in memory. For every input: no exception, no more
/// allocated than the limits allow, stamps strictly rising, damage inside the file. Half of the mutants get their checksums
/// mended, so that the code behind the checksums is reached too. Where only blocks were damaged and not mended, every record
/// that comes out must be one that went in.
/// </summary>
internal static class JournalFuzz
{
    private const int ReaderBytesMax = 1 << 20;
    private const int MutationsMax = 6;
    private const int WindowBytes = 4_096;

    /// <summary>Prints what it did. Returns 0, or 1 after naming the seed and the number of the input that failed.</summary>
    public static int Run(long inputs, ulong seed)
    {
        var clock = Stopwatch.StartNew();
        var originals = Originals();
        var tally = new Tally();
        var buffer = new byte[1 << 17];
        for (long i = 0; i < inputs; i++)
        {
            var random = new SplitMix(seed + (ulong)i);
            try
            {
                RunOne(ref random, originals, buffer, tally);
            }
            catch (Exception e)
            {
                Console.WriteLine($"journal fuzz: input {i} of seed {seed} failed (replay: inputs 1, seed {seed + (ulong)i}): {e}");
                return 1;
            }
        }

        var perMinute = inputs / clock.Elapsed.TotalMinutes;
        Console.WriteLine($"journal fuzz: {inputs} inputs, seed {seed}, {perMinute / 1e6:F1}M a minute; {tally.Records} records and {tally.Skipped} damaged ranges read, {tally.Untouched} records proven unaltered.");
        return 0;
    }

    private static void RunOne(ref SplitMix random, Original[] originals, byte[] buffer, Tally tally)
    {
        var original = originals[random.Below(originals.Length)];
        var length = original.Bytes.Length;
        original.Bytes.CopyTo(buffer, 0);
        var isMended = false;
        if (random.Below(20) == 0)
        {
            length = random.Below(2_000);
            random.Fill(buffer.AsSpan(0, length));
            isMended = true; // Not a mutant of anything: nothing to compare with.
        }
        else
        {
            length = Mutate(ref random, buffer, length);
            isMended = random.Below(2) == 0;
            if (isMended)
            {
                Mend(buffer.AsSpan(0, length), original.IsCompressed);
            }
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread();
        Read(buffer, length, original, isMended, isSealed: random.Below(2) == 0, after: random.Below(4) == 0 ? original.StampAt(random.Below(1_000)) : 0, tally);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        var chunkBytesMax = isMended && original.IsCompressed ? 2L * SegmentFormat.ChunkSplitMax : 0;
        Check(allocated < ReaderBytesMax + (4L * length) + chunkBytesMax, $"{allocated} bytes allocated for an input of {length}");
    }

    private static void Read(byte[] bytes, int length, Original original, bool isMended, bool isSealed, long after, Tally tally)
    {
        using var reader = new SegmentReader(new MemorySource(bytes, length), "fuzz", original.IsCompressed, after, WindowBytes);
        long previousAt = 0;
        long previousTo = 0;
        for (var steps = 0; reader.Step(isSealed) is var step && step != SegmentStep.End; steps++)
        {
            Check(steps <= length, "more steps than bytes");
            if (step == SegmentStep.Skipped)
            {
                var (from, to, _) = reader.Skipped;
                Check(from >= 0 && from < to && to <= length && from >= previousTo, $"damage {from} to {to} of {length}, after {previousTo}");
                previousTo = to;
                tally.Skipped++;
                continue;
            }

            Check(reader.Block.FirstAt > previousAt, "blocks rise");
            previousAt = reader.Block.LastAt;
            ReadRecords(reader, original, isMended, tally);
        }
    }

    private static void ReadRecords(SegmentReader reader, Original original, bool isMended, Tally tally)
    {
        var records = reader.Buffer.AsSpan(reader.RecordsStart, reader.RecordsEnd - reader.RecordsStart);
        while (records.Length >= SegmentFormat.RecordHeaderBytes)
        {
            var payload = BinaryPrimitives.ReadInt32LittleEndian(records[12..]);
            if ((uint)payload > (uint)(records.Length - SegmentFormat.RecordHeaderBytes))
            {
                Check(isMended, "a block with a true checksum holds no whole records");
                return;
            }

            var record = records[..(SegmentFormat.RecordHeaderBytes + payload)];
            tally.Records++;
            if (!isMended)
            {
                Check(original.Holds(record), "a record that never was");
                tally.Untouched++;
            }

            records = records[record.Length..];
        }
    }

    /// <summary>Flips, writes over, cuts out, doubles, moves and zeroes. Returns the new length.</summary>
    private static int Mutate(ref SplitMix random, byte[] buffer, int length)
    {
        for (var i = random.Below(MutationsMax); i >= 0 && length > 0; i--)
        {
            var at = random.Below(length);
            var count = Math.Min(1 + random.Below(random.Below(8) == 0 ? 4_000 : 12), length - at);
            switch (random.Below(8))
            {
                case 0:
                    buffer[at] ^= (byte)(1 << random.Below(8));
                    break;
                case 1:
                    random.Fill(buffer.AsSpan(at, count));
                    break;
                case 2:
                    length = at;
                    break;
                case 3:
                    buffer.AsSpan(at, count).Clear();
                    break;
                case 4:
                    buffer.AsSpan(at + count, length - at - count).CopyTo(buffer.AsSpan(at));
                    length -= count;
                    break;
                case 5 when length + count <= buffer.Length:
                    buffer.AsSpan(at, length - at).CopyTo(buffer.AsSpan(at + count));
                    length += count;
                    break;
                case 6 when at + 4 <= length:
                    // A number where a number may stand: the ends of ranges are where readers fail.
                    BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(at), Interesting(ref random));
                    break;
                case 7 when at + 4 <= length:
                    BinaryPrimitives.WriteUInt32LittleEndian(buffer.AsSpan(at), random.Below(2) == 0 ? SegmentFormat.Block.Magic : SegmentFormat.Chunk.Magic);
                    break;
            }
        }

        return length;
    }

    private static int Interesting(ref SplitMix random) => random.Below(8) switch
    {
        0 => 0,
        1 => -1,
        2 => int.MaxValue,
        3 => int.MinValue,
        4 => SegmentFormat.BlockPayloadMax,
        5 => SegmentFormat.RecordBytesMax + random.Below(3) - 1,
        6 => random.Below(64),
        _ => random.Below(1 << 24),
    };

    /// <summary>Makes the checksums true again wherever the bytes still look like an envelope or a header.</summary>
    private static void Mend(Span<byte> bytes, bool isCompressed)
    {
        var kind = isCompressed ? SegmentFormat.Chunk : SegmentFormat.Block;
        if (bytes.Length >= SegmentFormat.HeaderBytes)
        {
            var header = bytes[..SegmentFormat.HeaderBytes];
            BinaryPrimitives.WriteUInt32LittleEndian(header[^4..], Crc32C.Of(header[..^4]));
        }

        Span<byte> magic = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(magic, kind.Magic);
        for (var at = bytes.IndexOf(magic); at >= 0;)
        {
            var rest = bytes[at..];
            if (Envelope.TryRead(rest, kind, out var envelope) && envelope.Length <= rest.Length - kind.HeaderBytes)
            {
                var whole = rest[..(kind.HeaderBytes + envelope.Length)];
                BinaryPrimitives.WriteUInt32LittleEndian(whole[4..], Crc32C.Of(whole[8..]));
            }

            var next = bytes[(at + 1)..].IndexOf(magic);
            at = next < 0 ? -1 : at + 1 + next;
        }
    }

    /// <summary>Valid segments of several shapes, raw and compressed, made by the writer and the compressor themselves.</summary>
    private static Original[] Originals()
    {
        var random = new SplitMix(1);
        var directory = Path.Combine(Path.GetTempPath(), $"kalshid-fuzz-{Environment.ProcessId}", "journal");
        try
        {
            for (var segment = 0; segment < 8; segment++)
            {
                using var writer = JournalWriter.Open(new JournalSettings(directory, 1 << 20, 50, 1 << 20), NullLogger.Instance);
                WriteSegment(ref random, writer, records: 1 + random.Below(40), payloadMax: segment == 7 ? 9_000 : 120);
            }

            var originals = Directory.GetFiles(directory, "*.kj").Order().Select(Original.Load).ToList();
            using var compressor = new SegmentCompressor(directory, NullLogger.Instance);
            compressor.CompressSealed(() => false);
            originals.AddRange(Directory.GetFiles(directory, "*.kjz").Order().Select(Original.Load));
            return [.. originals];
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(directory)!, recursive: true);
        }
    }

    private static void WriteSegment(ref SplitMix random, JournalWriter writer, int records, int payloadMax)
    {
        Span<byte> payload = new byte[payloadMax];
        for (var i = 0; i < records; i++)
        {
            random.Fill(payload);
            writer.Append(1_790_000_000_000_000 + random.Below(50), random.Below(9), (RecordKind)(1 + random.Below(8)), payload[..random.Below(payloadMax)]);
            if (random.Below(3) == 0)
            {
                writer.Flush();
            }
        }
    }

    private static void Check(bool isTrue, string what)
    {
        if (!isTrue)
        {
            throw new InvalidOperationException(what);
        }
    }

    /// <summary>A valid segment and the records in it, by stamp.</summary>
    private sealed record Original(byte[] Bytes, bool IsCompressed, Dictionary<long, byte[]> Records, long[] Stamps)
    {
        public static Original Load(string path)
        {
            var records = new Dictionary<long, byte[]>();
            var bytes = File.ReadAllBytes(path);
            var isCompressed = path.EndsWith(SegmentName.CompressedExtension, StringComparison.Ordinal);
            using var reader = new SegmentReader(new MemorySource(bytes, bytes.Length), path, isCompressed);
            while (reader.Step(isSealed: true) == SegmentStep.Block)
            {
                for (var rest = reader.Buffer.AsSpan(reader.RecordsStart, reader.RecordsEnd - reader.RecordsStart); !rest.IsEmpty;)
                {
                    var record = rest[..(SegmentFormat.RecordHeaderBytes + BinaryPrimitives.ReadInt32LittleEndian(rest[12..]))];
                    records.Add(BinaryPrimitives.ReadInt64LittleEndian(record), record.ToArray());
                    rest = rest[record.Length..];
                }
            }

            return new Original(bytes, isCompressed, records, [.. records.Keys.Order()]);
        }

        public bool Holds(ReadOnlySpan<byte> record) =>
            Records.TryGetValue(BinaryPrimitives.ReadInt64LittleEndian(record), out var known) && record.SequenceEqual(known);

        public long StampAt(int index) => Stamps[index % Stamps.Length];
    }

    private sealed class Tally
    {
        public long Records;
        public long Untouched;
        public long Skipped;
    }

    /// <summary>SplitMix64: every input has its own generator, so any one can be replayed alone.</summary>
    private struct SplitMix(ulong state)
    {
        private ulong _state = state;

        public ulong Next()
        {
            var z = _state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }

        public int Below(int limit) => (int)(Next() % (ulong)limit);

        public void Fill(Span<byte> bytes)
        {
            for (; bytes.Length >= 8; bytes = bytes[8..])
            {
                BinaryPrimitives.WriteUInt64LittleEndian(bytes, Next());
            }

            foreach (ref var value in bytes)
            {
                value = (byte)Next();
            }
        }
    }
}
