using System.Globalization;
using Kalshi.Daemon.Primitives;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>What a store says of itself, times in µs since 1970, 0 = not said.</summary>
/// <param name="Cursor">Position of the last record loaded: the end of everything a reader may see.</param>
/// <param name="FirstAt">Stamp of the first record ever loaded.</param>
/// <param name="DroppedBefore">Rows of streams older than this may be gone; a whole hour.</param>
/// <param name="StoppedAt">Position of the last clean stop.</param>
/// <param name="Gatherer">Null before the first load.</param>
internal sealed record StoreFacts(long Cursor, long FirstAt, long DroppedBefore, long StoppedAt, string? Gatherer)
{
    public const string Select =
        "select (select position from kalshid.cursors where name = 'loader'), first_record_at, dropped_before, stopped_at, gatherer from kalshid.store";

    /// <summary>From here on everything up to the cursor is there; without rows, beyond it.</summary>
    public long BeginsAt => Math.Max(FirstAt, DroppedBefore);

    /// <summary>The answer to <see cref="Select"/>.</summary>
    public static StoreFacts Read(CopyRows rows)
    {
        Checks.That(rows.TryRow(), "A store has a row that describes it.");
        var (cursor, firstAt, droppedBefore, stoppedAt) = (rows.Time(0), rows.Time(0), rows.Time(0), rows.Time(0));
        var gatherer = System.Text.Encoding.UTF8.GetString(rows.Bytes());
        return new StoreFacts(cursor, firstAt, droppedBefore, stoppedAt, gatherer.Length > 0 ? gatherer : null);
    }
}

/// <summary>
/// One connection that reads a store, by raw binary COPY only. Blocking; one thread at a time. Every failure of the database is a
/// <see cref="SetupException"/> that explains.
/// </summary>
internal sealed class StoreReader : IDisposable
{
    /// <summary>For a connection that reads by ranges: they are found by BRIN, whose cost the planner overrates where nothing has been analysed; the sorts are of bounded size.</summary>
    public const string Planning = "set enable_seqscan = off; set jit = off; set work_mem = '128MB'; set max_parallel_workers_per_gather = 0";

    private readonly StoreDatabase _database;
    private readonly NpgsqlConnection _connection;
    private NpgsqlTransaction? _transaction;

    private StoreReader(StoreDatabase database, NpgsqlConnection connection)
    {
        _database = database;
        _connection = connection;
    }

    /// <summary>Host, port and database.</summary>
    public string Name => _database.Name;

    /// <summary>Of a gatherer's store.</summary>
    public static StoreReader Open(StoreDatabase database) => Open(database, Migrations.Gatherer);

    /// <summary>Throws when there is no database, no store of the kind in it, or one of another version.</summary>
    public static StoreReader Open(StoreDatabase database, Migrations kind)
    {
        var reader = new StoreReader(database, database.OpenOrExplainAsync().GetAwaiter().GetResult());
        try
        {
            reader.Try(() => CheckVersionAsync(database, reader._connection, kind, CancellationToken.None).GetAwaiter().GetResult());
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>Throws <see cref="SetupException"/> when there is no store of the kind in the database, or one of another version.</summary>
    public static async Task CheckVersionAsync(StoreDatabase database, NpgsqlConnection connection, Migrations kind, CancellationToken cancellation)
    {
        var mode = kind == Migrations.Gatherer ? "kalshid gather" : "kalshid dedup";
        switch (await kind.KnownVersionAsync(database, connection, cancellation))
        {
            case 0:
                throw new SetupException(ExitCode.Config, $"{database.Name} holds no store: name its database in {database.Setting}, or let {mode} fill this one first.");
            case var version when version < kind.Latest:
                throw new SetupException(
                    ExitCode.Config, $"The store in {database.Name} has schema version {version}, this kalshid reads {kind.Latest}: let {mode} of this version bring it up to date first.");
        }
    }

    /// <summary>The store's facts as of now.</summary>
    public StoreFacts ReadFacts() => StoreFacts.Read(Copy(StoreFacts.Select));

    /// <summary>Everything read until <see cref="End"/> is as of one moment.</summary>
    public void Begin() => Try(() => _transaction = _connection.BeginTransaction(System.Data.IsolationLevel.RepeatableRead));

    public void End()
    {
        Try(() => _transaction?.Rollback());
        _transaction?.Dispose();
        _transaction = null;
    }

    /// <summary>The answer to `select` in buffers of its own.</summary>
    public CopyRows Copy(string select)
    {
        var rows = new CopyRows();
        Copy(select, rows);
        return rows;
    }

    public void Copy(string select, CopyRows into) => Try(() =>
    {
        using var answer = _connection.BeginRawBinaryCopy($"copy ({select}) to stdout (format binary)");
        into.Fill(answer);
    });

    public void Execute(string sql) => Try(() =>
    {
        using var command = new NpgsqlCommand(sql, _connection);
        command.ExecuteNonQuery();
    });

    /// <summary>A time as SQL: a constant, so that only the partitions it needs are planned.</summary>
    public static string Spell(long micros) => micros == long.MaxValue ? "timestamptz 'infinity'" : $"timestamptz '{Micros.Format(micros)}'";

    /// <summary>Any text as SQL.</summary>
    public static string Spell(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    public static string Spell(int number) => number.ToString(CultureInfo.InvariantCulture);

    public void Dispose()
    {
        _transaction?.Dispose();
        _connection.Dispose();
    }

    private void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (StoreDatabase.IsFailure(e))
        {
            throw new SetupException(ExitCode.Unavailable, $"The store cannot be read: {_database.Explain(e)}");
        }
    }
}
