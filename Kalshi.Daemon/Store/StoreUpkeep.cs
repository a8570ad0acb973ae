using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>What the upkeep is told once. Retention and CompressAfter: 0 = never.</summary>
internal sealed record UpkeepSettings(TimeSpan Retention, TimeSpan CompressAfter, bool DirectCompress, bool MarketIndex, TimeSpan Interval, TimeSpan SummaryInterval)
{
    /// <summary>Bytes beyond which rows no longer wait for dedup; 0: no limit.</summary>
    public long DiskBudget { get; init; }

    public static UpkeepSettings Of(Options options) => new(
        options.StoreRetention, options.StoreCompressAfter, options.StoreDirectCompress, options.StoreMarketIndex, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(5))
    {
        DiskBudget = options.StoreDiskBudget,
    };

    public static UpkeepSettings OfProduction(Options options) => new(
        options.ProductionRetention, options.ProductionCompressAfter, DirectCompress: false, options.ProductionMarketIndex, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(5));
}

/// <summary>
/// The chores beside a store that is being loaded: partitions ahead of time, so that no COPY waits for one; retention, which waits for
/// every consumer's cursor; indexes of closed partitions; the extension's compression policy; and, more often, summaries of what the
/// loader wrote, without which a poll reads more than it needs.
/// In: the store. Out: the store. Thread: two asynchronous loops, each with a connection of its own. When the store fails: logged
/// once, tried again next turn.
/// </summary>
/// <param name="touched">Where rows are written that may be of any time; null where they are written in the order of time.</param>
internal sealed class StoreUpkeep(StoreDatabase database, UpkeepSettings settings, ILogger log, UpkeepKind kind, TouchedHours? touched = null) : IDisposable
{
    private static readonly TimeSpan Ahead = TimeSpan.FromHours(3);

    private readonly StoreRetention _retention = new(settings.Retention, settings.DiskBudget, log);
    private readonly CancellationTokenSource _stop = new();
    private Task _chores = Task.CompletedTask;
    private Task _summaries = Task.CompletedTask;
    private bool _isPolicySet;

    /// <summary>Everything up to here is summarised, µs.</summary>
    private long _summarizedTo;

    public void Start()
    {
        _chores = Task.Run(() => RunAsync(settings.Interval, connection => TurnAsync(connection, Micros.Now(), _stop.Token)));
        StartSummaries();
    }

    /// <summary>The summaries alone.</summary>
    public void StartSummaries() => _summaries = Task.Run(() => RunAsync(settings.SummaryInterval, connection => SummarizeAsync(connection, _stop.Token)));

    private async Task RunAsync(TimeSpan interval, Func<NpgsqlConnection, Task> turn)
    {
        using var timer = new PeriodicTimer(interval);
        NpgsqlConnection? connection = null;
        var isFailing = false;
        do
        {
            try
            {
                connection ??= await database.OpenAsync(_stop.Token);
                await turn(connection);
                isFailing = false;
            }
            catch (Exception e) when (StoreDatabase.IsFailure(e) && !_stop.IsCancellationRequested)
            {
                if (!isFailing)
                {
                    log.StoreUpkeepFailed(database.Explain(e));
                }

                isFailing = true;
                await CloseAsync();
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                break;
            }
        }
        while (await WaitAsync(timer));
        await CloseAsync();

        async Task CloseAsync()
        {
            await (connection?.DisposeAsync() ?? ValueTask.CompletedTask);
            connection = null;
        }
    }

    /// <summary>One turn at the wall clock `now` (µs); does nothing while the loader has not made the schema.</summary>
    public async Task TurnAsync(long now, CancellationToken cancellation)
    {
        await using var connection = await database.OpenAsync(cancellation);
        await TurnAsync(connection, now, cancellation);
    }

