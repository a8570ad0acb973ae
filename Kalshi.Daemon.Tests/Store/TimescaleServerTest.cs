using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

[Parallelizable(ParallelScope.Self)]
internal sealed class TimescaleServerTest
{
    [Test]
    public async Task Data_in_a_folder_outlives_the_server()
    {
        using var folder = new TemporaryFolder();
        using (var server = await TimescaleServer.StartAsync(folder.File("data")))
        {
            await Sql.ExecuteAsync(server.Dsn("one"), "CREATE TABLE numbers (number int, at timestamptz NOT NULL)");
            await Sql.ExecuteAsync(server.Dsn("one"), "SELECT create_hypertable('numbers', by_range('at'))");
            await Sql.ExecuteAsync(server.Dsn("one"), "INSERT INTO numbers VALUES (1, '2026-11-23Z')");
            Assert.That(server.Stop(), Is.Zero, () => server.Error);
        }

        using (var server = await TimescaleServer.StartAsync(folder.File("data")))
        {
            await Sql.ExecuteAsync(server.Dsn("one"), "INSERT INTO numbers VALUES (2, '2026-12-23Z')");
            Assert.That(await Sql.ScalarAsync(server.Dsn("one"), "SELECT array_agg(number ORDER BY number) FROM numbers"), Is.EqualTo([1, 2]));
        }
    }

    [Test]
    public async Task A_client_that_leaves_in_its_turn_lets_the_others_go_on()
    {
        using var server = await TimescaleServer.StartAsync();
        var dsn = await server.CreateDatabaseAsync();
        await using var second = await Sql.OpenAsync(dsn);
        Task<object?> answer;
        await using (var first = await Sql.OpenAsync(dsn))
        {
            await Sql.ExecuteAsync(first, "CREATE TABLE numbers (number int)");
            await first.BeginTransactionAsync();
            await Sql.ExecuteAsync(first, "INSERT INTO numbers VALUES (1)");
            answer = Sql.ScalarAsync(second, "SELECT count(*) FROM numbers");
        }

        Assert.That(await answer, Is.EqualTo(0));
        Assert.That(server.Error, Is.Empty);
    }

    [Test]
    public async Task Of_many_databases_the_used_ones_are_kept()
    {
        using var server = await TimescaleServer.StartAsync();
        await using var used = await Sql.OpenAsync(await server.CreateDatabaseAsync());
        await Sql.ExecuteAsync(used, "CREATE TABLE numbers (number int)");
        for (var i = 0; i < 6; i++)
        {
            await server.CreateDatabaseAsync();
        }

        Assert.That(await Sql.ScalarAsync(used, "SELECT count(*) FROM numbers"), Is.EqualTo(0));
        Assert.That(server.Error, Is.Empty);
    }
}
