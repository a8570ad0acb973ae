namespace Kalshi.Daemon.Store;

/// <summary>What differs in the upkeep of the two kinds of database.</summary>
/// <param name="LoadedSql">Up to where rows are written.</param>
/// <param name="IndexSql">Says when the tables whose index by market is a setting get it; null where closed partitions are indexed one by one. `$1`: always or none.</param>
internal sealed record UpkeepKind(Migrations Migrations, string LoadedSql, string? IndexSql)
{
    public static readonly UpkeepKind Gatherer = new(
        Migrations.Gatherer, "select coalesce(min(position), to_timestamp(0)) from kalshid.cursors where name = 'loader'", null);

    public static readonly UpkeepKind Production = new(
        Migrations.Production, "select coalesce(watermark, to_timestamp(0)) from kalshid.store",
        "select kalshid.set_market_index(name, $1) from kalshid.stream_tables where name in ('orderbook_deltas', 'tickers')");
}
