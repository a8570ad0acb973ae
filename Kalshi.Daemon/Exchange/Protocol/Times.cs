using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// The wire's stamps → µs UTC. `ts` is RFC 3339 on deltas and Unix seconds elsewhere, `ts_ms` Unix milliseconds everywhere
/// since April 2026, `time` RFC 3339 on tickers. Thread-safe, allocates nothing.
/// </summary>
internal static class Times
{
    /// <summary>9999-12-31T23:59:59 in Unix seconds: the last that any reader of the stored rows can show.</summary>
    public const long SecondsMax = 253_402_300_799;
    public const long MillisecondsMax = (SecondsMax * 1_000) + 999;

    public static long FromMilliseconds(long milliseconds) =>
        milliseconds is > 0 and <= MillisecondsMax ? milliseconds * Micros.PerMillisecond : Message.Absent;

    public static long FromSeconds(long seconds) =>
        seconds is > 0 and <= SecondsMax ? seconds * Micros.PerSecond : Message.Absent;

    /// <summary>RFC 3339. What lies before 1970 is no time of this exchange: it writes "not set" as 0001-01-01T00:00:00Z.</summary>
    public static long FromText(ReadOnlySpan<byte> text) =>
        Micros.TryParseRfc3339(text, out var micros) && micros > 0 ? micros : Message.Absent;

    /// <summary>
    /// The finest stamp that the frame's milliseconds confirm: `ts` text when it lies in the millisecond that `ts_ms` names
    /// (or there is no `ts_ms`), else `ts_ms`, else the seconds. Every argument is µs or <see cref="Message.Absent"/>.
    /// </summary>
    public static long Choose(long text, long milliseconds, long seconds)
    {
        if (text != Message.Absent && (milliseconds == Message.Absent || text - (text % Micros.PerMillisecond) == milliseconds))
        {
            return text;
        }

        return milliseconds != Message.Absent ? milliseconds : seconds;
    }
}
