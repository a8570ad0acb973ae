using System.Buffers.Text;
using System.Globalization;

namespace Kalshi.Daemon.Primitives;

/// <summary>Time as kalshid keeps it: int64 microseconds since the Unix epoch, UTC. Thread-safe, allocates nothing.</summary>
internal static class Micros
{
    public const long PerMillisecond = 1_000;
    public const long PerSecond = 1_000_000;
    public const long PerMinute = 60 * PerSecond;
    public const long PerHour = 60 * PerMinute;
    public const long PerDay = 24 * PerHour;

    private const long UnixEpochTicks = 621_355_968_000_000_000;

    /// <summary>The wall clock, which may step back; only the capture thread makes stamps strictly increasing.</summary>
    public static long Now() => (DateTime.UtcNow.Ticks - UnixEpochTicks) / TimeSpan.TicksPerMicrosecond;

    public static DateTime ToDateTime(long micros) => new(UnixEpochTicks + (micros * TimeSpan.TicksPerMicrosecond), DateTimeKind.Utc);

    public static long FromDateTime(DateTime time) => (time.ToUniversalTime().Ticks - UnixEpochTicks) / TimeSpan.TicksPerMicrosecond;

    public static long FromTimeSpan(TimeSpan span) => span.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>RFC 3339 with six decimals, for people and JSON: 2026-11-23T14:00:00.000001Z.</summary>
    public static string Format(long micros) => ToDateTime(micros).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>
    /// Parses `YYYY-MM-DDTHH:MM:SS[.f{1,9}](Z|±HH:MM)`; digits beyond microseconds are cut, as the exchange cuts them.
    /// Returns false for anything else, leap seconds included.
    /// </summary>
    public static bool TryParseRfc3339(ReadOnlySpan<byte> text, out long micros)
    {
        micros = 0;
        if (text.Length < 20 || text[4] != '-' || text[7] != '-' || (text[10] | 0x20) != 't' || text[13] != ':' || text[16] != ':')
        {
            return false;
        }

        if (!Digits(text[..4], out var year) || !Digits(text.Slice(5, 2), out var month) || !Digits(text.Slice(8, 2), out var day)
            || !Digits(text.Slice(11, 2), out var hour) || !Digits(text.Slice(14, 2), out var minute) || !Digits(text.Slice(17, 2), out var second))
        {
            return false;
        }

        if (year == 0 || month is 0 or > 12 || day == 0 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59)
        {
            return false;
        }

        var at = 19;
        long fraction = 0;
        if (text[at] == '.')
        {
            var first = ++at;
            var scale = 100_000;
            while (at < text.Length && (uint)(text[at] - '0') <= 9)
            {
                fraction += (text[at] - '0') * scale;
                scale /= 10;
                at++;
            }

            if (at == first || at - first > 9)
            {
                return false;
            }
        }

        if (!TryParseOffset(text[at..], out var offset))
        {
            return false;
        }

        var days = DaysFromEpoch(year, month, day);
        micros = ((((((days * 24) + hour) * 60) + minute) * 60) + second) * PerSecond + fraction - offset;
        return true;
    }

    private static bool TryParseOffset(ReadOnlySpan<byte> text, out long offset)
    {
        offset = 0;
        if (text.Length == 1 && (text[0] | 0x20) == 'z')
        {
            return true;
        }

        if (text.Length != 6 || text[0] is not ((byte)'+' or (byte)'-') || text[3] != ':'
            || !Digits(text.Slice(1, 2), out var hours) || !Digits(text.Slice(4, 2), out var minutes) || hours > 23 || minutes > 59)
        {
            return false;
        }

        offset = ((hours * 60) + minutes) * PerMinute;
        offset = text[0] == '-' ? -offset : offset;
        return true;
    }

    private static bool Digits(ReadOnlySpan<byte> text, out int value) =>
        Utf8Parser.TryParse(text, out value, out var used) && used == text.Length && text[0] is >= (byte)'0' and <= (byte)'9';

    /// <summary>Days since 1970-01-01 in the proleptic Gregorian calendar, by counting from 1 March so that leap days come last.</summary>
    private static long DaysFromEpoch(int year, int month, int day)
    {
        long y = month <= 2 ? year - 1 : year;
        var era = y / 400;
        var yearOfEra = y - (era * 400);
        var dayOfYear = ((153 * (month + (month > 2 ? -3 : 9))) + 2) / 5 + day - 1;
        var dayOfEra = (yearOfEra * 365) + (yearOfEra / 4) - (yearOfEra / 100) + dayOfYear;
        return (era * 146_097) + dayOfEra - 719_468;
    }
}
