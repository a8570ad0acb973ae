using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>The databases of one test run: each server is started when a test first asks for it, and serves all later ones.</summary>
internal static class StoreServers
{
    // Lazy keeps an exception too: what skips or fails the first test does the same to the next.
    private static readonly Lazy<PostgresServer> _postgres = new(() => PostgresServer.New());
    private static readonly Lazy<Task<TimescaleServer>> _timescaleNpm = new(() => TimescaleServer.StartAsync(databasesMax: 16));
    private static readonly Lazy<Task<PostgresServer>> _timescale = new(() => NewTimescaleAsync(durable: false));
    private static readonly Lazy<ForeignServer?> _foreign = new(ForeignServer.FromEnvironment);

    /// <summary>PostgreSQL without extensions, as on Amazon RDS.</summary>
    public static readonly StoreFlavour Plain = new("plain", hasTimescale: false, hasConcurrency: true, () => Postgres.CreateDatabaseAsync());

    /// <summary>TimescaleDB from npm: its functions, without concurrency, background jobs and durability.</summary>
    public static readonly StoreFlavour TimescaleNpm = new(
        "timescale-npm", hasTimescale: true, hasConcurrency: false, async () => await (await _timescaleNpm.Value).CreateDatabaseAsync());

    /// <summary>TimescaleDB as installed: where KALSHID_TEST_TIMESCALE_DSN points, or in the PostgreSQL of these tests.</summary>
    public static readonly StoreFlavour Timescale = new("timescale", hasTimescale: true, hasConcurrency: true, CreateTimescaleDatabaseAsync);

    public static IReadOnlyList<StoreFlavour> All => [Plain, TimescaleNpm, Timescale];

    /// <summary>For tests of many statements: the server of npm takes minutes for them.</summary>
    public static IReadOnlyList<StoreFlavour> Native => [Plain, Timescale];

    public static IReadOnlyList<StoreFlavour> WithTimescale => [TimescaleNpm, Timescale];

    /// <summary>The shared server, fast rather than durable. Whoever kills, stops or pauses one starts their own.</summary>
    public static PostgresServer Postgres => _postgres.Value;

    /// <summary>Ends what was started; for the end of the test run.</summary>
    public static async Task StopAsync()
    {
        if (_postgres.IsValueCreated)
        {
            _postgres.Value.Dispose();
        }

        if (_timescale is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            (await _timescale.Value).Dispose();
        }

        if (_timescaleNpm is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            (await _timescaleNpm.Value).Dispose();
        }

        if (_foreign is { IsValueCreated: true, Value: { } foreign })
        {
            await foreign.DropDatabasesAsync();
        }
    }

    private static async Task<string> CreateTimescaleDatabaseAsync()
    {
        var dsn = _foreign.Value is { } foreign ? await foreign.CreateDatabaseAsync() : await (await _timescale.Value).CreateDatabaseAsync();
        await Sql.ExecuteAsync(dsn, "SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS timescaledb");
        return dsn;
    }

    /// <summary>A PostgreSQL of the caller's own with TimescaleDB, which is created in each database by its first user; skips where that is not installed.</summary>
    public static async Task<PostgresServer> NewTimescaleAsync(bool durable)
    {
        if (await Sql.ScalarAsync(Postgres.Dsn("postgres"), "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'") is null)
        {
            Assert.Ignore("TimescaleDB is not installed in the PostgreSQL of these tests, and KALSHID_TEST_TIMESCALE_DSN names no server");
        }

        return PostgresServer.New(durable, settings:
        [
            ("shared_preload_libraries", "timescaledb"),
            ("timescaledb.telemetry_level", "off"),
            ("max_worker_processes", "32"), // every database with the extension takes one for its jobs
        ]);
    }

    /// <summary>A server of somebody else's, where the tests make databases and drop them again.</summary>
    private sealed class ForeignServer(string dsn)
    {
        private readonly List<string> _databases = [];

        public static ForeignServer? FromEnvironment() =>
            Environment.GetEnvironmentVariable("KALSHID_TEST_TIMESCALE_DSN") is { Length: > 0 } dsn ? new ForeignServer(dsn) : null;

        public async Task<string> CreateDatabaseAsync()
        {
            var name = $"kalshid_test_{Guid.NewGuid():n}";
            await Sql.ExecuteAsync(dsn, $"CREATE DATABASE {name}");
            lock (_databases)
            {
                _databases.Add(name);
            }

            return new NpgsqlConnectionStringBuilder(dsn) { Database = name }.ConnectionString;
        }

        public async Task DropDatabasesAsync()
        {
            foreach (var name in _databases)
            {
                await Sql.ExecuteAsync(dsn, $"DROP DATABASE {name} WITH (FORCE)");
            }
        }
    }
}
