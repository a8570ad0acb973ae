using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// Values as the exchange usually writes them, read in place and in one pass. Each method stands at a value, moves `at` behind it
/// and answers false for every other spelling, right or wrong: the caller then asks the general reader. All reads are
/// bounds-checked. Thread-safe, allocates nothing.
/// </summary>
internal static class WireScan
{
    private const ulong Zeros = 0x3030_3030_3030_3030;

    /// <summary>Added to a digit's value it leaves the high bit clear; added to anything above 9 it sets it.</summary>
    private const ulong NotDigit = 0x7676_7676_7676_7676;
    private const ulong HighBits = 0x8080_8080_8080_8080;

    /// <summary>Eight bytes, the first lowest. The caller has seen to it that they are there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Read8(ReadOnlySpan<byte> frame, int at) => BinaryPrimitives.ReadUInt64LittleEndian(frame[at..]);

    /// <summary>Passes the mark if it comes next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryPass(ReadOnlySpan<byte> frame, ref int at, byte mark)
    {
        var isNext = (uint)at < (uint)frame.Length && frame[at] == mark;
        at += isNext ? 1 : 0;
        return isNext;
    }

    /// <summary>A whole number of up to 16 digits, as JSON writes it: no sign, no leading zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReadNumber(ReadOnlySpan<byte> frame, ref int at, out long number)
    {
        if (frame.Length - at < 16)
        {
            return TryReadLastNumber(frame, ref at, out number);
        }

        var first = Read8(frame, at) ^ Zeros;
        var count = LeadingDigits(first);
        number = (long)Digits8(first << (64 - (8 * count)));
        if (count < 8)
        {
            at += count;
            return count > 1 ? (first & 0xFF) != 0 : count == 1;
        }

        var second = Read8(frame, at + 8) ^ Zeros;
        count = LeadingDigits(second);
        number = (number * Powers[count]) + (count == 0 ? 0 : (long)Digits8(second << (64 - (8 * count))));
        at += 8 + count;
        return (first & 0xFF) != 0 && (count < 8 || !IsDigit(frame, at));
    }

    /// <summary>The same near the frame's end.</summary>
    private static bool TryReadLastNumber(ReadOnlySpan<byte> frame, ref int at, out long number)
    {
        number = 0;
        var start = at;
        while (IsDigit(frame, at) && at - start < 16)
        {
            number = (number * 10) + (frame[at++] - '0');
        }

        return at > start && (at - start == 1 || frame[start] != '0') && !IsDigit(frame, at);
    }

    private static bool IsDigit(ReadOnlySpan<byte> frame, int at) => (uint)at < (uint)frame.Length && (uint)(frame[at] - '0') <= 9;

    /// <summary>Text up to its quote, which is passed: printable ASCII without escapes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReadText(ReadOnlySpan<byte> frame, ref int at, out ReadOnlySpan<byte> text)
    {
        if (frame.Length - at >= Vector256<byte>.Count)
        {
            var chunk = Vector256.Create(frame.Slice(at, Vector256<byte>.Count));
            var stops = Vector256.Equals(chunk, Vector256.Create((byte)'"')) | Vector256.Equals(chunk, Vector256.Create((byte)'\\'))
                | Vector256.LessThan(chunk.AsSByte(), Vector256.Create((sbyte)0x20)).AsByte();
            var bits = stops.ExtractMostSignificantBits();
            if (bits != 0)
            {
                var length = BitOperations.TrailingZeroCount(bits);
                text = frame.Slice(at, length);
                at += length + 1;
                return frame[at - 1] == '"';
            }
        }

        return TryReadLongText(frame, ref at, out text);
    }

    private static bool TryReadLongText(ReadOnlySpan<byte> frame, ref int at, out ReadOnlySpan<byte> text)
    {
        var rest = frame[at..];
        var length = JsonTokens.PlainLength(rest);
        text = rest[..length];
        at += length + 1;
        return length < rest.Length && rest[length] == '"' && Ascii.IsValid(text);
    }

    /// <summary>`0.dddd"` or `1.0000"` in micro-dollars, the quote passed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReadPrice(ReadOnlySpan<byte> frame, ref int at, out int price)
    {
        price = 0;
        if (frame.Length - at < 8)
        {
            return false;
        }

        // Bytes: whole, '.', four decimals, '"'.
        var text = Read8(frame, at);
        var digits = (uint)(text >> 16) ^ 0x3030_3030;
        var whole = (uint)(text & 0xFF) - '0';
        if ((text & 0x00FF_0000_0000_FF00) != 0x0022_0000_0000_2E00 || (((digits + 0x7676_7676) | digits) & 0x8080_8080) != 0 || whole > 1)
        {
            return false;
        }

        var pairs = (digits * 10) + (digits >> 8);
        price = (int)((whole * 1_000_000) + ((pairs & 0xFF) * 10_000) + (((pairs >> 16) & 0xFF) * 100));
        at += 7;
        return price <= Decimals.MicroDollarsPerDollar;
    }

    /// <summary>`[-]d{1,15}[.d[d]]"` in hundredths, the quote passed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReadQuantity(ReadOnlySpan<byte> frame, ref int at, out long quantity)
    {
        quantity = 0;
        var isNegative = (uint)at < (uint)frame.Length && frame[at] == '-';
        var from = isNegative ? at + 1 : at;
        var next = from;
        while ((uint)next < (uint)frame.Length && (uint)(frame[next] - '0') <= 9)
        {
            quantity = (quantity * 10) + (frame[next++] - '0');
        }

        // 3 = point and two decimals; behind them the quote. Shorter spellings are rare enough for the general reader.
        if (next == from || next - from > 15 || frame.Length - next < 4 || frame[next] != '.' || frame[next + 3] != '"')
        {
            return false;
        }

        var tens = (uint)(frame[next + 1] - '0');
        var ones = (uint)(frame[next + 2] - '0');
        quantity = (quantity * 100) + (tens * 10) + ones;
        quantity = isNegative ? -quantity : quantity;
        at = next + 4;
        return tens <= 9 && ones <= 9;
    }

    /// <summary>`yes"` or `no"`, the quote passed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReadSide(ReadOnlySpan<byte> frame, ref int at, out Side side)
    {
        const uint Yes = 0x22_73_65_79;
        const uint No = 0x22_6F_6E;
        side = Side.None;
        if (frame.Length - at < 4)
        {
            return false;
        }

        var text = BinaryPrimitives.ReadUInt32LittleEndian(frame[at..]);
        side = text == Yes ? Side.Yes : (text & 0xFF_FFFF) == No ? Side.No : Side.None;
        at += side == Side.Yes ? 4 : 3;
        return side != Side.None;
    }

    /// <summary>How many of the eight bytes, already relative to '0', are digits before the first that is not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LeadingDigits(ulong text) => BitOperations.TrailingZeroCount(((text + NotDigit) | text) & HighBits) >> 3;

    /// <summary>Eight digits relative to '0', the first lowest in memory and highest in value: pairs, fours, eight at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong Digits8(ulong digits)
    {
        digits = (digits * 10) + (digits >> 8);
        var high = (digits & 0x0000_00FF_0000_00FF) * 0x000F_4240_0000_0064;
        var low = ((digits >> 16) & 0x0000_00FF_0000_00FF) * 0x0000_2710_0000_0001;
        return (high + low) >> 32;
    }

    private static ReadOnlySpan<int> Powers => [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
}
