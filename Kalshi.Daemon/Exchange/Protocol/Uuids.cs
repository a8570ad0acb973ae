using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>uuid = 8HEX "-" 4HEX "-" 4HEX "-" 4HEX "-" 12HEX. Thread-safe, allocates nothing.</summary>
internal static class Uuids
{
    public const int Length = 36;

    /// <summary>A uuid up to its quote, which is passed. False for anything else, an empty one included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReadInPlace(ReadOnlySpan<byte> frame, ref int at, out Guid uuid)
    {
        if (frame.Length - at <= Length || frame[at + Length] != '"')
        {
            uuid = default;
            return false;
        }

        var text = frame.Slice(at, Length);
        at += Length + 1;
        return TryParse(text, out uuid);
    }

    /// <summary>
    /// All 32 digits at once. Four loads bring them, dashes dropped, into two vectors of 16; a digit's value is its low four bits,
    /// and nine more for a letter; then each pair is folded into a byte.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out Guid uuid)
    {
        // 0       8 9  13 14 18 19 23 24        36
        // xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx
        const byte None = 0x80;
        const ulong Nothing = 0x8080_8080_8080_8080;
        uuid = default;
        if (text.Length != Length || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
        {
            return false;
        }

        var high = Vector128.Shuffle(Load(text, 0), Vector128.Create(0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, None, None))
            | Vector128.Shuffle(Load(text, 2), Vector128.Create(Nothing, 0x0F0E_8080_8080_8080).AsByte());
        var low = Vector128.Shuffle(Load(text, 19), Vector128.Create(0x8080_8080_0302_0100, Nothing).AsByte())
            | Vector128.Shuffle(Load(text, 20), Vector128.Create(None, None, None, None, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
        if (!TryNibbles(ref high) || !TryNibbles(ref low))
        {
            return false;
        }

        // A byte pair (first, second) is the little-endian word second << 8 | first: first * 16 + second.
        var bytes = Vector128.Narrow(Fold(high), Fold(low));
        Span<byte> big = stackalloc byte[16];
        bytes.CopyTo(big);
        uuid = new Guid(big, bigEndian: true);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Load(ReadOnlySpan<byte> text, int at) => Vector128.Create(text.Slice(at, Vector128<byte>.Count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryNibbles(ref Vector128<byte> digits)
    {
        var number = digits - Vector128.Create((byte)'0');
        var letter = (digits | Vector128.Create((byte)0x20)) - Vector128.Create((byte)'a');
        var isNumber = Vector128.LessThanOrEqual(number, Vector128.Create((byte)9));
        var isLetter = Vector128.LessThanOrEqual(letter, Vector128.Create((byte)5));
        digits = Vector128.ConditionalSelect(isNumber, number, letter + Vector128.Create((byte)10));
        return (isNumber | isLetter) == Vector128<byte>.AllBitsSet;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ushort> Fold(Vector128<byte> nibbles)
    {
        var pairs = nibbles.AsUInt16();
        return ((pairs << 4) | (pairs >>> 8)) & Vector128.Create((ushort)0xFF);
    }
}
