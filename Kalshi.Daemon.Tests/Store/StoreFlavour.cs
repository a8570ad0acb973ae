namespace Kalshi.Daemon.Tests.Store;

/// <summary>
/// A kind of database that the store must run on. A fixture takes one as its argument:
/// <c>[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))] internal sealed class SomeTest(StoreFlavour flavour)</c>.
/// Nothing is started before a test asks for a database.
/// </summary>
internal sealed class StoreFlavour(string name, bool hasTimescale, bool hasConcurrency, Func<Task<string>> newDatabase)
{
    /// <summary>The extension timescaledb is created in each new database.</summary>
    public bool HasTimescale => hasTimescale;

    /// <summary>Connections run at the same time, wait for each other's locks, and have sessions of their own.</summary>
    public bool HasConcurrency => hasConcurrency;

    /// <summary>The DSN of a fresh database; the calling test is skipped, with the reason, where this flavour cannot be had.</summary>
    public Task<string> NewDatabaseAsync() => newDatabase();

    public override string ToString() => name;
}
