using Npgsql;
using NpgsqlTypes;

namespace Kalshi.Daemon.Store;

/// <summary>Small things around a connection.</summary>
internal static class Sql
{
    /// <summary>A timestamptz parameter from µs since 1970.</summary>
    public static NpgsqlParameter Time(long micros) =>
        new NpgsqlParameter<long> { TypedValue = PgTime.FromMicros(micros), NpgsqlDbType = NpgsqlDbType.TimestampTz };

    /// <summary>A timestamptz column as µs since 1970.</summary>
    public static long GetTime(this NpgsqlDataReader reader, int column) => PgTime.ToMicros(reader.GetFieldValue<long>(column));

    public static NpgsqlBatchCommand Command(string sql, params NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        command.Parameters.AddRange(parameters);
        return command;
    }

    public static async Task ExecuteAsync(this NpgsqlConnection connection, string sql, CancellationToken cancellation = default)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>The answer to `select`, in binary.</summary>
    public static async Task CopyAsync(this NpgsqlConnection connection, string select, CopyRows into, CancellationToken cancellation)
    {
        await using var answer = await connection.BeginRawBinaryCopyAsync($"copy ({select}) to stdout (format binary)", cancellation);
        await into.FillAsync(answer, cancellation);
    }
}
