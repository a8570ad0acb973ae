using Npgsql;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>Statements in a line, on a connection or on a new one that is closed again.</summary>
internal static class Sql
{
    /// <summary>Of pg_stat_activity: the connections of kalshid to this database; and those that wait for a lock.</summary>
    public const string OfKalshid = "application_name LIKE 'kalshid%' AND datname = current_database()";
    public const string OfWaitingKalshid = $"{OfKalshid} AND wait_event_type = 'Lock'";

    public static async Task<NpgsqlConnection> OpenAsync(string dsn)
    {
        // No pool: a closed connection is gone, as tests mean it.
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(dsn) { Pooling = false }.ConnectionString);
        try
        {
            await connection.OpenAsync();
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>What a statement locks is locked until the returned connection is closed, or commits.</summary>
    public static async Task<NpgsqlConnection> HoldAsync(string dsn, string locks)
    {
        var holder = await OpenAsync(dsn);
        await ExecuteAsync(holder, $"BEGIN; {locks}");
        return holder;
    }

    /// <summary>Whether a connection of kalshid waits in the database for what somebody else has locked.</summary>
    public static async Task<bool> IsKalshidWaitingAsync(string dsn) =>
        await ScalarAsync(dsn, $"SELECT 1 FROM pg_stat_activity WHERE {OfWaitingKalshid}") is not null;

    public static async Task ExecuteAsync(string dsn, string sql)
    {
        await using var connection = await OpenAsync(dsn);
        await ExecuteAsync(connection, sql);
    }

    public static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>The first column of the first row; null when there is none, and for SQL's null.</summary>
    public static async Task<object?> ScalarAsync(string dsn, string sql)
    {
        await using var connection = await OpenAsync(dsn);
        return await ScalarAsync(connection, sql);
    }

    public static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync() is var value && value is DBNull ? null : value;
    }
}
