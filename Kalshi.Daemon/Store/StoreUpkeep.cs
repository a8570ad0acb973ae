using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>What the upkeep is told once. Retention and CompressAfter: 0 = never.</summary>
internal sealed record UpkeepSettings(TimeSpan Retention, TimeSpan CompressAfter, TimeSpan Interval)
{
    public static UpkeepSettings Of(Options options) => new(options.StoreRetention, options.StoreCompressAfter, TimeSpan.FromMinutes(1));
}

/// <summary>
/// The chores beside a store that is being loaded: partitions ahead of time, so that no COPY waits for one; retention, which waits for
/// every consumer's cursor; the extension's compression policy.
/// In: the store. Out: the store. Thread: one asynchronous loop with a connection of its own for each turn. When the store fails: logged
/// once, tried again next turn.
/// </summary>
internal sealed class StoreUpkeep(StoreDatabase database, UpkeepSettings settings, ILogger log) : IDisposable
{
    private static readonly TimeSpan Ahead = TimeSpan.FromHours(3);

    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;
    private bool _isFailing;
    private bool _isPolicySet;

    public void Start() => _loop = Task.Run(RunAsync);

    private async Task RunAsync()
    {
        using var timer = new PeriodicTimer(settings.Interval);
        do
        {
            try
            {
                await TurnAsync(Micros.Now(), _stop.Token);
                _isFailing = false;
            }
            catch (Exception e) when (StoreDatabase.IsFailure(e) && !_stop.IsCancellationRequested)
            {
                if (!_isFailing)
                {
                    log.StoreUpkeepFailed(database.Explain(e));
                }

                _isFailing = true;
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                return;
            }
        }
        while (await WaitAsync(timer));
    }

    /// <summary>One turn at the wall clock `now` (µs); does nothing while the loader has not made the schema.</summary>
    public async Task TurnAsync(long now, CancellationToken cancellation)
    {
        await using var connection = await database.OpenAsync(cancellation);
        if (await Migrations.VersionAsync(connection, cancellation) != Migrations.Latest)
        {
            return;
        }

        // Rather later than waiting behind somebody's lock, with the loader waiting behind us.
        await connection.ExecuteAsync("set lock_timeout = '2s'", cancellation);
        var made = await CallAsync(connection, "select kalshid.make_partitions($1, $2)", [now, now + Micros.FromTimeSpan(Ahead)], cancellation);
        var dropped = settings.Retention == TimeSpan.Zero ? 0
            : await CallAsync(connection, "select kalshid.drop_partitions($1)", [await KeepFromAsync(connection, now, cancellation)], cancellation);
        if (made + dropped > 0)
        {
            log.StorePartitions(made, dropped);
        }

        if (!_isPolicySet)
        {
            await using var policy = new NpgsqlCommand("select kalshid.set_compression(make_interval(secs => $1))", connection)
            {
                Parameters = { new NpgsqlParameter<double> { TypedValue = settings.CompressAfter.TotalSeconds } },
            };
            await policy.ExecuteNonQueryAsync(cancellation);
            _isPolicySet = true;
        }
    }

    /// <summary>Older rows may go: the retention time has passed, and so has every consumer.</summary>
    private async Task<long> KeepFromAsync(NpgsqlConnection connection, long now, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select coalesce(min(position), 'infinity') from kalshid.cursors", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return Math.Min(now - Micros.FromTimeSpan(settings.Retention), reader.GetTime(0));
    }

    private static async Task<int> CallAsync(NpgsqlConnection connection, string sql, long[] times, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var time in times)
        {
            command.Parameters.Add(Sql.Time(time));
        }

        return (int)(await command.ExecuteScalarAsync(cancellation))!;
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
        _loop.Wait();
        _stop.Dispose();
    }
}
