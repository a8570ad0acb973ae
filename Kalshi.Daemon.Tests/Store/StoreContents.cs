using System.IO.Hashing;
using System.Text;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>
/// What a store holds, in one canonical form: every row of every table with all its columns, in order. Two stores of one journal hold the
/// same bytes. Left out: wall-clock stamps, the loader's memory, and what an epoch that goes on tells of itself, which may be some seconds old.
/// </summary>
internal static class StoreContents
{
    private static readonly (string Name, string Select)[] _tables =
    [
        .. ((string[])["orderbook_deltas", "orderbook_snapshots", "trades", "tickers", "lifecycle_events", "other_frames", "rejected_frames",
            "sessions", "journal_hours", "coverage", "exchange_ids", "markets", "market_history", "events", "event_history", "series", "series_history"])
            .Select(name => (name, $"SELECT * FROM kalshid.{name} t ORDER BY t")),
        ("epochs", "SELECT * FROM kalshid.epochs t WHERE end_reason IS NOT NULL ORDER BY t"),
        ("open epochs", "SELECT epoch_id, session, sid, channel, first_seq, from_at FROM kalshid.epochs WHERE end_reason IS NULL ORDER BY 1"),
        ("cursors", "SELECT name, position FROM kalshid.cursors ORDER BY 1"),
        ("store", "SELECT gatherer, first_record_at, stopped_at FROM kalshid.store"),
    ];

    public static async Task AssertSameAsync(string dsn, string otherDsn)
    {
        var (one, other) = (await DigestsAsync(dsn), await DigestsAsync(otherDsn));
        foreach (var (name, select) in _tables.Where(table => one[table.Name] != other[table.Name]))
        {
            Assert.Fail($"{name}: {one[name].Rows} rows here, {other[name].Rows} there\n{await FirstDifferenceAsync(dsn, otherDsn, select)}");
        }
    }

    /// <summary>Rows and hash of each table.</summary>
    private static async Task<Dictionary<string, (long Rows, UInt128 Hash)>> DigestsAsync(string dsn)
    {
        var digests = new Dictionary<string, (long, UInt128)>();
        foreach (var (name, select) in _tables)
        {
            var (rows, hash) = (0L, new XxHash128());
            await foreach (var line in LinesAsync(dsn, select))
            {
                rows++;
                hash.Append(Encoding.UTF8.GetBytes(line));
                hash.Append("\n"u8);
            }

            digests.Add(name, (rows, hash.GetCurrentHashAsUInt128()));
        }

        return digests;
    }

    private static async Task<string> FirstDifferenceAsync(string dsn, string otherDsn, string select)
    {
        await using var one = LinesAsync(dsn, select).GetAsyncEnumerator();
        await using var other = LinesAsync(otherDsn, select).GetAsyncEnumerator();
        while (true)
        {
            var (here, there) = (await one.MoveNextAsync() ? one.Current : "(end)", await other.MoveNextAsync() ? other.Current : "(end)");
            if (here != there)
            {
                return $"here:  {here}\nthere: {there}";
            }
        }
    }

    private static async IAsyncEnumerable<string> LinesAsync(string dsn, string select)
    {
        await using var connection = await Sql.OpenAsync(dsn);
        using var reader = await connection.BeginTextExportAsync($"COPY ({select}) TO STDOUT");
        while (await reader.ReadLineAsync() is { } line)
        {
            yield return line;
        }
    }

    /// <summary>Every epoch has each of its numbers in exactly one row of one table, and the cursor stands at `end`.</summary>
    public static async Task AssertWholeAsync(string dsn, long end)
    {
        const string holes = """
            SELECT string_agg(format('epoch %s: %s rows of %s to %s', epoch_id, count, min, max), E'\n') FROM (
                SELECT epoch_id, count(*), min(seq), max(seq) FROM (
                    SELECT epoch_id, seq FROM kalshid.orderbook_deltas UNION ALL SELECT epoch_id, seq FROM kalshid.orderbook_snapshots
                    UNION ALL SELECT epoch_id, seq FROM kalshid.trades UNION ALL SELECT epoch_id, seq FROM kalshid.lifecycle_events
                    UNION ALL SELECT epoch_id, seq FROM kalshid.other_frames UNION ALL SELECT epoch_id, seq FROM kalshid.rejected_frames) rows
                WHERE epoch_id IS NOT NULL GROUP BY epoch_id) epochs
            WHERE count <> max - min + 1
            """;
        const string wrongEpochs = """
            SELECT string_agg(epoch_id::text, ' ') FROM kalshid.epochs
            WHERE end_reason IS NOT NULL AND deltas + snapshots + trades + lifecycle + acks + unknown + rejected <> last_seq - first_seq + 1
            """;
        const string wrongMarkets = "SELECT count(*) FROM kalshid.markets HAVING count(*) <> coalesce(max(market_id), 0) OR min(market_id) <> 1";
        Assert.Multiple(async () =>
        {
            Assert.That(await Sql.ScalarAsync(dsn, holes), Is.Null, "epochs that are not dense");
            Assert.That(await Sql.ScalarAsync(dsn, wrongEpochs), Is.Null, "epochs whose counts do not add up");
            Assert.That(await Sql.ScalarAsync(dsn, wrongMarkets), Is.Null, "market ids are not 1, 2, 3, …");
            Assert.That(await CursorAsync(dsn), Is.EqualTo(end), "the cursor");
        });
    }

    public static async Task<long> CursorAsync(string dsn) =>
        (long)(await Sql.ScalarAsync(dsn, "SELECT (extract(epoch FROM position) * 1000000)::int8 FROM kalshid.cursors WHERE name = 'loader'"))!;
}
