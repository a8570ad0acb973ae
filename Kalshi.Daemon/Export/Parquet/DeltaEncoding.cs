using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>
/// DELTA_BINARY_PACKED, for stamps, seqs and lengths.
/// </summary>
/// <remarks>
/// <code>
/// header     = varint(128) varint(4) varint(count) zigzag(first value)
/// block      = zigzag(smallest difference) width[4] miniblock[4]        128 differences
/// miniblock  = 32 × (difference − smallest), `width` bits each, least significant bit first
/// </code>
/// Miniblocks behind the last value have width 0 and no bytes; a block without differences does not exist.
/// </remarks>
internal static class DeltaEncoding
{
    private const int BlockCount = 128;
    private const int MiniblockCount = 32;

    /// <summary>A block's head (10 + 4 bytes) and its miniblocks at 64 bits.</summary>
    private const int BlockBytesMax = 14 + (BlockCount * 8);

    /// <summary>Appends the whole stream. `isInt32`: differences wrap at 32 bits, as readers of INT32 columns expect.</summary>
    public static void Write(ByteBuffer output, ReadOnlySpan<long> values, bool isInt32)
    {
        output.AppendVarint(BlockCount);
        output.AppendVarint(BlockCount / MiniblockCount);
        output.AppendVarint((ulong)values.Length);
        output.AppendZigzag(values.Length == 0 ? 0 : values[0]);
        Span<ulong> differences = stackalloc ulong[BlockCount];
        for (var at = 1; at < values.Length; at += BlockCount)
        {
            var count = Math.Min(BlockCount, values.Length - at);
            WriteBlock(output, values.Slice(at - 1, count + 1), differences, isInt32);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void WriteBlock(ByteBuffer output, ReadOnlySpan<long> values, Span<ulong> differences, bool isInt32)
    {
        var count = values.Length - 1;
        var smallest = long.MaxValue;
        for (var i = 0; i < count; i++)
        {
            var difference = unchecked(values[i + 1] - values[i]);
            difference = isInt32 ? (int)difference : difference;
            differences[i] = (ulong)difference;
            smallest = Math.Min(smallest, difference);
        }

        output.AppendZigzag(smallest);
        var target = output.Reserve(BlockBytesMax);
        var written = BlockCount / MiniblockCount;
        target[..written].Clear();
        for (var from = 0; from < count; from += MiniblockCount)
        {
            var miniblock = differences.Slice(from, MiniblockCount);
            var present = Math.Min(MiniblockCount, count - from);
            ulong all = 0;
            for (var i = 0; i < present; i++)
            {
                var value = unchecked(miniblock[i] - (ulong)smallest);
                value = isInt32 ? (uint)value : value;
                miniblock[i] = value;
                all |= value;
            }

            miniblock[present..].Clear();
            var width = ByteAligned.Width(64 - BitOperations.LeadingZeroCount(all));
            target[from / MiniblockCount] = (byte)width;
            written += Pack(miniblock, width, target[written..]);
        }

        output.Advance(written);
    }

    /// <summary>32 values of `width` bits each; returns the bytes written, 4 × width.</summary>
    private static int Pack(ReadOnlySpan<ulong> values, int width, Span<byte> target)
    {
        ulong pending = 0;
        var bits = 0;
        var at = 0;
        foreach (var value in values)
        {
            pending |= value << bits;
            bits += width;
            if (bits < 64)
            {
                continue;
            }

            BinaryPrimitives.WriteUInt64LittleEndian(target[at..], pending);
            at += 8;
            bits -= 64;
            pending = bits == 0 ? 0 : value >> (width - bits);
        }

        if (bits > 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(target[at..], (uint)pending);
            at += 4;
        }

        return at;
    }
}
