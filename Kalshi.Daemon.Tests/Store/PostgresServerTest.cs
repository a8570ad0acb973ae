using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

internal sealed class PostgresServerTest
{
    [Test]
    public async Task Each_database_of_the_shared_server_is_new()
    {
        var dsn = await StoreServers.Postgres.CreateDatabaseAsync();
        await using var first = NpgsqlDataSource.Create(dsn);
        await ExecuteAsync(first, "CREATE TABLE numbers (number int)");
        await using var second = NpgsqlDataSource.Create(await StoreServers.Postgres.CreateDatabaseAsync());
        Assert.That(await ScalarAsync(second, "SELECT to_regclass('numbers')::text"), Is.EqualTo(DBNull.Value));
    }

    [Test]
    public async Task Settings_are_passed_on()
    {
        using var server = PostgresServer.New(settings: [("work_mem", "5MB"), ("application_name", "it's")]);
        await using var source = NpgsqlDataSource.Create(server.Dsn("postgres"));
        Assert.That(await ScalarAsync(source, "SHOW work_mem"), Is.EqualTo("5MB"));
        Assert.That(await ScalarAsync(source, "SHOW application_name"), Is.EqualTo("it's"));
        Assert.That(await ScalarAsync(source, "SHOW fsync"), Is.EqualTo("off"));
    }

    [Test]
    public async Task A_durable_server_keeps_committed_rows_through_kills_and_stops()
    {
        using var server = PostgresServer.New(durable: true);
        var dsn = await server.CreateDatabaseAsync();
        await using var source = NpgsqlDataSource.Create(dsn);
        await ExecuteAsync(source, "CREATE TABLE numbers (number int)");
        Action[] ends = [server.Kill, server.StopImmediate, server.StopFast];
        for (var i = 1; i <= ends.Length; i++)
        {
            await using var open = await source.OpenConnectionAsync();
            await using var transaction = await open.BeginTransactionAsync();
            await ExecuteAsync(open, "INSERT INTO numbers VALUES (-1)");
            await ExecuteAsync(source, $"INSERT INTO numbers VALUES ({i})");

            ends[i - 1]();
            Assert.That(server.IsRunning, Is.False);
            await Assert.ThatAsync(() => ExecuteAsync(open, "INSERT INTO numbers VALUES (-1)"), Throws.InstanceOf<NpgsqlException>());
            source.Clear();
            await Assert.ThatAsync(() => ExecuteAsync(source, "SELECT 1"), Throws.InstanceOf<NpgsqlException>());

            server.Start();
            Assert.That(await ScalarAsync(source, "SELECT array_agg(number ORDER BY number) FROM numbers"), Is.EqualTo(Enumerable.Range(1, i)));
        }

        server.Restart();
        source.Clear();
        Assert.That(await ScalarAsync(source, "SELECT count(*) FROM numbers"), Is.EqualTo(3));
    }

    [Test]
    public async Task A_paused_server_answers_nothing_until_it_is_resumed()
    {
        using var server = PostgresServer.New();
        await using var source = NpgsqlDataSource.Create(server.Dsn("postgres"));
        await using var connection = await source.OpenConnectionAsync();
        server.Pause();
        var answer = ScalarAsync(connection, "SELECT 1");
        // A connection made now is accepted by the kernel and gets no answer either.
        await using var impatient = new NpgsqlConnection($"{server.Dsn("postgres")};Pooling=false;Timeout=1");
        await Assert.ThatAsync(() => impatient.OpenAsync(), Throws.InstanceOf<NpgsqlException>());
        Assert.That(answer.IsCompleted, Is.False);
        server.Resume();
        Assert.That(await answer, Is.EqualTo(1));
    }

    [Test]
    public async Task A_paused_server_can_be_killed()
    {
        using var server = PostgresServer.New();
        await using var source = NpgsqlDataSource.Create(server.Dsn("postgres"));
        await using var connection = await source.OpenConnectionAsync();
        server.Pause();
        server.Kill();
        server.Start();
        server.Pause();
    }

    [Test]
    public async Task A_tablespace_on_a_full_disk_refuses_rows_and_takes_them_once_there_is_room()
    {
        using var disk = SmallDisk.MountOrSkip(megabytes: 8);
        using var server = PostgresServer.New();
        var folder = Directory.CreateDirectory(Path.Combine(disk.Path, "rows")).FullName;
        PostgresBinaries.Own(folder);
        await using var source = NpgsqlDataSource.Create(server.Dsn("postgres"));
        await ExecuteAsync(source, $"CREATE TABLESPACE small LOCATION '{folder}'");
        await ExecuteAsync(source, "CREATE TABLE numbers (number int) TABLESPACE small");
        disk.Fill(leaveBytes: 1 << 20);
        const string Rows = "INSERT INTO numbers SELECT * FROM generate_series(1, 100000)";
        var refusal = await Assert.ThrowsAsync<PostgresException>(() => ExecuteAsync(source, Rows));
        Assert.That(refusal!.SqlState, Is.EqualTo(PostgresErrorCodes.DiskFull));
        disk.Free();
        await ExecuteAsync(source, Rows);
    }

    [Test]
    public async Task The_data_can_lie_on_a_small_disk()
    {
        using var disk = SmallDisk.MountOrSkip(megabytes: 200);
        var data = Path.Combine(disk.Path, "data");
        using (var server = PostgresServer.New(durable: true, dataDirectory: data, settings: [("max_wal_size", "64MB"), ("min_wal_size", "32MB")]))
        {
            await using var source = NpgsqlDataSource.Create(await server.CreateDatabaseAsync());
            await ExecuteAsync(source, "CREATE TABLE numbers (number int)");
            disk.Fill(leaveBytes: 0);
            await Assert.ThatAsync(() => ExecuteAsync(source, "INSERT INTO numbers SELECT * FROM generate_series(1, 1000000)"), Throws.InstanceOf<NpgsqlException>());
        }

        Assert.That(File.Exists(Path.Combine(data, "PG_VERSION")), Is.True, "it is left to its owner");
    }

    [Test]
    public void A_disposed_server_leaves_nothing()
    {
        var server = PostgresServer.New();
        var port = server.Port;
        var folder = Path.GetDirectoryName(server.DataDirectory)!;
        server.Dispose();
        Assert.That(Directory.Exists(folder), Is.False);
        using var connection = new NpgsqlConnection($"Host=127.0.0.1;Port={port};Username=postgres;Pooling=false");
        Assert.That(connection.Open, Throws.InstanceOf<NpgsqlException>());
    }

    private static async Task ExecuteAsync(NpgsqlDataSource source, string sql)
    {
        await using var connection = await source.OpenConnectionAsync();
        await ExecuteAsync(connection, sql);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<object?> ScalarAsync(NpgsqlDataSource source, string sql)
    {
        await using var connection = await source.OpenConnectionAsync();
        return await ScalarAsync(connection, sql);
    }

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
