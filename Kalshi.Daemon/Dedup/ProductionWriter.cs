using Kalshi.Daemon.Store;
using Npgsql;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// One connection that writes turns, each in one transaction: rows by COPY, corrections between them, what changes merged, the gatherers'
/// positions, the merges' memory and the turn itself. A turn is committed only behind the one before it, by the dedup that claimed
/// production last: so one that was committed although its answer got lost, or another dedup's, is never written twice. One turn at a time.
/// </summary>
internal sealed class ProductionWriter
{
    private const string MoveTurn = "update kalshid.store set turn = $1, watermark = $2 where turn = $1 - 1 and writer = $3";

    private const string MoveGatherer =
        """
        update kalshid.gatherers set position = $2, first_record_at = $3, updated_at = clock_timestamp()
        where gatherer_id = $1 and position = $4 and first_record_at is not distinct from $5
        """;

    private const string CopyOfState = "copy kalshid.merge_state (part, turn, bytes) from stdin (format binary)";

    // Corrections of compressed chunks unpack what they touch, however much it is. Settings of another version of the extension are left out.
    private const string Unbounded = "select set_config(name, '0', false) from pg_settings where name = 'timescaledb.max_tuples_decompressed_per_dml_transaction';";

    private readonly WritingConnection _writing;
    private readonly Guid _writer;

    private ProductionWriter(WritingConnection writing, Guid writer)
    {
        _writing = writing;
        _writer = writer;
    }

    /// <summary>For closing: the connection, and what it is still doing.</summary>
    public (NpgsqlConnection Connection, Task Busy) Closing => _writing.Closing;

    /// <summary>Throws as <see cref="StoreDatabase.OpenAsync"/>. `writer`: who claimed production. `patience`: what turns may take at first.</summary>
    public static async Task<ProductionWriter> OpenAsync(StoreDatabase database, Guid writer, TimeSpan patience, CancellationToken cancellation) =>
        new(await WritingConnection.OpenAsync(database, ProductionTables.Staging + Unbounded, patience, cancellation), writer);

    /// <summary>
    /// Writes the turn and commits it after `predecessor`, the commit of the one before, within `patience`. Throws <see cref="NpgsqlException"/>,
    /// <see cref="TimeoutException"/> or <see cref="IOException"/>; then nothing of it is in production, or (when the answer to the commit was lost) all of it.
    /// </summary>
    public Task WriteAsync(ProductionBatch batch, Task predecessor, TimeSpan patience, CancellationToken stop) =>
        _writing.WriteAsync(cancellation => WriteOnceAsync(batch, predecessor, cancellation), patience, "dedup.timeout", stop);

    private async Task WriteOnceAsync(ProductionBatch batch, Task predecessor, CancellationToken cancellation)
    {
        await _writing.MakePartitionsAsync(batch.Hours, isCompressed: false, cancellation);
        await using var transaction = await _writing.Connection.BeginTransactionAsync(cancellation);
        for (var table = (ProductionTable)0; (int)table < ProductionTables.Count; table++)
        {
            await _writing.CopyAsync(ProductionTables.CopyOf(table), batch[table], cancellation);
        }

        await CopyAsync(batch, 0, cancellation);
        await predecessor;
        // Once cancelled, the turn may be sent by somebody else or be refilled: nothing of it is committed here.
        cancellation.ThrowIfCancellationRequested();
        await MoveAsync(batch, cancellation);
        for (var step = 0; step < batch.StepCount; step++)
        {
            if (step > 0)
            {
                await CopyAsync(batch, step, cancellation);
            }

            await MergeAsync(batch, step, cancellation);
        }

        await MergeAsync(batch, cancellation);
        cancellation.ThrowIfCancellationRequested();
        await transaction.CommitAsync(cancellation);
    }

    /// <summary>The rows of a step.</summary>
    private async Task CopyAsync(ProductionBatch batch, int step, CancellationToken cancellation)
    {
        for (var table = (BookTable)0; (int)table < BookStep.TableCount; table++)
        {
            var rows = batch.Steps[step][table];
            if (step > 0 && rows.Rows > 0 && ProductionTables.Empty(table) is { } empty)
            {
                await _writing.Connection.ExecuteAsync(empty, cancellation);
            }

            await _writing.CopyAsync(ProductionTables.CopyOf(table), rows, cancellation);
        }
    }

    /// <summary>The fence: holds the row until the commit, so that nobody else writes beside us.</summary>
    private async Task MoveAsync(ProductionBatch batch, CancellationToken cancellation)
    {
        await using var move = new NpgsqlBatch(_writing.Connection);
        move.BatchCommands.Add(Sql.Command(MoveTurn, Turn(batch), Time(batch.Watermark), new NpgsqlParameter<Guid> { TypedValue = _writer }));
        for (var gatherer = 0; gatherer < batch.Gatherers; gatherer++)
        {
            var (from, to) = batch.Moved(gatherer);
            if (from != to)
            {
                move.BatchCommands.Add(Sql.Command(
                    MoveGatherer, new NpgsqlParameter<short> { TypedValue = (short)gatherer }, Sql.Time(to.At), Time(to.FirstRecordAt), Sql.Time(from.At), Time(from.FirstRecordAt)));
            }
        }

        await move.ExecuteNonQueryAsync(cancellation);
        if (move.BatchCommands.Cast<NpgsqlBatchCommand>().Any(command => command.RecordsAffected != 1))
        {
            throw new IOException("production is not where this dedup left it");
        }
    }

