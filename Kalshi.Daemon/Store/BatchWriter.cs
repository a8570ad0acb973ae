using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>
/// One connection that writes batches: every table by COPY, what changes merged, and the loader's cursor, in one transaction. The
/// cursor moves only if it stood where the batch begins, so a batch that was committed although its answer got lost, or another
/// loader's, is never written twice. One batch at a time, and the next one begins at once.
/// </summary>
/// <remarks>
/// Commits do not wait for the database's disk. Commits become durable in their order, so a crash of the database takes back the last of them, fractions
/// of a second, with their cursor; a loader that connects again begins from the cursor it then finds, and the journal, of which only records that
/// are on disk are loaded, makes the same rows of the same records. What may be deleted of the journal must not be taken back, and that is what a batch with
/// the loader's state allows: it does wait, and when it is on disk, so is everything before it.
/// </remarks>
internal sealed class BatchWriter
{
    /// <summary>Rows of a full compressed batch.</summary>
    private const int CompressedRowsMin = 1_000;

    private const string MoveCursor =
        "update kalshid.cursors set position = $2, updated_at = clock_timestamp() where name = 'loader' and position = $1";

    private readonly WritingConnection _writing;
    private readonly bool _isCompressed;

    /// <summary>Batches it takes at most: one on its way, and the one that follows it without waiting for the loader's thread.</summary>
    public const int QueuedMax = 2;

    /// <summary>The batch given last.</summary>
    private Task _latest = Task.CompletedTask;

    /// <summary>Whether the next COPY is compressed, as the connection's settings stand.</summary>
    private bool _isCompressing;

    private BatchWriter(WritingConnection writing, bool isCompressed)
    {
        _writing = writing;
        _isCompressed = isCompressed;
    }

    /// <summary>Throws as <see cref="StoreDatabase.OpenAsync"/>. `patience`: what batches may take at first.</summary>
    public static async Task<BatchWriter> OpenAsync(StoreDatabase database, LoaderSettings settings, TimeSpan patience, bool isTimescale, CancellationToken cancellation) =>
        new(await WritingConnection.OpenAsync(database, "set synchronous_commit = off; " + StoreTables.Staging, patience, cancellation), isTimescale && settings.DirectCompress);

    /// <summary>For closing: the connection, and what it is still doing.</summary>
    public (NpgsqlConnection Connection, Task Busy) Closing => _writing.Closing;

    /// <summary>
    /// Writes the batch and commits it after `predecessor`, the commit of the batch before, within `patience`. Throws <see cref="NpgsqlException"/>,
    /// <see cref="TimeoutException"/> or <see cref="IOException"/>; then nothing of it is in the store, or (when the answer to the commit was lost) all of it.
    /// </summary>
    public Task WriteAsync(StoreBatch batch, Task predecessor, TimeSpan patience, CancellationToken stop) =>
        _latest = WriteNextAsync(_latest, batch, predecessor, patience, stop);

    /// <summary>`latest`: the batch before on this connection. When it failed, so does this one: nothing of it was begun.</summary>
    private async Task WriteNextAsync(Task latest, StoreBatch batch, Task predecessor, TimeSpan patience, CancellationToken stop)
    {
        await latest;
        await _writing.WriteAsync(cancellation => WriteOnceAsync(batch, predecessor, cancellation), patience, "store.timeout", stop);
    }

    private async Task WriteOnceAsync(StoreBatch batch, Task predecessor, CancellationToken cancellation)
    {
        await _writing.MakePartitionsAsync(batch.Hours, _isCompressed, cancellation);
        await using var transaction = await _writing.Connection.BeginTransactionAsync(cancellation);
        for (var table = (StoreTable)0; (int)table < StoreTables.Count; table++)
        {
            await CopyAsync(table, batch[table], cancellation);
        }

        await predecessor;
        // Once cancelled, the batch may be sent by somebody else or be refilled: nothing of it is committed here.
        cancellation.ThrowIfCancellationRequested();
        await WriteStateAsync(batch, cancellation);
        await MergeAsync(batch, cancellation);
        cancellation.ThrowIfCancellationRequested();
        await transaction.CommitAsync(cancellation);
    }

    private async Task CopyAsync(StoreTable table, CopyBuffer rows, CancellationToken cancellation)
    {
        if (rows.Rows > 0)
        {
            await SetCompressingAsync(_isCompressed && table == StoreTable.Deltas && rows.Rows >= CompressedRowsMin, cancellation);
            await _writing.CopyAsync(StoreTables.CopyOf(table), rows, cancellation);
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

        await _writing.Connection.ExecuteAsync(
            $"""
            select set_config(name, '{(isWanted ? "on" : "off")}', false) from pg_settings
            where name in ('timescaledb.enable_direct_compress_copy', 'timescaledb.enable_direct_compress_copy_client_sorted')
            """,
            cancellation);
        _isCompressing = isWanted;
    }

    private async Task MergeAsync(StoreBatch batch, CancellationToken cancellation)
    {
        await using var merge = new NpgsqlBatch(_writing.Connection);
        for (var table = (StoreTable)0; (int)table < StoreTables.Count; table++)
        {
            if (batch[table].Rows > 0 && StoreTables.MergeOf(table) is { } sql)
            {
                var (first, last) = table == StoreTable.ReplacedTrades ? batch.Replaced : (batch.After, batch.Through);
                merge.BatchCommands.Add(Sql.Command(sql, sql.Contains("$1", StringComparison.Ordinal) ? [Sql.Time(first), Sql.Time(last)] : []));
            }
        }

        if (batch.After == 0)
        {
            merge.BatchCommands.Add(Sql.Command("update kalshid.store set first_record_at = $1 where first_record_at is null", [Sql.Time(batch.FirstAt)]));
        }

        if (batch.StoppedAt > 0)
        {
            merge.BatchCommands.Add(Sql.Command("update kalshid.store set stopped_at = $1", [Sql.Time(batch.StoppedAt)]));
        }

        var cursor = Sql.Command(MoveCursor, [Sql.Time(batch.After), Sql.Time(batch.Through)]);
        merge.BatchCommands.Add(cursor);
        await merge.ExecuteNonQueryAsync(cancellation);
        if (cursor.RecordsAffected != 1)
        {
            throw new CursorMovedException();
        }
    }

    private async Task WriteStateAsync(StoreBatch batch, CancellationToken cancellation)
    {
        if (batch.State is { } state)
        {
            await _writing.Connection.ExecuteAsync("set local synchronous_commit = on; delete from kalshid.loader_state", cancellation);
            await _writing.CopyAsync(StoreTables.CopyOfState, state, rows => rows.Time(batch.Through), cancellation);
        }
    }
}

/// <summary>The cursor in the store is not where this loader left it: the database was replaced, or somebody else writes.</summary>
internal sealed class CursorMovedException() : IOException("the store's cursor is not where this loader left it");
