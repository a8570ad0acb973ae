using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Kalshi.Daemon.Store;

/// <summary>
/// Drops a store's old partitions. One goes when it is older than the retention time and every consumer's cursor has passed it. Over the disk budget an
/// alarm comes first; a turn later the oldest go that only dedup has not read, down to the budget, but never one that is younger than the retention time.
/// A cursor that stands still for longer than that is reported. One caller at a time.
/// </summary>
/// <param name="retention">Zero: nothing is ever dropped.</param>
/// <param name="diskBudget">Bytes the database may take; 0: no limit.</param>
internal sealed class StoreRetention(TimeSpan retention, long diskBudget, ILogger log)
{
    private const string Loader = "loader";

    /// <summary>Cursors of dedup: "dedup", or "dedup:NAME" where several production databases are filled.</summary>
    private const string Dedup = "dedup";

    private readonly HashSet<string> _stuck = [];
    private bool _isAlarmed;

    private sealed record Cursor(string Name, long Position, long MovedAt)
    {
        public bool IsDedup => Name == Dedup || Name.StartsWith(Dedup + ":", StringComparison.Ordinal);
    }

    /// <summary>One turn at the wall clock `now` (µs). Returns the number of partitions dropped.</summary>
    public async Task<int> ApplyAsync(NpgsqlConnection connection, long now, CancellationToken cancellation)
    {
        var cursors = await ReadCursorsAsync(connection, cancellation);
        var oldEnough = retention == TimeSpan.Zero ? 0 : now - Micros.FromTimeSpan(retention);
        ReportStuck(cursors, oldEnough);
        var readTo = Math.Min(oldEnough, First(cursors)?.Position ?? oldEnough);
        var dropped = readTo == 0 ? 0 : await DropAsync(connection, readTo, cancellation);
        return dropped + (diskBudget > 0 ? await KeepBudgetAsync(connection, cursors, oldEnough, cancellation) : 0);
    }

    private async Task<int> KeepBudgetAsync(NpgsqlConnection connection, List<Cursor> cursors, long oldEnough, CancellationToken cancellation)
    {
        var bytes = await SizeAsync(connection, cancellation);
        if (bytes <= diskBudget)
        {
            _isAlarmed = false;
            return 0;
        }

        var mayGo = Math.Min(oldEnough, First(cursors.Where(cursor => !cursor.IsDedup))?.Position ?? oldEnough);
        var waiting = First(cursors.Where(cursor => cursor.IsDedup));
        if (waiting is null || await OldestAsync(connection, mayGo, cancellation) is null)
        {
            AlarmOnce(() => log.StoreOverBudgetYoung(bytes, diskBudget));
            return 0;
        }

        var isFirst = !_isAlarmed;
        AlarmOnce(() => log.StoreOverBudget(bytes, diskBudget, waiting.Name, Micros.Format(waiting.Position)));
        return isFirst ? 0 : await DropUnreadAsync(connection, waiting, mayGo, bytes, cancellation);
    }

    private async Task<int> DropUnreadAsync(NpgsqlConnection connection, Cursor waiting, long mayGo, long bytes, CancellationToken cancellation)
    {
        var (dropped, left, to) = (0, bytes, 0L);
        while (left > diskBudget && await OldestAsync(connection, mayGo, cancellation) is { } oldest)
        {
            dropped += await DropAsync(connection, oldest, cancellation);
            left = await SizeAsync(connection, cancellation);
            to = oldest;
        }

        log.StoreDroppedUnread(waiting.Name, Micros.Format(waiting.Position), Micros.Format(to), dropped, bytes - left);
        return dropped;
    }

    private void AlarmOnce(Action alarm)
    {
        if (!_isAlarmed)
        {
            _isAlarmed = true;
            alarm();
        }
    }

    private void ReportStuck(List<Cursor> cursors, long oldEnough)
    {
        foreach (var cursor in cursors)
        {
            if (cursor.Name == Loader || cursor.MovedAt > oldEnough)
            {
                _stuck.Remove(cursor.Name);
            }
            else if (_stuck.Add(cursor.Name))
            {
                log.StoreCursorStuck(cursor.Name, Micros.Format(cursor.Position), Micros.Format(cursor.MovedAt));
            }
        }
    }

    private static Cursor? First(IEnumerable<Cursor> cursors) => cursors.MinBy(cursor => cursor.Position);

    private static async Task<List<Cursor>> ReadCursorsAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        var cursors = new List<Cursor>();
        await using var command = new NpgsqlCommand("select name, position, updated_at from kalshid.cursors", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        while (await reader.ReadAsync(cancellation))
        {
            cursors.Add(new Cursor(reader.GetString(0), reader.GetTime(1), reader.GetTime(2)));
        }

        return cursors;
    }

    /// <summary>Where the oldest partition ends that ends no later than `mayGo`; null when there is none.</summary>
    private static async Task<long?> OldestAsync(NpgsqlConnection connection, long mayGo, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select min(p.end_at) from kalshid.partitions(until_at => $1) p where p.end_at <= $1", connection) { Parameters = { Sql.Time(mayGo) } };
        await using var reader = await command.ExecuteReaderAsync(cancellation);
        await reader.ReadAsync(cancellation);
        return reader.IsDBNull(0) ? null : reader.GetTime(0);
    }

    private static async Task<int> DropAsync(NpgsqlConnection connection, long before, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select kalshid.drop_partitions($1)", connection) { Parameters = { Sql.Time(before) } };
        return (int)(await command.ExecuteScalarAsync(cancellation))!;
    }

    private static async Task<long> SizeAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand("select pg_database_size(current_database())", connection);
        return (long)(await command.ExecuteScalarAsync(cancellation))!;
    }
}
