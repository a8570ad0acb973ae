using System.Runtime.CompilerServices;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>The RLE / bit-packing hybrid, for dictionary codes and for repetition and definition levels.</summary>
/// <remarks>
/// <code>
/// run    = varint(count &lt;&lt; 1) value, in whole bytes
/// packed = varint(groups &lt;&lt; 1 | 1), then 8 × groups values of `width` bits, least significant bit first
/// </code>
/// </remarks>
internal static class HybridEncoding
{
    /// <summary>A shorter run costs more as a run than inside a packed group.</summary>
    private const int RunCountMin = 8;

    /// <summary>Groups per packed header: keeps the header at one byte.</summary>
    private const int GroupsMax = 63;

    /// <summary>Appends all values; each must be below 2^width. Width 0 is allowed when every value is 0.</summary>
    public static void Write(ByteBuffer output, ReadOnlySpan<int> values, int width)
    {
        var packedFrom = 0;
        var at = 0;
        while (at < values.Length)
        {
            var run = RunLength(values[at..]);

            // A run may start only where the packed values before it fill whole groups of eight.
            var borrow = -(at - packedFrom) & 7;
            if (run - borrow >= RunCountMin)
            {
                at += borrow;
                WritePacked(output, values[packedFrom..at], width);
                WriteRun(output, values[at], run - borrow, width);
                at += run - borrow;
                packedFrom = at;
            }
            else
            {
                at += run;
            }
        }

        WritePacked(output, values[packedFrom..], width);
    }

    private static int RunLength(ReadOnlySpan<int> values)
    {
        var other = values[1..].IndexOfAnyExcept(values[0]);
        return other < 0 ? values.Length : other + 1;
    }

    private static void WriteRun(ByteBuffer output, int value, int count, int width)
    {
        output.AppendVarint((ulong)count << 1);
        for (var bits = 0; bits < width; bits += 8)
        {
            output.Append((byte)(value >> bits));
        }
    }

    /// <summary>The last group is filled up with zeros, which is allowed only at the end of the stream.</summary>
    private static void WritePacked(ByteBuffer output, ReadOnlySpan<int> values, int width)
    {
        while (values.Length > 0)
        {
            var groups = Math.Min(GroupsMax, (values.Length + 7) / 8);
            var count = Math.Min(values.Length, groups * 8);
            output.AppendVarint((ulong)(groups << 1) | 1);
            Pack(output, values[..count], groups * width, width);
            values = values[count..];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Pack(ByteBuffer output, ReadOnlySpan<int> values, int bytes, int width)
    {
        var target = output.Reserve(bytes)[..bytes];
        target.Clear();
        ulong pending = 0;
        var bits = 0;
        var at = 0;
        foreach (var value in values)
        {
            pending |= (ulong)(uint)value << bits;
            bits += width;
            while (bits >= 8)
            {
                target[at++] = (byte)pending;
                pending >>= 8;
                bits -= 8;
            }
        }

        if (bits > 0)
        {
            target[at] = (byte)pending;
        }

        output.Advance(bytes);
    }
}
