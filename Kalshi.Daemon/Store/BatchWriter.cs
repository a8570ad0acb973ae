using System.Globalization;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>
/// One connection that writes batches: every table by COPY, what changes merged, and the loader's cursor, in one transaction. The
/// cursor moves only if it stood where the batch begins, so a batch that was committed although its answer got lost, or another
/// loader's, is never written twice. One batch at a time.
/// </summary>
internal sealed class BatchWriter
{
    /// <summary>What is handed to the socket at once.</summary>
    private const int ChunkBytes = 1 << 18;

    /// <summary>Rows of a full compressed batch.</summary>
    private const int CompressedRowsMin = 1_000;

    private const string MoveCursor =
        "update kalshid.cursors set position = $2, updated_at = clock_timestamp() where name = 'loader' and position = $1";

    private readonly NpgsqlConnection _connection;
    private readonly TimeSpan _timeout;
    private readonly bool _isCompressed;

    /// <summary>Hours whose partitions are known to be there.</summary>
    private readonly HashSet<long> _hours = [];

    /// <summary>Whether the next COPY is compressed, as the connection's settings stand.</summary>
    private bool _isCompressing;

    /// <summary>What the connection is doing, or did last.</summary>
    private Task _busy = Task.CompletedTask;

    private BatchWriter(NpgsqlConnection connection, TimeSpan timeout, bool isCompressed)
    {
        _connection = connection;
        _timeout = timeout;
        _isCompressed = isCompressed;
    }

