using Kalshi.Daemon.Tests.Store;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>What production holds, a row a line, in the spelling of <see cref="ProductionModel"/>.</summary>
internal static class ProductionContents
{
    private static readonly string[] _selects =
    [
        Select("delta", "orderbook_deltas", "market_id", T("exchange_at"), "ordinal", T("received_at"), "side", "price", "delta"),
        Select("snapshot", "orderbook_snapshots", "market_id", "coverage_number", T("exchange_at"), "ordinal", T("received_at"),
            "(select coalesce(string_agg(format('%s:%s,', p, s), '' order by p), '') from unnest(yes_prices, yes_sizes) l (p, s))"),
        Select("coverage", "coverage", "market_id", "number", "state", T("from_at"), T("to_at"), T("first_at"), "first_ordinal", T("last_at"), "last_ordinal", "reason"),
        Select("vouch", "vouches", "market_id", "number", "gatherer_id", T("epoch_id"), T("from_at"), T("to_at"), T("after_at"), "after_ordinal", T("last_at"), "last_ordinal", "reason"),
        Select("disagreement", "disagreements", "market_id", "number", T("found_at"), T("after_at"), "after_ordinal", T("held_exchange_at"), "held_side", "held_price", "held_delta", "held_by",
            T("other_exchange_at"), "other_side", "other_price", "other_delta", "other_by", T("settled_at"), "verdict"),
        Select("channel", "channel_coverage", "gatherer_id", "channel", T("from_at"), T("to_at"), T("epoch_id"), "state", "reason"),
        Select("exchange id", "markets where exchange_id is not null", "ticker", "exchange_id"),
        Select("object", "markets", "ticker", "title", "status", T("changed_at"), "payload"),
        Select("object", "events", "event_ticker", "title", "null", T("changed_at"), "payload"),
        Select("object", "series", "series_ticker", "title", "null", T("changed_at"), "payload"),
        Select("history", "market_history join kalshid.markets m using (market_id)", "m.ticker", T("t.changed_at"), "t.title", "t.payload"),
        Select("history", "event_history", "event_ticker", T("changed_at"), "title", "payload"),
        Select("history", "series_history", "series_ticker", T("changed_at"), "title", "payload"),
        Select("trade", "trades", "market_id", T("exchange_at"), T("received_at"), "count", "trade_id", "origin"),
        Select("ticker", "tickers", "market_id", T("exchange_at"), T("received_at"), "volume"),
        Select("lifecycle", "lifecycle_events", "market_id", T("received_at"), "event_type", "payload"),
        Select("rejected", "rejected_frames", "gatherer_id", "market_id", T("received_at"), "type", "reason", "convert_from(frame, 'UTF8')"),
    ];

    public static async Task AssertAsync(string dsn, ProductionModel expected, string because)
    {
        var lines = new List<string>();
        await using var connection = await Sql.OpenAsync(dsn);
        foreach (var select in _selects)
        {
            await using var command = new Npgsql.NpgsqlCommand(select, connection);
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                lines.Add(reader.GetString(0));
            }
        }

        lines.Sort(StringComparer.Ordinal);
        var wanted = expected.Lines().ToList();
        if (!lines.SequenceEqual(wanted))
        {
            Assert.Fail($"{because}: {lines.Count} rows, {wanted.Count} expected\nmissing:\n{Some(Less(wanted, lines))}\ntoo many:\n{Some(Less(lines, wanted))}");
        }
    }

    private static List<string> Less(List<string> lines, List<string> others)
    {
        var counts = others.CountBy(line => line).ToDictionary();
        return [.. lines.Where(line => (counts[line] = counts.GetValueOrDefault(line) - 1) < 0)];
    }

    private static string Some(List<string> lines) => string.Join('\n', lines.Take(12));

    private static string Select(string name, string from, params string[] columns) =>
        $"select concat_ws('|', '{name}', {string.Join(", ", columns.Select(column => $"coalesce(({column})::text, '-')"))}) from kalshid.{from.Replace("_history join", "_history t join", StringComparison.Ordinal)}";

    private static string T(string column) => $"case when {column} = 'infinity' then 'infinity' else (extract(epoch from {column}) * 1000000)::int8::text end";
}
