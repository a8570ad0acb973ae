using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>What the store may rely on in TimescaleDB.</summary>
[TestFixtureSource(typeof(StoreServers), nameof(StoreServers.WithTimescale))]
internal sealed class HypertableTest(StoreFlavour flavour)
{
    private const int Rows = 3_000; // in 50 chunks of an hour, 24 of them on the first day
    private const string FirstDay = "older_than => timestamptz '2025-11-24Z'";

    private string _dsn = "";

    [SetUp]
    public async Task MakeHypertable()
    {
        _dsn = await flavour.NewDatabaseAsync();
        await EventsTable.CreateAsync(_dsn);
        await Sql.ExecuteAsync(_dsn, "SELECT create_hypertable('events', by_range('at', interval '1 hour'), create_default_indexes => false)");
        await Sql.ExecuteAsync(_dsn, "ALTER TABLE events SET (timescaledb.enable_columnstore, timescaledb.segmentby = '', timescaledb.orderby = 'id')");
    }

    [Test]
    public async Task Chunks_are_compressed_and_dropped()
    {
        await using var connection = await Sql.OpenAsync(_dsn);
        await EventsTable.ImportAsync(connection, 0, Rows, complete: true);
        var before = await EventsTable.ReadRawAsync(_dsn);
        await Sql.ExecuteAsync(connection, $"SELECT count(compress_chunk(chunk)) FROM show_chunks('events', {FirstDay}) AS chunk");
        Assert.That(await CompressedChunksAsync(connection), Is.EqualTo(24));
        Assert.That(await EventsTable.ReadRawAsync(_dsn), Is.EqualTo(before));
        await Sql.ExecuteAsync(connection, $"SELECT drop_chunks('events', {FirstDay})");
        Assert.That(await EventsTable.CountAsync(_dsn), Is.EqualTo(Rows - (24 * 60)));
    }

    [Test]
    public async Task A_copy_may_be_compressed_at_once()
    {
        await using var connection = await Sql.OpenAsync(_dsn);
        await Sql.ExecuteAsync(connection, "SET timescaledb.enable_direct_compress_copy = on");
        await EventsTable.ImportAsync(connection, 0, Rows, complete: true);
        Assert.That(await CompressedChunksAsync(connection), Is.EqualTo(50));
        Assert.That(await EventsTable.CountAsync(_dsn), Is.EqualTo(Rows));
    }

    [Test]
    public async Task A_job_may_be_run_by_hand()
    {
        await using var connection = await Sql.OpenAsync(_dsn);
        await EventsTable.ImportAsync(connection, 0, Rows, complete: true);
        // Not scheduled: nobody else runs it.
        await Sql.ExecuteAsync(connection, "SELECT FROM alter_job(add_retention_policy('events', interval '1 hour'), scheduled => false)");
        var job = await Sql.ScalarAsync(connection, "SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention'");
        await Sql.ExecuteAsync(connection, $"CALL run_job({job})");
        Assert.That(await EventsTable.CountAsync(_dsn), Is.Zero);
    }

    private static Task<object?> CompressedChunksAsync(NpgsqlConnection connection) =>
        Sql.ScalarAsync(connection, "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed");
}
