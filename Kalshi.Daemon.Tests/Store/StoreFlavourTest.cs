using Npgsql;
using NpgsqlTypes;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>What the store may rely on in each kind of database: the clients' view of the server.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.All))]
[Parallelizable(ParallelScope.Self)]
internal sealed class StoreFlavourTest(StoreFlavour flavour)
{
    private string _dsn = "";

    [SetUp]
    public async Task MakeTable()
    {
        _dsn = await flavour.NewDatabaseAsync();
        await EventsTable.CreateAsync(_dsn);
    }

    [Test]
    public async Task Binary_copies_bring_in_and_out_the_same_rows()
    {
        await using var connection = await Sql.OpenAsync(_dsn);
        await EventsTable.ImportAsync(connection, 0, 5_000, complete: true);
        await EventsTable.ImportAsync(connection, 5_000, 100, complete: false);
        await using var export = await connection.BeginBinaryExportAsync(EventsTable.CopyOut);
        for (var i = 0; i < 5_000; i++)
        {
            Assert.That(await export.StartRowAsync(), Is.EqualTo(4));
            Assert.That(await export.ReadAsync<DateTime>(), Is.EqualTo(EventsTable.At(i)));
            Assert.That(await export.ReadAsync<long>(), Is.EqualTo(i));
            Assert.That(await export.ReadAsync<string>(), Is.EqualTo(EventsTable.Note(i)));
            Assert.That(await export.ReadAsync<byte[]>(), Is.EqualTo(EventsTable.Bytes(i)));
        }

        Assert.That(await export.StartRowAsync(), Is.EqualTo(-1));
    }

    [Test]
    public async Task A_raw_binary_copy_may_be_written_in_any_pieces()
    {
        var random = Seeds.New(out _);
        await using (var connection = await Sql.OpenAsync(_dsn))
        {
            await EventsTable.ImportAsync(connection, 0, 2_000, complete: true);
        }

        var first = await EventsTable.ReadRawAsync(_dsn);
        await Sql.ExecuteAsync(_dsn, "TRUNCATE events");
        await using (var connection = await Sql.OpenAsync(_dsn))
        await using (var copy = await connection.BeginRawBinaryCopyAsync(EventsTable.CopyIn))
        {
            for (var written = 0; written < first.Length;)
            {
                var count = Math.Min(random.Next(1, random.Next(2, 20_000)), first.Length - written);
                await copy.WriteAsync(first.AsMemory(written, count));
                await (random.Next(4) == 0 ? copy.FlushAsync() : Task.CompletedTask);
                written += count;
            }
        }

        Assert.That(await EventsTable.ReadRawAsync(_dsn), Is.EqualTo(first));
    }

    [Test]
    public async Task A_text_copy_and_an_empty_copy_work_too()
    {
        await using var connection = await Sql.OpenAsync(_dsn);
        await EventsTable.ImportAsync(connection, 0, 0, complete: true);
        await using (var copy = await connection.BeginTextImportAsync("COPY events (at, id, note) FROM STDIN"))
        {
            await copy.WriteAsync("2026-11-23 00:00:00+00\t1\tbinary\n");
        }

        Assert.That(await Sql.ScalarAsync(connection, "SELECT note FROM events"), Is.EqualTo("binary"));
    }

    [Test]
    public async Task Nothing_is_left_of_a_transaction_that_is_rolled_back_or_whose_client_leaves()
    {
        await using (var connection = await Sql.OpenAsync(_dsn))
        {
            await using (var transaction = await connection.BeginTransactionAsync())
            {
                await EventsTable.ImportAsync(connection, 0, 10, complete: true);
                await transaction.RollbackAsync();
            }

            await connection.BeginTransactionAsync();
            await EventsTable.ImportAsync(connection, 0, 10, complete: true);
        }

        Assert.That(await EventsTable.CountAsync(_dsn), Is.Zero);
    }

    [Test]
    public async Task A_copy_and_its_cursor_are_committed_as_one()
    {
        await Sql.ExecuteAsync(_dsn, "CREATE TABLE cursors (position int8)");
        await using var connection = await Sql.OpenAsync(_dsn);
        await using var transaction = await connection.BeginTransactionAsync();
        await EventsTable.ImportAsync(connection, 0, 10, complete: true);
        await Sql.ExecuteAsync(connection, "INSERT INTO cursors VALUES (10)");
        await transaction.CommitAsync();
        Assert.That(await EventsTable.CountAsync(_dsn), Is.EqualTo(await Sql.ScalarAsync(_dsn, "SELECT position FROM cursors")));
    }

