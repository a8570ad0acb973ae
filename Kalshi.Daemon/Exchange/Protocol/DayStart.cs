using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// RFC 3339 stamps in µs, remembering the last day: nearly every stamp of a stream has the same ten first letters. Belongs to
/// one decoder.
/// </summary>
internal struct DayStart
{
    private ulong _yearToMonth;
    private ushort _day;
    private long _micros;

    /// <summary>`YYYY-MM-DDTHH:MM:SS[.f{1,9}]Z"`, the quote passed. False for every other spelling, right or wrong.</summary>
    public bool TryReadStamp(ReadOnlySpan<byte> frame, ref int at, out long micros)
    {
        // 2026-08-05T03:45:40.722003Z"
        // 0         10       19
        micros = 0;
        if (frame.Length - at < 32 || frame[at + 10] != 'T' || !TryFindDay(frame.Slice(at, 10))
            || !TryReadClock(WireScan.Read8(frame, at + 11), out var seconds))
        {
            return false;
        }

        var next = at + 19;
        long fraction = 0;
        if (frame[next] == '.' && !TryReadFraction(frame, ref next, out fraction))
        {
            return false;
        }

        micros = _micros + (seconds * Micros.PerSecond) + fraction;
        at = next + 2;
        return frame[next] == 'Z' && frame[next + 1] == '"' && micros > 0;
    }

    /// <summary>The digits behind the point, cut to microseconds; the caller has seen to 32 bytes from the stamp's first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadFraction(ReadOnlySpan<byte> frame, ref int next, out long fraction)
    {
        fraction = 0;
        var scale = 1_000_000;
        var first = ++next;
        while ((uint)(frame[next] - '0') <= 9 && next - first < 9)
        {
            scale /= 10;
            fraction += (frame[next++] - '0') * scale;
        }

        return next > first;
    }

    /// <summary>HH:MM:SS in seconds of the day.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadClock(ulong text, out long seconds)
    {
        const ulong Colons = 0x0000_3A00_003A_0000;
        const ulong ColonMask = 0x0000_FF00_00FF_0000;
        var digits = (text & ~ColonMask) ^ 0x3030_0030_3000_3030;
        var pairs = (digits * 10) + (digits >> 8);
        var hours = pairs & 0xFF;
        var minutes = (pairs >> 24) & 0xFF;
        var second = (pairs >> 48) & 0xFF;
        seconds = (long)((((hours * 60) + minutes) * 60) + second);
        return (text & ColonMask) == Colons && (((digits + 0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080) == 0
            && hours <= 23 && minutes <= 59 && second <= 59;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindDay(ReadOnlySpan<byte> date)
    {
        var isSame = BinaryPrimitives.ReadUInt64LittleEndian(date) == _yearToMonth && BinaryPrimitives.ReadUInt16LittleEndian(date[8..]) == _day;
        return isSame || TryChangeDay(date);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryChangeDay(ReadOnlySpan<byte> date)
    {
        Span<byte> midnight = stackalloc byte[20];
        date.CopyTo(midnight);
        "T00:00:00Z"u8.CopyTo(midnight[10..]);
        if (!Micros.TryParseRfc3339(midnight, out var micros))
        {
            return false;
        }

        _yearToMonth = BinaryPrimitives.ReadUInt64LittleEndian(date);
        _day = BinaryPrimitives.ReadUInt16LittleEndian(date[8..]);
        _micros = micros;
        return true;
    }
}
