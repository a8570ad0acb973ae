namespace Kalshi.Daemon.Tests.Store;

/// <summary>The databases of one test run: each server is started when a test first asks for it, and serves all later ones.</summary>
internal static class StoreServers
{
    /// <summary>PostgreSQL without extensions, as on Amazon RDS.</summary>
    public static readonly StoreFlavour Plain = new("plain", hasTimescale: false, hasConcurrency: true, () => Postgres.CreateDatabaseAsync());

    private static readonly Lock _lock = new();
    private static PostgresServer? _postgres;

    public static IReadOnlyList<StoreFlavour> All => [Plain];

    /// <summary>The shared server, fast rather than durable. Whoever kills, stops or pauses one starts their own.</summary>
    public static PostgresServer Postgres
    {
        get
        {
            lock (_lock)
            {
                return _postgres ??= PostgresServer.New();
            }
        }
    }

    /// <summary>Ends what was started; for the end of the test run.</summary>
    public static void Stop() => _postgres?.Dispose();
}
