using System.Data;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Npgsql;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// One dedup's connections to production. The first holds a lock that only one dedup can hold, and reads; the others write. Whoever claims
/// production leaves a mark of its own in it, so that a dedup that lost the lock without knowing commits nothing any more.
/// </summary>
internal sealed class ProductionSession : IAsyncDisposable
{
    /// <summary>Any number that nobody else uses.</summary>
    private const long LockKey = 0x6B616C73686964_01;

    /// <summary>A dedup whose machine is gone holds its lock until the server notices: within half a minute.</summary>
    private const string KeepAlive = "set tcp_keepalives_idle = 15; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3;";

    /// <summary>Many small queries, each over in a millisecond or two; to compile one takes longer than that.</summary>
    private const string Planning = "set jit = off;";

    private static readonly string Holder =
        $"""
        from pg_locks l left join pg_stat_activity a on a.pid = l.pid
        where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.database = (select oid from pg_database where datname = current_database())
            and (l.classid::int8 << 32) + l.objid::int8 = {LockKey}
        """;

    private readonly NpgsqlConnection _connection;
    private readonly TimeSpan _patience;
    private Task _busy = Task.CompletedTask;

    private ProductionSession(NpgsqlConnection connection, TimeSpan patience, bool isTimescale)
    {
        _connection = connection;
        _patience = patience;
        IsTimescale = isTimescale;
    }

    public bool IsTimescale { get; }

    public List<ProductionWriter> Writers { get; } = [];

    /// <summary>
    /// Migrates and takes the lock. Throws <see cref="SetupException"/> for a database that is no production, <see cref="ProductionBusyException"/> while another
    /// dedup writes it, and what <see cref="StoreDatabase.IsFailure"/> knows when the database fails. `dedup`: which one this is, of all that run.
    /// </summary>
    public static Task<ProductionSession> OpenAsync(StoreDatabase database, ProductionSettings settings, Guid dedup, TimeSpan patience, CancellationToken stop) => Patience.LimitAsync(async cancellation =>
    {
        await Migrations.Production.ApplyAsync(database, settings.Timescale, cancellation);
        var connection = await database.OpenAsync(cancellation);
        try
        {
            await LockAsync(connection, $"kalshid dedup {dedup:n}", cancellation);
            return new ProductionSession(connection, patience, await Migrations.IsTimescaleAsync(connection, cancellation));
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }, settings.Timeout, NoAnswer(settings.Timeout), stop);

    private static string NoAnswer(TimeSpan limit) => $"no answer within {limit.TotalSeconds:0} s (dedup.timeout)";

    private static async Task LockAsync(NpgsqlConnection connection, string name, CancellationToken cancellation)
    {
        await connection.ExecuteAsync($"{KeepAlive} {Planning} set application_name = '{name}'", cancellation);
        // A connection of ours that broke may live on at the server: it is ended. Another dedup's is not.
        await connection.ExecuteAsync(
            $"select pg_terminate_backend(l.pid) {Holder} and a.application_name = '{name}' and l.pid <> pg_backend_pid()", cancellation);
        await using var take = new NpgsqlCommand($"select pg_try_advisory_lock({LockKey})", connection);
        if ((bool)(await take.ExecuteScalarAsync(cancellation))!)
        {
            return;
        }

        await using var ask = new NpgsqlCommand($"select format('process %s of the server, from %s, since %s', l.pid, coalesce(host(a.client_addr), 'a local socket'), a.backend_start::timestamptz(0)) {Holder}", connection);
        throw new ProductionBusyException(await ask.ExecuteScalarAsync(cancellation) as string ?? "it is just ending");
    }

    /// <summary>Claims production for a new beginning: nobody who claimed it before writes any more. Returns what it holds, all of the same turn.</summary>
    public Task<ProductionStart> ClaimAsync(ProductionSettings settings, Guid writer, CancellationToken stop) =>
        RunAsync(cancellation => ClaimOnceAsync(settings, writer, cancellation), stop);

    private async Task<ProductionStart> ClaimOnceAsync(ProductionSettings settings, Guid writer, CancellationToken cancellation)
    {
        await MeetAsync(settings, cancellation);
        await using var transaction = await _connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        await using (var claim = new NpgsqlCommand("update kalshid.store set writer = $1, margin = make_interval(secs => $2)", _connection))
        {
            claim.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = writer });
            claim.Parameters.Add(new NpgsqlParameter<double> { TypedValue = settings.Margin / (double)Micros.PerSecond });
            await claim.ExecuteNonQueryAsync(cancellation);
        }

