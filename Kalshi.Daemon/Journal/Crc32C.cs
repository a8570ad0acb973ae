using System.Buffers.Binary;
using System.Numerics;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// CRC-32C (Castagnoli, reflected 0x82F63B78, as in iSCSI and ext4). The CPU's instruction takes eight bytes a cycle but answers
/// three cycles later, so three streams run interleaved and are joined by a table that advances a CRC over a known
/// number of zero bytes. Without the instruction <see cref="BitOperations"/> falls back to software. Pure, thread-safe.
/// </summary>
internal static class Crc32C
{
    private const int LongBytes = 4_096;
    private const int ShortBytes = 256;

    private static readonly uint[] OverLong = ZerosTable(LongBytes);
    private static readonly uint[] OverShort = ZerosTable(ShortBytes);

    public static uint Of(ReadOnlySpan<byte> bytes) => ~Advance(uint.MaxValue, bytes);

    private static uint Advance(uint crc, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= 3 * LongBytes)
        {
            crc = AdvanceThree(crc, bytes, LongBytes, OverLong);
            bytes = bytes[(3 * LongBytes)..];
        }

        while (bytes.Length >= 3 * ShortBytes)
        {
            crc = AdvanceThree(crc, bytes, ShortBytes, OverShort);
            bytes = bytes[(3 * ShortBytes)..];
        }

        while (bytes.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }

        foreach (var value in bytes)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return crc;
    }

    private static uint AdvanceThree(uint crc, ReadOnlySpan<byte> bytes, int stride, uint[] overStride)
    {
        var first = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(bytes[..stride]);
        var second = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(bytes.Slice(stride, stride))[..first.Length];
        var third = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(bytes.Slice(2 * stride, stride))[..first.Length];
        uint b = 0;
        uint c = 0;
        for (var i = 0; i < first.Length; i++)
        {
            crc = BitOperations.Crc32C(crc, first[i]);
            b = BitOperations.Crc32C(b, second[i]);
            c = BitOperations.Crc32C(c, third[i]);
        }

        return Over(overStride, Over(overStride, crc) ^ b) ^ c;
    }

    private static uint Over(uint[] table, uint crc) =>
        table[crc & 0xFF] ^ table[256 + ((crc >> 8) & 0xFF)] ^ table[512 + ((crc >> 16) & 0xFF)] ^ table[768 + (crc >> 24)];

    /// <summary>Four tables of 256: what each byte of a CRC becomes after `count` zero bytes. Linear, so 32 single bits tell all.</summary>
    private static uint[] ZerosTable(int count)
    {
        Span<uint> bit = stackalloc uint[32];
        for (var i = 0; i < 32; i++)
        {
            var crc = 1u << i;
            for (var n = 0; n < count; n += 8)
            {
                crc = BitOperations.Crc32C(crc, 0UL);
            }

            bit[i] = crc;
        }

        var table = new uint[4 * 256];
        for (var i = 0; i < table.Length; i++)
        {
            for (var b = 0; b < 8; b++)
            {
                table[i] ^= (i >> b & 1) != 0 ? bit[(8 * (i >> 8)) + b] : 0;
            }
        }

        return table;
    }
}
