using System.Globalization;

namespace Kalshi.Daemon.Primitives;

/// <summary>Durations ("250ms", "60s", "5m", "2h", "7d") and sizes ("64KiB", "256MiB", "2GiB", "1048576") as people write them.</summary>
internal static class Units
{
    private static readonly (string Suffix, long Ticks)[] DurationUnits =
    [
        ("ms", TimeSpan.TicksPerMillisecond), ("s", TimeSpan.TicksPerSecond), ("m", TimeSpan.TicksPerMinute), ("h", TimeSpan.TicksPerHour),
        ("d", TimeSpan.TicksPerDay),
    ];

    private static readonly (string Suffix, long Bytes)[] SizeUnits =
        [("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40), ("B", 1)];

    /// <summary>A number with a unit; a bare number other than 0 is refused, because its unit would be a guess.</summary>
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        if (text == "0")
        {
            return true;
        }

        foreach (var (suffix, ticks) in DurationUnits)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal) && TryScale(text.AsSpan(0, text.Length - suffix.Length), ticks, out var total))
            {
                duration = TimeSpan.FromTicks(total);
                return true;
            }
        }

        return false;
    }

    /// <summary>A whole number of bytes, or a number with a unit; a fraction of a byte is cut.</summary>
    public static bool TryParseBytes(string text, out long bytes)
    {
        foreach (var (suffix, unit) in SizeUnits)
        {
            if (text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase) && TryScale(text.AsSpan(0, text.Length - suffix.Length), unit, out bytes))
            {
                return true;
            }
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out bytes);
    }

    /// <summary>Number × unit in decimals: no "NaN", no "Infinity", and false instead of an overflow.</summary>
    private static bool TryScale(ReadOnlySpan<char> number, long unit, out long total)
    {
        total = 0;
        if (!decimal.TryParse(number.Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) || value > long.MaxValue / unit)
        {
            return false;
        }

        total = (long)(value * unit);
        return true;
    }

    public static string FormatDuration(TimeSpan duration) => duration switch
    {
        { Ticks: 0 } => "0",
        _ when duration.Ticks % TimeSpan.TicksPerDay == 0 => $"{duration.TotalDays}d",
        _ when duration.Ticks % TimeSpan.TicksPerHour == 0 => $"{duration.TotalHours}h",
        _ when duration.Ticks % TimeSpan.TicksPerMinute == 0 => $"{duration.TotalMinutes}m",
        _ when duration.Ticks % TimeSpan.TicksPerSecond == 0 => $"{duration.TotalSeconds}s",
        _ => $"{duration.TotalMilliseconds}ms",
    };

    public static string FormatBytes(long bytes)
    {
        for (var i = 3; i >= 0; i--)
        {
            var (suffix, unit) = SizeUnits[i];
            if (bytes >= unit && bytes % unit == 0)
            {
                return $"{bytes / unit}{suffix}";
            }
        }

        return bytes.ToString(CultureInfo.InvariantCulture);
    }
}
