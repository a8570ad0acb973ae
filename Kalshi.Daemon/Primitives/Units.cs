using System.Globalization;

namespace Kalshi.Daemon.Primitives;

/// <summary>Durations ("250ms", "60s", "5m", "2h", "7d") and sizes ("64KiB", "256MiB", "2GiB", "1048576") as people write them.</summary>
internal static class Units
{
    private static readonly (string Suffix, double Milliseconds)[] DurationUnits =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

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

        foreach (var (suffix, milliseconds) in DurationUnits)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal)
                && double.TryParse(text.AsSpan(0, text.Length - suffix.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                duration = TimeSpan.FromMilliseconds(number * milliseconds);
                return true;
            }
        }

        return false;
    }

    public static bool TryParseBytes(string text, out long bytes)
    {
        foreach (var (suffix, unit) in SizeUnits)
        {
            if (text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)
                && double.TryParse(text.AsSpan(0, text.Length - suffix.Length).Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                bytes = (long)(number * unit);
                return true;
            }
        }

        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out bytes);
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
