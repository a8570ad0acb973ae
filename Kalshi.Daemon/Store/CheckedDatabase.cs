namespace Kalshi.Daemon.Store;

/// <summary>What <see cref="DatabaseCheck"/> must know of a database.</summary>
/// <param name="Name">For people: store, production.</param>
/// <param name="Creates">Who creates its schema, and in <paramref name="Upgrades"/> upgrades it, as the begin of a sentence.</param>
/// <param name="Refill">What to do when it shall be made anew.</param>
/// <param name="May">What a writer may do.</param>
internal sealed record CheckedDatabase(
    string Name, string Dsn, string Setting, Migrations Migrations, string Timescale, string TimescaleSetting, TimeSpan Timeout,
    string Creates, string Upgrades, string Refill, string May, string[] Roles)
{
    public static CheckedDatabase Store(Options options) => new(
        "store", options.StoreDsn, "store.dsn", Migrations.Gatherer, options.StoreTimescale, "store.timescale", options.StoreTimeout,
        "gather and load create", "gather and load bring", "load the journal into a new database", "load", ["kalshid_writer", "kalshid_reader", "kalshid_dedup"]);

    public static CheckedDatabase Production(Options options) => new(
        "production", options.ProductionDsn, "dedup.production_dsn", Migrations.Production, options.ProductionTimescale, "dedup.timescale", options.DedupTimeout,
        "dedup creates", "dedup brings", "merge into a new database", "merge", ["kalshid_writer", "kalshid_reader"]);
}
