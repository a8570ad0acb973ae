using Kalshi.Daemon.Primitives;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>A loader's connections to a store that is of the right version and this gatherer's own.</summary>
internal sealed class StoreSession : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private readonly TimeSpan _patience;
    private Task _busy = Task.CompletedTask;

    private StoreSession(NpgsqlConnection connection, TimeSpan patience, bool isTimescale, long cursor)
    {
        _connection = connection;
        _patience = patience;
        IsTimescale = isTimescale;
        Cursor = cursor;
    }

    public bool IsTimescale { get; }

    /// <summary>How far the store is loaded, µs, when the session was opened; 0 = empty.</summary>
    public long Cursor { get; }

    public List<BatchWriter> Writers { get; } = [];

    /// <summary>
    /// Migrates, claims and opens. Throws <see cref="SetupException"/> for a store that is not ours to write; what
    /// <see cref="StoreDatabase.IsFailure"/> knows when the database fails. `patience`: for batches and the state, which may be long.
    /// </summary>
    public static Task<StoreSession> OpenAsync(StoreDatabase database, LoaderSettings settings, TimeSpan patience, CancellationToken stop) => Patience.LimitAsync(async cancellation =>
    {
        await Migrations.Gatherer.ApplyAsync(database, settings.Timescale, cancellation);
        var connection = await database.OpenAsync(cancellation);
        try
        {
            return await OpenAsync(database, connection, settings, patience, cancellation);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }, settings.Timeout, NoAnswer(settings.Timeout), stop);

    private static string NoAnswer(TimeSpan limit) => $"no answer within {limit.TotalSeconds:0} s (store.timeout)";

    private static async Task<StoreSession> OpenAsync(StoreDatabase database, NpgsqlConnection connection, LoaderSettings settings, TimeSpan patience, CancellationToken cancellation)
    {
        await ClaimAsync(database, connection, settings.Gatherer, cancellation);
        var isTimescale = await Migrations.IsTimescaleAsync(connection, cancellation);
        var session = new StoreSession(connection, patience, isTimescale, await ReadCursorAsync(connection, cancellation));
        try
        {
            for (var i = 0; i < settings.Writers; i++)
            {
                session.Writers.Add(await BatchWriter.OpenAsync(database, settings, patience, isTimescale, cancellation));
            }

            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>The state stored last, or null in a store that has none. Throws <see cref="TimeoutException"/> when the patience was too short.</summary>
    public Task<PackedState?> ReadStateAsync(CancellationToken stop) => Patience.LimitAsync(cancellation =>
    {
        var reading = ReadStateOnceAsync(cancellation);
        _busy = reading;
        return reading;
    }, _patience, NoAnswer(_patience), stop);

    private async Task<PackedState?> ReadStateOnceAsync(CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select bytes from kalshid.loader_state order by part", _connection);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var parts = new List<byte[]>();
        while (await reader.ReadAsync(cancellation))
        {
            parts.Add(reader.GetFieldValue<byte[]>(0));
        }

        return parts.Count == 0 ? null : new PackedState(parts);
    }

    private static async Task ClaimAsync(StoreDatabase database, NpgsqlConnection connection, string gatherer, CancellationToken cancellation)
    {
        await using var claim = new NpgsqlCommand("update kalshid.store set gatherer = $1 where gatherer is null", connection)
        {
            Parameters = { new NpgsqlParameter<string> { TypedValue = gatherer } },
        };
        await claim.ExecuteNonQueryAsync(cancellation);
        await using var read = new NpgsqlCommand("select gatherer from kalshid.store", connection);
        var owner = (string)(await read.ExecuteScalarAsync(cancellation))!;
        if (owner != gatherer)
        {
            throw new SetupException(ExitCode.Config, $"The store {database.Name} belongs to the gatherer \"{owner}\"; this one is \"{gatherer}\": give it a database of its own (store.dsn), or set gather.name.");
        }
    }

    private static async Task<long> ReadCursorAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await connection.ExecuteAsync("insert into kalshid.cursors (name, position) values ('loader', to_timestamp(0)) on conflict do nothing", cancellation);
        await using var command = new NpgsqlCommand("select position from kalshid.cursors where name = 'loader'", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return reader.GetTime(0);
    }

    public async ValueTask DisposeAsync() => await Patience.CloseAsync([.. Writers.Select(writer => writer.Closing), (_connection, _busy)]);
}
