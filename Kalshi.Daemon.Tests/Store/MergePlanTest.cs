using System.Text;
using Kalshi.Daemon.Store;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>A merge takes time in proportion to its batch, whatever the planner believes of the tables.</summary>
internal sealed class MergePlanTest
{
    private const string Rows = """
        INSERT INTO kalshid.markets (market_id, ticker, first_seen_at, changed_at) SELECT i, 'KX-' || i, '2026-01-01', '2026-01-01' FROM generate_series(1, 3000) i;
        INSERT INTO kalshid.market_history (changed_at, market_id, origin, payload) SELECT '2026-01-01', i, 'rest', '{}' FROM generate_series(1, 3000) i;
        INSERT INTO kalshid.coverage (known_at, recorded_at, from_at, to_at, market_id, channel, state, reason)
        SELECT '2026-01-01', '2026-01-01', '2026-01-01', 'infinity', i, 'orderbook_delta', 'gap', 'test' FROM generate_series(1, 3000) i;
        """;

    private const string Staged = """
        INSERT INTO changed_markets SELECT i FROM generate_series(1, 3000) i;
        INSERT INTO kalshid.exchange_ids SELECT '2026-01-02', i, gen_random_uuid() FROM generate_series(1, 3000) i;
        INSERT INTO coverage_changes (recorded_at, from_at, to_at, market_id, channel, state)
        SELECT '2026-01-02', '2026-01-01', '2026-01-02', i, 'orderbook_delta', 'gap' FROM generate_series(1, 3000) i;
        """;

    [Test]
    public async Task Statistics_of_a_table_whose_rows_were_undone_do_not_make_it_compare_all_with_all()
    {
        var dsn = await StoreServers.Postgres.CreateDatabaseAsync();
        using var database = new StoreDatabase(dsn, TimeSpan.FromSeconds(30));
        await Migrations.Gatherer.ApplyAsync(database, "off");
        await Sql.ExecuteAsync(dsn, $"BEGIN; {Rows} ROLLBACK");
        await Sql.ExecuteAsync(dsn, "ANALYZE kalshid.markets, kalshid.market_history, kalshid.coverage");

        await using var connection = await Sql.OpenAsync(dsn);
        await Sql.ExecuteAsync(connection, StoreTables.Staging + WritingConnection.Planning);
        await Sql.ExecuteAsync(connection, $"BEGIN; {Rows} {Staged}");
        foreach (var table in (StoreTable[])[StoreTable.ExchangeIds, StoreTable.ChangedMarkets, StoreTable.CoverageChanges])
        {
            // Changes of coverage are to rows of earlier batches, the others to rows of this one.
            var after = table == StoreTable.CoverageChanges ? "'2026-01-01'" : "'2025-12-31'";
            var merge = StoreTables.MergeOf(table)!.Replace("$1", after, StringComparison.Ordinal).Replace("$2", "'2026-01-02'", StringComparison.Ordinal);
            var plan = await PlanAsync(connection, merge);
            Assert.That(plan, Does.Not.Contain("Rows Removed by Join Filter"), plan);
        }
    }

    private static async Task<string> PlanAsync(NpgsqlConnection connection, string merge)
    {
        await using var command = new NpgsqlCommand($"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {merge}", connection);
        await using var reader = await command.ExecuteReaderAsync();
        var plan = new StringBuilder(merge).Append('\n');
        while (await reader.ReadAsync())
        {
            plan.AppendLine(reader.GetString(0));
        }

        return plan.ToString();
    }
}
