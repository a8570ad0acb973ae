using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

[Parallelizable(ParallelScope.Self)]
internal sealed class PostgresServerTest
{
    [Test]
    public async Task Each_database_of_the_shared_server_is_new()
    {
        await Sql.ExecuteAsync(await StoreServers.Postgres.CreateDatabaseAsync(), "CREATE TABLE numbers (number int)");
        await Sql.ExecuteAsync(await StoreServers.Postgres.CreateDatabaseAsync(), "CREATE TABLE numbers (number int)");
    }

    [Test]
    public async Task Settings_are_passed_on()
    {
        using var server = PostgresServer.New(settings: [("work_mem", "5MB"), ("application_name", "it's")]);
        var dsn = server.Dsn("postgres");
        Assert.That(await Sql.ScalarAsync(dsn, "SHOW work_mem"), Is.EqualTo("5MB"));
        Assert.That(await Sql.ScalarAsync(dsn, "SHOW application_name"), Is.EqualTo("it's"));
        Assert.That(await Sql.ScalarAsync(dsn, "SHOW fsync"), Is.EqualTo("off"));
    }

    [Test]
    public async Task A_durable_server_keeps_committed_rows_through_kills_and_stops()
    {
        using var server = PostgresServer.New(durable: true);
        var dsn = await server.CreateDatabaseAsync();
        await Sql.ExecuteAsync(dsn, "CREATE TABLE numbers (number int)");
        Action[] ends = [server.Kill, server.StopImmediate, server.StopFast];
        for (var i = 1; i <= ends.Length; i++)
        {
            await using var open = await Sql.OpenAsync(dsn);
            await using var transaction = await open.BeginTransactionAsync();
            await Sql.ExecuteAsync(open, "INSERT INTO numbers VALUES (-1)");
            await Sql.ExecuteAsync(dsn, $"INSERT INTO numbers VALUES ({i})");

            ends[i - 1]();
            Assert.That(server.IsRunning, Is.False);
            await Assert.ThatAsync(() => Sql.ExecuteAsync(open, "INSERT INTO numbers VALUES (-1)"), Throws.InstanceOf<NpgsqlException>());
            await Assert.ThatAsync(() => Sql.ExecuteAsync(dsn, "SELECT 1"), Throws.InstanceOf<NpgsqlException>());

            server.Start();
            Assert.That(await Sql.ScalarAsync(dsn, "SELECT array_agg(number ORDER BY number) FROM numbers"), Is.EqualTo(Enumerable.Range(1, i)));
        }

        server.Restart();
        Assert.That(await Sql.ScalarAsync(dsn, "SELECT count(*) FROM numbers"), Is.EqualTo(3));
    }

    [Test]
    public async Task A_paused_server_answers_nothing_until_it_is_resumed()
    {
        using var server = PostgresServer.New();
        var dsn = server.Dsn("postgres");
        await using var connection = await Sql.OpenAsync(dsn);
        server.Pause();
        var answer = Sql.ScalarAsync(connection, "SELECT 1");
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
        var dsn = server.Dsn("postgres");
        await using var connection = await Sql.OpenAsync(dsn);
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
        var dsn = server.Dsn("postgres");
        await Sql.ExecuteAsync(dsn, $"CREATE TABLESPACE small LOCATION '{folder}'");
        await Sql.ExecuteAsync(dsn, "CREATE TABLE numbers (number int) TABLESPACE small");
        disk.Fill(leaveBytes: 1 << 20);
        const string Rows = "INSERT INTO numbers SELECT * FROM generate_series(1, 100000)";
        var refusal = await Assert.ThrowsAsync<PostgresException>(() => Sql.ExecuteAsync(dsn, Rows));
        Assert.That(refusal!.SqlState, Is.EqualTo(PostgresErrorCodes.DiskFull));
        disk.Free();
        await Sql.ExecuteAsync(dsn, Rows);
    }

    [Test]
    public async Task The_data_can_lie_on_a_small_disk()
    {
        using var disk = SmallDisk.MountOrSkip(megabytes: 200);
        var data = Path.Combine(disk.Path, "data");
        using (var server = PostgresServer.New(durable: true, dataDirectory: data, settings: [("max_wal_size", "64MB"), ("min_wal_size", "32MB")]))
        {
            var dsn = await server.CreateDatabaseAsync();
            await Sql.ExecuteAsync(dsn, "CREATE TABLE numbers (number int)");
            disk.Fill(leaveBytes: 0);
            await Assert.ThatAsync(() => Sql.ExecuteAsync(dsn, "INSERT INTO numbers SELECT * FROM generate_series(1, 1000000)"), Throws.InstanceOf<NpgsqlException>());
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
}
