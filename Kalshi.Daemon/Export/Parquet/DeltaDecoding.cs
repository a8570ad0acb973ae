using System.Buffers.Binary;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>Reads what <see cref="DeltaEncoding"/> writes, with any block size.</summary>
internal static class DeltaDecoding
{
    private const int MiniblocksMax = 256;

    /// <summary>Fills `values` and returns the bytes used; throws <see cref="InvalidDataException"/> when the stream holds another number of values.</summary>
    public static int Read(ReadOnlySpan<byte> bytes, Span<long> values, bool isInt32)
    {
        var rest = bytes;
        var block = HybridDecoding.Varint(ref rest);
        var miniblocks = HybridDecoding.Varint(ref rest);
        var total = HybridDecoding.Varint(ref rest);
        var first = Zigzag(ref rest);
        if (miniblocks is 0 or > MiniblocksMax || block / miniblocks is 0 or > 1 << 20 || block / miniblocks % 32 != 0 || total != (ulong)values.Length)
        {
            throw Broken();
        }

        if (values.IsEmpty)
        {
            return bytes.Length - rest.Length;
        }

        values[0] = first;
        for (var at = 1; at < values.Length;)
        {
            var smallest = Zigzag(ref rest);
            var widths = Take(ref rest, (int)miniblocks);
            for (var i = 0; i < widths.Length && at < values.Length; i++)
            {
                var count = (int)(block / miniblocks);
                if (widths[i] > 64)
                {
                    throw Broken();
                }

                var packed = Take(ref rest, count / 8 * widths[i]);
                count = Math.Min(count, values.Length - at);
                Unpack(packed, values.Slice(at - 1, count + 1), widths[i], smallest, isInt32);
                at += count;
            }
        }

        return bytes.Length - rest.Length;
    }

    /// <summary>`values[0]` is the value before.</summary>
    private static void Unpack(ReadOnlySpan<byte> packed, Span<long> values, int width, long smallest, bool isInt32)
    {
        Span<byte> padded = stackalloc byte[16];
        for (var i = 1; i < values.Length; i++)
        {
            var bit = (long)(i - 1) * width;
            var at = (int)(bit >> 3);
            var available = Math.Min(16, packed.Length - at);
            padded.Clear();
            packed.Slice(at, available).CopyTo(padded);
            var low = BinaryPrimitives.ReadUInt128LittleEndian(padded) >> (int)(bit & 7);
            var difference = width == 64 ? (ulong)low : (ulong)low & ((1UL << width) - 1);
            var value = unchecked(values[i - 1] + smallest + (long)difference);
            values[i] = isInt32 ? (int)value : value;
        }
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, int count)
    {
        var taken = count <= bytes.Length ? bytes[..count] : throw Broken();
        bytes = bytes[count..];
        return taken;
    }

    private static long Zigzag(ref ReadOnlySpan<byte> bytes)
    {
        var value = HybridDecoding.Varint(ref bytes);
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    private static InvalidDataException Broken() => new("The Parquet file is damaged: a stream of differences ends early or late.");
}
