using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Books;
using Kalshi.Daemon.Tests.Export;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>The queries of SQL.md run as they stand there, and answer.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
internal sealed class SqlPageTest(StoreFlavour flavour)
{
    private const string Market = "KXBTCD-26NOV2317-T90000";

    private static readonly string Page = Path.Combine(Repository.Root, "SQL.md");

    private static IEnumerable<string> Queries() => File.ReadAllText(Page).Split("```sql\n").Skip(1).Select(rest => rest[..rest.IndexOf("```", StringComparison.Ordinal)]);

    [Test]
    public async Task Every_query_of_the_page_answers()
    {
        using var rig = await StoreRig.NewAsync(flavour);
        Append(rig.Fixture);
        rig.Load();
        var queries = Queries().ToArray();
        Assert.That(queries, Has.Length.GreaterThanOrEqualTo(10));
        await using var connection = await rig.Database.OpenAsync(CancellationToken.None);
        await Sql.ExecuteAsync(connection, "set search_path = kalshi, public");
        foreach (var query in queries)
        {
            await using var command = new NpgsqlCommand(query, connection);
            await using var reader = await command.ExecuteReaderAsync();
            Assert.That(await reader.ReadAsync(), query);
            Assert.That(reader.GetValue(reader.FieldCount - 1), Is.Not.EqualTo(DBNull.Value).Or.Null, query);
        }
    }

    [Test]
    public async Task Every_view_and_function_for_people_is_on_the_page()
    {
        using var rig = await StoreRig.NewAsync(flavour);
        await Kalshi.Daemon.Store.Migrations.Gatherer.ApplyAsync(rig.Database, "auto");
        var text = File.ReadAllText(Page);
        await using var connection = await rig.Database.OpenAsync(CancellationToken.None);
        await using var command = new NpgsqlCommand("select relname::text from pg_class where relnamespace = 'kalshi'::regnamespace and relkind = 'v' union select proname from pg_proc where pronamespace = 'kalshi'::regnamespace", connection);
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            Assert.That(text, Does.Contain($"`{reader.GetString(0)}"));
        }
    }

    /// <summary>An hour of one market: a book, changes, trades, a gap, and what REST says of it.</summary>
    private static void Append(ExportFixture fixture)
    {
        var script = new Script();
        script.Add(RecordKind.RestPage, 0, """{"path":"/markets","status":200,"purpose":"registry"}""" + "\n"
            + $$"""{"markets":[{"ticker":"{{Market}}","event_ticker":"KXBTCD-26NOV2317","title":"Bitcoin","status":"active"}],"cursor":""}""");
        var start = Micros.FromDateTime(new DateTime(2026, 11, 23, 14, 0, 0, DateTimeKind.Utc));
        script.SubscribeBooks().SubscribeGlobal("trade").Snapshot(1, Market, "[\"0.4000\",\"100.00\"],[\"0.3800\",\"50.00\"]", "[\"0.5500\",\"70.00\"]");
        for (var seq = 2; seq < 60; seq++)
        {
            script.Delta(seq, Market, seq % 2 == 0 ? "yes" : "no", seq % 2 == 0 ? "0.4000" : "0.5500", seq % 3 == 0 ? "-1.00" : "2.00", exchangeAt: start + (seq * Micros.PerMinute) - 20_000);
            script.Trade(seq - 1, Market, $"t{seq}", exchangeAt: start + (seq * Micros.PerMinute));
        }

        script.SessionClosed(1, "test").SubscribeBooks(session: 2).Snapshot(1, Market, "[\"0.4000\",\"100.00\"]", session: 2);
        var step = Micros.PerHour / (script.At + 100);
        foreach (var (at, session, kind, bytes, _) in script.Records)
        {
            fixture.Append(start + (at * step), session, kind, bytes);
        }
    }
}