    /// <summary>What the copied rows of a step change, and its corrections.</summary>
    private async Task MergeAsync(ProductionBatch batch, int step, CancellationToken cancellation)
    {
        var rows = batch.Steps[step];
        await using var merge = new NpgsqlBatch(_writing.Connection);
        Add(merge, rows[BookTable.CoverageChanges], ProductionTables.MergesOf(BookTable.CoverageChanges));
        Add(merge, rows[BookTable.VouchChanges], ProductionTables.MergesOf(BookTable.VouchChanges));
        await ExecuteAsync(merge, cancellation);
        if (rows.Corrected.Count > 0)
        {
            await CorrectAsync(rows, cancellation);
        }
    }

    private async Task CorrectAsync(BookStep rows, CancellationToken cancellation)
    {
        await using var correct = new NpgsqlBatch(_writing.Connection);
        correct.BatchCommands.Add(Sql.Command(ProductionTables.AllowHash));
        Add(correct, rows, BookTable.Renumberings, ProductionTables.Renumber, rows.Renumbered.First, rows.Renumbered.Last);
        Add(correct, rows, BookTable.Withdrawals, ProductionTables.Withdraw, rows.Withdrawn.First, rows.Withdrawn.Last);
        Add(correct, rows, BookTable.Joins, ProductionTables.Join, rows[BookTable.Joins].Rows == 0 ? 0 : await ReadJoinedFromAsync(cancellation), long.MaxValue);
        correct.BatchCommands.Add(Sql.Command(ProductionTables.ForbidHash));
        await correct.ExecuteNonQueryAsync(cancellation);
    }

    private static void Add(NpgsqlBatch batch, BookStep rows, BookTable table, Func<List<int>, Correction[]> statements, long first, long last)
    {
        if (rows[table].Rows == 0)
        {
            return;
        }

        batch.BatchCommands.Add(Sql.Command(ProductionTables.Analyze(table)));
        foreach (var correction in statements(rows.Corrected))
        {
            batch.BatchCommands.Add(correction.Of(first, last));
        }
    }

    private async Task<long> ReadJoinedFromAsync(CancellationToken cancellation)
    {
        await using var find = new NpgsqlCommand(ProductionTables.JoinedFrom, _writing.Connection);
        await using var reader = await find.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return reader.IsDBNull(0) ? long.MinValue : reader.GetTime(0);
    }

    /// <summary>What the other rows change, and the merges' memory.</summary>
    private async Task MergeAsync(ProductionBatch batch, CancellationToken cancellation)
    {
        await using var merge = new NpgsqlBatch(_writing.Connection);
        for (var table = (ProductionTable)0; (int)table < ProductionTables.Count; table++)
        {
            Add(merge, batch[table], ProductionTables.MergesOf(table));
        }

        foreach (var hour in batch.Hours)
        {
            merge.BatchCommands.Add(Sql.Command(
                "insert into kalshid.hours (hour, turn) values ($1, $2) on conflict (hour) do update set turn = excluded.turn", Sql.Time(hour), Turn(batch)));
        }

        if (batch.State is { } state)
        {
            merge.BatchCommands.Add(Sql.Command("delete from kalshid.merge_log"));
            merge.BatchCommands.Add(Sql.Command("delete from kalshid.merge_state"));
            await ExecuteAsync(merge, cancellation);
            await _writing.CopyAsync(CopyOfState, state, rows => rows.Long(batch.Turn), cancellation);
        }
        else
        {
            merge.BatchCommands.Add(Sql.Command(
                "insert into kalshid.merge_log (turn, bytes) values ($1, $2)", Turn(batch), new NpgsqlParameter<byte[]> { TypedValue = batch.PackedLog }));
            await ExecuteAsync(merge, cancellation);
        }
    }

    private static void Add(NpgsqlBatch batch, CopyBuffer rows, string[] statements)
    {
        foreach (var sql in rows.Rows > 0 ? statements : [])
        {
            batch.BatchCommands.Add(Sql.Command(sql));
        }
    }

    private static async Task ExecuteAsync(NpgsqlBatch batch, CancellationToken cancellation)
    {
        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(cancellation);
        }
    }

    /// <summary>0 is null.</summary>
    private static NpgsqlParameter Time(long micros) =>
        micros == 0 ? new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz } : Sql.Time(micros);

    private static NpgsqlParameter Turn(ProductionBatch batch) => new NpgsqlParameter<long> { TypedValue = batch.Turn };
}