    private async Task TurnAsync(NpgsqlConnection connection, long now, CancellationToken cancellation)
    {
        if (!await kind.Migrations.IsCurrentAsync(connection, cancellation))
        {
            return;
        }

        // Rather later than waiting behind somebody's lock, with the loader waiting behind us.
        await connection.ExecuteAsync("set lock_timeout = '2s'", cancellation);
        var made = await CallAsync<int>(
            connection, "select kalshid.make_partitions($1, $2, $3)", cancellation,
            Sql.Time(now), Sql.Time(now + Micros.FromTimeSpan(Ahead)), new NpgsqlParameter<bool> { TypedValue = settings.DirectCompress });
        var dropped = await _retention.ApplyAsync(connection, now, cancellation);
        if (made + dropped > 0)
        {
            log.StorePartitions(made, dropped);
        }

        await IndexAsync(connection, cancellation);
        if (!_isPolicySet)
        {
            await using var policy = new NpgsqlCommand("select kalshid.set_compression(make_interval(secs => $1))", connection)
            {
                Parameters = { new NpgsqlParameter<double> { TypedValue = settings.CompressAfter.TotalSeconds } },
            };
            await policy.ExecuteNonQueryAsync(cancellation);
            await SetIndexesAsync(connection, cancellation);
            _isPolicySet = true;
        }
    }

    private async Task SetIndexesAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        if (kind.IndexSql is { } sql)
        {
            await using var command = new NpgsqlCommand(sql, connection)
            {
                Parameters = { new NpgsqlParameter<string> { TypedValue = settings.MarketIndex ? "always" : "none" } },
            };
            await command.ExecuteNonQueryAsync(cancellation);
        }
    }

    /// <summary>After a load by hand: summaries and indexes of all that is there. A failure is logged: a gatherer makes up for it.</summary>
    public async Task FinishAsync(CancellationToken cancellation)
    {
        try
        {
            await using var connection = await database.OpenAsync(cancellation);
            await SummarizeAsync(connection, 0, await LoadedAsync(connection, cancellation), cancellation);
            await IndexAsync(connection, cancellation);
        }
        catch (Exception e) when (StoreDatabase.IsFailure(e))
        {
            log.StoreUpkeepFailed(database.Explain(e));
        }
        catch (OperationCanceledException)
        {
            // Given up, as asked.
        }
    }

    /// <summary>Indexes the partitions that the loader is done with, the newest first. Chunks that will be compressed need none.</summary>
    private async Task IndexAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        if (!settings.MarketIndex || (settings.CompressAfter > TimeSpan.Zero && await Migrations.IsTimescaleAsync(connection, cancellation)))
        {
            return;
        }

        var loaded = await LoadedAsync(connection, cancellation);
        while (await CallAsync<bool>(connection, "select kalshid.index_partition($1)", cancellation, Sql.Time(loaded)))
        {
            // One a transaction: each is of use at once.
        }
    }

    /// <summary>Summarises what was written since the last turn; at first, everything.</summary>
    private async Task SummarizeAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        if (await kind.Migrations.IsCurrentAsync(connection, cancellation) && await LoadedAsync(connection, cancellation) is var loaded && loaded > _summarizedTo)
        {
            await SummarizeAsync(connection, Math.Max(0, _summarizedTo - Micros.PerHour), loaded, cancellation);
            _summarizedTo = loaded;
        }

        foreach (var hour in touched?.Take() ?? [])
        {
            await SummarizeAsync(connection, hour, hour + Micros.PerHour - 1, cancellation);
        }
    }

    private static Task SummarizeAsync(NpgsqlConnection connection, long from, long until, CancellationToken cancellation) =>
        CallAsync<int>(connection, "select kalshid.summarize_partitions($1, $2)", cancellation, Sql.Time(from), Sql.Time(until));

    private Task<long> LoadedAsync(NpgsqlConnection connection, CancellationToken cancellation) => TimeAsync(connection, kind.LoadedSql, cancellation);

    private static async Task<long> TimeAsync(NpgsqlConnection connection, string sql, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return reader.GetTime(0);
    }

    private static async Task<T> CallAsync<T>(NpgsqlConnection connection, string sql, CancellationToken cancellation, params NpgsqlParameter[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        return (T)(await command.ExecuteScalarAsync(cancellation))!;
    }

    private async Task<bool> WaitAsync(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(_stop.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        Task.WaitAll(_chores, _summaries);
        _stop.Dispose();
    }
}