    /// <summary>Throws as <see cref="StoreDatabase.OpenAsync"/>.</summary>
    public static async Task<BatchWriter> OpenAsync(StoreDatabase database, LoaderSettings settings, bool isTimescale, CancellationToken cancellation)
    {
        var connection = await database.OpenAsync(cancellation);
        try
        {
            await connection.ExecuteAsync(Limits(settings.Timeout), cancellation);
            await connection.ExecuteAsync(StoreTables.Staging + StoreTables.Planning, cancellation);
            return new BatchWriter(connection, settings.Timeout, isTimescale && settings.DirectCompress);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>For closing: the connection, and what it is still doing.</summary>
    public (NpgsqlConnection Connection, Task Busy) Connection => (_connection, _busy);

    /// <summary>What we could not cancel because the network was gone, the server ends by itself; else its locks would stay.</summary>
    private static string Limits(TimeSpan timeout)
    {
        var limit = string.Create(CultureInfo.InvariantCulture, $"{2 * timeout.TotalMilliseconds:0}");
        return $"set statement_timeout = {limit}; set lock_timeout = {limit}; set idle_in_transaction_session_timeout = {limit}";
    }

    /// <summary>
    /// Writes the batch and commits it after `predecessor`, the commit of the batch before. Throws <see cref="NpgsqlException"/>,
    /// <see cref="TimeoutException"/> or <see cref="IOException"/>; then nothing of it is in the store, or (when the answer to the commit was lost) all of it.
    /// </summary>
    public Task WriteAsync(StoreBatch batch, Task predecessor, CancellationToken stop) => Patience.LimitAsync(
        cancellation => _busy = WriteOnceAsync(batch, predecessor, cancellation), _timeout,
        $"a batch took longer than store.timeout ({_timeout.TotalSeconds:0} s): a lock held by somebody, or a stalled network", stop);

    private async Task WriteOnceAsync(StoreBatch batch, Task predecessor, CancellationToken cancellation)
    {
        await MakePartitionsAsync(batch, cancellation);
        await using var transaction = await _connection.BeginTransactionAsync(cancellation);
        for (var table = (StoreTable)0; (int)table < StoreTables.Count; table++)
        {
            await CopyAsync(table, batch[table], cancellation);
        }

        await predecessor;
        // Once cancelled, the batch may be sent by somebody else or be refilled: nothing of it is committed here.
        cancellation.ThrowIfCancellationRequested();
        await MergeAsync(batch, cancellation);
        cancellation.ThrowIfCancellationRequested();
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>Mostly the upkeep has made them. Before the transaction: who makes one holds it until the commit, and another writer would wait for that.</summary>
    private async Task MakePartitionsAsync(StoreBatch batch, CancellationToken cancellation)
    {
        foreach (var hour in batch.Hours)
        {
            if (_hours.Contains(hour))
            {
                continue;
            }

            await using var command = new NpgsqlCommand("select kalshid.make_partitions($1, $1, $2)", _connection)
            {
                Parameters = { Sql.Time(hour), new NpgsqlParameter<bool> { TypedValue = _isCompressed } },
            };
            await command.ExecuteNonQueryAsync(cancellation);
            _hours.Add(hour);
        }
    }

    private async Task CopyAsync(StoreTable table, CopyBuffer rows, CancellationToken cancellation)
    {
        if (rows.Rows == 0)
        {
            return;
        }

        await SetCompressingAsync(_isCompressed && table == StoreTable.Deltas && rows.Rows >= CompressedRowsMin, cancellation);
        await using var stream = await _connection.BeginRawBinaryCopyAsync(StoreTables.CopyOf(table), cancellation);
        var bytes = rows.Finish();
        for (var at = 0; at < bytes.Length; at += ChunkBytes)
        {
            await stream.WriteAsync(bytes[at..Math.Min(bytes.Length, at + ChunkBytes)], cancellation);
        }
    }

    /// <summary>
    /// Only rows in order and in numbers are worth compressing at once: each COPY begins compressed batches of its own. The server need not
    /// sort them, since no two batches overlap in received_at. Settings that its version of the extension lacks are left out.
    /// </summary>
    private async Task SetCompressingAsync(bool isWanted, CancellationToken cancellation)
    {
        if (isWanted == _isCompressing)
        {
            return;
        }

        await _connection.ExecuteAsync(
            $"""
            select set_config(name, '{(isWanted ? "on" : "off")}', false) from pg_settings
            where name in ('timescaledb.enable_direct_compress_copy', 'timescaledb.enable_direct_compress_copy_client_sorted')
            """,
            cancellation);
        _isCompressing = isWanted;
    }

    private async Task MergeAsync(StoreBatch batch, CancellationToken cancellation)
    {
        await using var merge = new NpgsqlBatch(_connection);
        for (var table = (StoreTable)0; (int)table < StoreTables.Count; table++)
        {
            if (batch[table].Rows > 0 && StoreTables.MergeOf(table) is { } sql)
            {
                var (first, last) = table == StoreTable.ReplacedTrades ? batch.Replaced : (batch.After, batch.Through);
                merge.BatchCommands.Add(Command(sql, sql.Contains("$1", StringComparison.Ordinal) ? [Sql.Time(first), Sql.Time(last)] : []));
            }
        }

        AddState(merge, batch);
        if (batch.After == 0)
        {
            merge.BatchCommands.Add(Command("update kalshid.store set first_record_at = $1 where first_record_at is null", [Sql.Time(batch.FirstAt)]));
        }

        if (batch.StoppedAt > 0)
        {
            merge.BatchCommands.Add(Command("update kalshid.store set stopped_at = $1", [Sql.Time(batch.StoppedAt)]));
        }

        var cursor = Command(MoveCursor, [Sql.Time(batch.After), Sql.Time(batch.Through)]);
        merge.BatchCommands.Add(cursor);
        await merge.ExecuteNonQueryAsync(cancellation);
        if (cursor.RecordsAffected != 1)
        {
            throw new CursorMovedException();
        }
    }

    private static void AddState(NpgsqlBatch merge, StoreBatch batch)
    {
        const int partBytes = 4 << 20;
        if (batch.State is not { } state)
        {
            return;
        }

        merge.BatchCommands.Add(Command("delete from kalshid.loader_state", []));
        for (var at = 0; at < state.Length; at += partBytes)
        {
            var part = new NpgsqlParameter<byte[]> { TypedValue = state[at..Math.Min(state.Length, at + partBytes)] };
            merge.BatchCommands.Add(Command(
                "insert into kalshid.loader_state (part, position, bytes) values ($1, $2, $3)",
                [new NpgsqlParameter<int> { TypedValue = at / partBytes }, Sql.Time(batch.Through), part]));
        }
    }

    private static NpgsqlBatchCommand Command(string sql, NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        command.Parameters.AddRange(parameters);
        return command;
    }
}

/// <summary>The cursor in the store is not where this loader left it: the database was replaced, or somebody else writes.</summary>
internal sealed class CursorMovedException() : IOException("the store's cursor is not where this loader left it");