        var (turn, watermark, _) = await ReadTurnAsync(cancellation);
        var gatherers = await ReadGatherersAsync(cancellation);
        var markets = await ReadMarketsAsync(cancellation);
        var (state, stateTurn) = await ReadStateAsync(cancellation);
        var log = await ReadLogAsync(state is null ? 0 : stateTurn, turn, cancellation);
        await transaction.CommitAsync(cancellation);
        return new ProductionStart(turn, watermark, gatherers, markets, state, stateTurn, log);
    }

    /// <summary>Where production is, for going on where a connection broke.</summary>
    public Task<(long Turn, Guid Writer, IReadOnlyList<KnownGatherer> Gatherers)> ReadPositionAsync(CancellationToken stop) => RunAsync(async cancellation =>
    {
        await using var transaction = await _connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellation);
        var (turn, _, writer) = await ReadTurnAsync(cancellation);
        return (turn, writer, await ReadGatherersAsync(cancellation));
    }, stop);

    public async Task OpenWritersAsync(StoreDatabase database, ProductionSettings settings, Guid writer, CancellationToken stop) => await RunAsync(async cancellation =>
    {
        while (Writers.Count < settings.Writers)
        {
            Writers.Add(await ProductionWriter.OpenAsync(database, writer, _patience, cancellation));
        }

        return true;
    }, stop);

    /// <summary>The rows of a query.</summary>
    public Task<CopyRows> ReadAsync(string select, CancellationToken stop) => RunAsync(async cancellation =>
    {
        var rows = new CopyRows();
        await _connection.CopyAsync(select, rows, cancellation);
        return rows;
    }, stop);

    private Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken stop) => Patience.LimitAsync(cancellation =>
    {
        var running = work(cancellation);
        _busy = running;
        return running;
    }, _patience, NoAnswer(_patience), stop);

    /// <summary>Gatherers that production does not know get the next indices, in the configuration's order.</summary>
    private async Task MeetAsync(ProductionSettings settings, CancellationToken cancellation)
    {
        foreach (var name in settings.Gatherers)
        {
            await using var meet = new NpgsqlCommand(
                """
                insert into kalshid.gatherers (gatherer_id, name)
                select (select coalesce(max(gatherer_id) + 1, 0) from kalshid.gatherers), $1
                where not exists (select from kalshid.gatherers where name = $1)
                """,
                _connection)
            {
                Parameters = { new NpgsqlParameter<string> { TypedValue = name } },
            };
            await meet.ExecuteNonQueryAsync(cancellation);
        }
    }

    private async Task<(long Turn, long Watermark, Guid Writer)> ReadTurnAsync(CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select turn, coalesce(watermark, to_timestamp(0)), writer from kalshid.store", _connection);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return (reader.GetInt64(0), reader.GetTime(1), reader.IsDBNull(2) ? Guid.Empty : reader.GetGuid(2));
    }

    private async Task<IReadOnlyList<KnownGatherer>> ReadGatherersAsync(CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select gatherer_id, name, position, coalesce(first_record_at, to_timestamp(0)) from kalshid.gatherers order by gatherer_id", _connection);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var gatherers = new List<KnownGatherer>();
        while (await reader.ReadAsync(cancellation))
        {
            Damaged(reader.GetInt16(0) != gatherers.Count, "the gatherers' ids are not 0, 1, 2, …");
            gatherers.Add(new KnownGatherer(reader.GetString(1), new GathererPosition(reader.GetTime(2), reader.GetTime(3))));
        }

        return gatherers;
    }

    private async Task<ProductionMarkets> ReadMarketsAsync(CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select market_id, ticker from kalshid.markets order by market_id", _connection);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var markets = new ProductionMarkets();
        while (await reader.ReadAsync(cancellation))
        {
            Damaged(reader.GetInt32(0) != markets.Count + 1, "the markets' ids are not 1, 2, 3, …");
            markets.Load(reader.GetFieldValue<byte[]>(1));
        }

        return markets;
    }

    private async Task<(PackedState? State, long Turn)> ReadStateAsync(CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select turn, bytes from kalshid.merge_state order by part", _connection);
        await using var reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellation);
        var parts = new List<byte[]>();
        long turn = 0;
        while (await reader.ReadAsync(cancellation))
        {
            turn = reader.GetInt64(0);
            parts.Add(reader.GetFieldValue<byte[]>(1));
        }

        return (parts.Count == 0 ? null : new PackedState(parts), turn);
    }

    /// <summary>What the turns behind `after` up to and including `last` changed.</summary>
    private async Task<IReadOnlyList<PackedState>> ReadLogAsync(long after, long last, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select turn, bytes from kalshid.merge_log order by turn", _connection);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        var log = new List<PackedState>();
        while (await reader.ReadAsync(cancellation))
        {
            Damaged(reader.GetInt64(0) != after + log.Count + 1, $"turn {after + log.Count + 1} is missing in kalshid.merge_log");
            log.Add(new PackedState([reader.GetFieldValue<byte[]>(1)]));
        }

        Damaged(after + log.Count != last, $"the merges' memory reaches to turn {after + log.Count}, and rows to turn {last}");
        return log;
    }

    /// <summary>Nothing kalshid does leads there: somebody changed tables by hand.</summary>
    private static void Damaged(bool isDamaged, string what)
    {
        if (isDamaged)
        {
            throw Unusable($"{what}.");
        }
    }

    /// <summary>What is thrown for a production that dedup cannot go on with.</summary>
    public static SetupException Unusable(string why) =>
        new(ExitCode.Config, $"Production cannot be continued: {why} Restore it from a backup, or begin a new one.");

    public async ValueTask DisposeAsync() => await Patience.CloseAsync([.. Writers.Select(writer => writer.Closing), (_connection, _busy)]);
}
