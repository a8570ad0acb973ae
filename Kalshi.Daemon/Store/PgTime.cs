namespace Kalshi.Daemon.Store;

/// <summary>Our µs since 1970 and PostgreSQL's µs since 2000, which is how timestamptz stands in binary COPY.</summary>
internal static class PgTime
{
    private const long EpochMicros = 946_684_800_000_000;

    /// <summary>PostgreSQL's infinity; ours is `long.MaxValue` as well.</summary>
    private const long Infinity = long.MaxValue;

    public static long FromMicros(long micros) => micros == Infinity ? Infinity : micros - EpochMicros;

    public static long ToMicros(long pg) => pg == Infinity ? Infinity : pg + EpochMicros;
}