    [Test]
    public async Task Another_connection_sees_rows_when_they_are_committed()
    {
        await using var writer = await Sql.OpenAsync(_dsn);
        await using var reader = await Sql.OpenAsync(_dsn);
        await using var transaction = await writer.BeginTransactionAsync();
        await EventsTable.ImportAsync(writer, 0, 10, complete: true);
        var count = Sql.ScalarAsync(reader, "SELECT count(*) FROM events");
        if (flavour.HasConcurrency)
        {
            Assert.That(await count, Is.EqualTo(0));
        }

        await transaction.CommitAsync();
        Assert.That(await count, Is.EqualTo(flavour.HasConcurrency ? 0 : 10), "without concurrency the reader waits for the writer");
        Assert.That(await EventsTable.CountAsync(_dsn), Is.EqualTo(10));
    }

    [Test]
    public async Task Connections_at_once_lose_nothing()
    {
        await Task.WhenAll(Enumerable.Range(0, 6).Select(async i =>
        {
            await using var connection = await Sql.OpenAsync(_dsn);
            for (var batch = 0; batch < 5; batch++)
            {
                await using var transaction = await connection.BeginTransactionAsync();
                await EventsTable.ImportAsync(connection, (i * 500) + (batch * 100), 100, complete: true);
                await transaction.CommitAsync();
            }
        }));
        Assert.That(await Sql.ScalarAsync(_dsn, "SELECT count(DISTINCT id) FROM events"), Is.EqualTo(3_000));
    }

    [Test]
    public async Task Prepared_statements_belong_to_their_connection()
    {
        await using var one = await Sql.OpenAsync(_dsn);
        await using var two = await Sql.OpenAsync(_dsn);
        await using var first = new NpgsqlCommand("SELECT $1::int + 1", one) { Parameters = { new NpgsqlParameter<int>() } };
        await using var second = new NpgsqlCommand("SELECT $1::int * 2", two) { Parameters = { new NpgsqlParameter<int>() } };
        await first.PrepareAsync();
        await second.PrepareAsync();
        for (var i = 0; i < 5; i++)
        {
            ((NpgsqlParameter<int>)first.Parameters[0]).TypedValue = ((NpgsqlParameter<int>)second.Parameters[0]).TypedValue = i;
            Assert.That((await first.ExecuteScalarAsync(), await second.ExecuteScalarAsync()), Is.EqualTo((i + 1, i * 2)));
        }
    }

    [Test]
    public async Task Errors_have_their_code_and_leave_the_connection_usable()
    {
        await using var connection = await Sql.OpenAsync(_dsn);
        await AssertRefused("SELECT * FROM nothing", PostgresErrorCodes.UndefinedTable);
        await AssertRefused("SELECT 1 / 0", PostgresErrorCodes.DivisionByZero);
        await Assert.ThatAsync(() => connection.BeginBinaryImportAsync("COPY nothing FROM STDIN (FORMAT binary)"), Throws.InstanceOf<PostgresException>());
        await Assert.ThatAsync(() => ImportNullAsync(connection), Throws.InstanceOf<PostgresException>());
        await using (var transaction = await connection.BeginTransactionAsync())
        {
            await AssertRefused("SELECT 1 / 0", PostgresErrorCodes.DivisionByZero);
            await AssertRefused("SELECT 1", PostgresErrorCodes.InFailedSqlTransaction);
            await transaction.RollbackAsync();
        }

        Assert.That(await Sql.ScalarAsync(connection, "SELECT 1"), Is.EqualTo(1));

        async Task AssertRefused(string sql, string code) => Assert.That(
            (await Assert.ThrowsAsync<PostgresException>(() => Sql.ScalarAsync(connection, sql)))!.SqlState, Is.EqualTo(code));
    }

    [Test]
    public async Task Databases_are_apart_and_start_the_same()
    {
        var other = await flavour.NewDatabaseAsync();
        Assert.That(await Sql.ScalarAsync(other, "SELECT to_regclass('events')::text"), Is.Null);
        Assert.That(await Sql.ScalarAsync(other, "SHOW search_path"), Is.EqualTo("\"$user\", public"));
        Assert.That(await Sql.ScalarAsync(other, "SELECT current_setting('server_version_num')::int"), Is.GreaterThanOrEqualTo(150_000));
        Assert.That(await Sql.ScalarAsync(other, "SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"), Is.EqualTo(flavour.HasTimescale ? 1 : 0));
    }

    [Test]
    public async Task A_setting_ends_with_its_session()
    {
        await Sql.ExecuteAsync(_dsn, "SET TimeZone = 'Asia/Tokyo'; SET work_mem = '5MB'");
        Assert.That(await Sql.ScalarAsync(_dsn, "SHOW work_mem"), Is.Not.EqualTo("5MB"));
    }

    /// <summary>A row that the table refuses.</summary>
    private static async Task ImportNullAsync(NpgsqlConnection connection)
    {
        await using var import = await connection.BeginBinaryImportAsync("COPY events (at, id) FROM STDIN (FORMAT binary)");
        await import.StartRowAsync();
        await import.WriteNullAsync();
        await import.WriteAsync(1L, NpgsqlDbType.Bigint);
        await import.CompleteAsync();
    }
}
