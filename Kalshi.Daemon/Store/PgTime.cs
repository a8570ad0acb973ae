namespace Kalshi.Daemon.Store;

/// <summary>Our µs since 1970 and PostgreSQL's µs since 2000, which is how timestamptz stands in binary COPY.</summary>
internal static class PgTime
{
    private const long EpochMicros = 946_684_800_000_000;

    /// <summary>PostgreSQL's infinity and -infinity; ours are `long.MaxValue` and `long.MinValue` as well.</summary>
    private static bool IsInfinite(long time) => time is long.MaxValue or long.MinValue;

    public static long FromMicros(long micros) => IsInfinite(micros) ? micros : micros - EpochMicros;

    public static long ToMicros(long pg) => IsInfinite(pg) ? pg : pg + EpochMicros;
}
