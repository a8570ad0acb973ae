using System.Globalization;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>A connection that writes batches: rows by COPY into partitions that are there, within a time. One batch at a time.</summary>
internal sealed class WritingConnection
{
    /// <summary>What is handed to the socket at once.</summary>
    private const int ChunkBytes = 1 << 18;

    /// <summary>
    /// A merge touches few rows of large tables, by their keys, from staging tables the planner knows nothing of: it must never read all of
    /// a million markets instead.
    /// </summary>
    public const string Planning = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off;";

    /// <summary>Hours whose partitions are known to be there.</summary>
    private readonly HashSet<long> _hours = [];

    /// <summary>What the connection is doing, or did last.</summary>
    private Task _busy = Task.CompletedTask;

    private WritingConnection(NpgsqlConnection connection) => Connection = connection;

    public NpgsqlConnection Connection { get; }

    /// <summary>For closing: the connection, and what it is still doing.</summary>
    public (NpgsqlConnection Connection, Task Busy) Closing => (Connection, _busy);

    /// <summary>Throws as <see cref="StoreDatabase.OpenAsync"/>. `staging`: makes the connection's own tables; `patience`: what batches may take at first.</summary>
    public static async Task<WritingConnection> OpenAsync(StoreDatabase database, string staging, TimeSpan patience, CancellationToken cancellation)
    {
        var connection = await database.OpenAsync(cancellation);
        try
        {
            await connection.ExecuteAsync(Limits(patience), cancellation);
            await connection.ExecuteAsync(staging + Planning, cancellation);
            return new WritingConnection(connection);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>What we could not cancel because the network was gone, the server ends by itself; else its locks would stay.</summary>
    private static string Limits(TimeSpan patience)
    {
        var limit = string.Create(CultureInfo.InvariantCulture, $"{2 * patience.TotalMilliseconds:0}");
        return $"set statement_timeout = {limit}; set lock_timeout = {limit}; set idle_in_transaction_session_timeout = {limit}";
    }

    /// <summary>Does a batch's work within `patience`. Throws what it throws, and <see cref="TimeoutException"/>. `setting`: where the patience begins, for people.</summary>
    public Task WriteAsync(Func<CancellationToken, Task> work, TimeSpan patience, string setting, CancellationToken stop) => Patience.LimitAsync(
        cancellation => _busy = work(cancellation), patience,
        $"a batch took longer than {patience.TotalSeconds:0} s ({setting}, doubled at each try): a lock held by somebody, a slow server, or a stalled network", stop);

    /// <summary>Mostly the upkeep has made them. Before the transaction: who makes one holds it until the commit, and another writer would wait for that.</summary>
    public async Task MakePartitionsAsync(IEnumerable<long> hours, bool isCompressed, CancellationToken cancellation)
    {
        foreach (var hour in hours)
        {
            if (_hours.Contains(hour))
            {
                continue;
            }

            await using var command = new NpgsqlCommand("select kalshid.make_partitions($1, $1, $2)", Connection)
            {
                Parameters = { Sql.Time(hour), new NpgsqlParameter<bool> { TypedValue = isCompressed } },
            };
            await command.ExecuteNonQueryAsync(cancellation);
            _hours.Add(hour);
        }
    }

    /// <summary>Copies a row for each part of a state: its number, what `put` puts, its bytes. As parameters, states of a million markets took many seconds.</summary>
    public async Task CopyAsync(string copy, PackedState state, Action<CopyBuffer> put, CancellationToken cancellation)
    {
        var rows = new CopyBuffer();
        for (var part = 0; part < state.Parts.Count; part++)
        {
            rows.Clear();
            rows.BeginRow(3);
            rows.Int(part);
            put(rows);
            rows.Raw(state.Parts[part]);
            await CopyAsync(copy, rows, cancellation);
        }
    }

    /// <summary>Copies the rows; nothing happens when there are none.</summary>
    public async Task CopyAsync(string copy, CopyBuffer rows, CancellationToken cancellation)
    {
        if (rows.Rows == 0)
        {
            return;
        }

        await using var stream = await Connection.BeginRawBinaryCopyAsync(copy, cancellation);
        var bytes = rows.Finish();
        for (var at = 0; at < bytes.Length; at += ChunkBytes)
        {
            await stream.WriteAsync(bytes[at..Math.Min(bytes.Length, at + ChunkBytes)], cancellation);
        }
    }
}
