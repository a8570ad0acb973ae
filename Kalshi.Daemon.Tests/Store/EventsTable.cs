using System.Globalization;
using Npgsql;
using NpgsqlTypes;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>A table to try servers with: its rows follow from their id, a minute apart.</summary>
internal static class EventsTable
{
    public const string CopyIn = "COPY events (at, id, note, bytes) FROM STDIN (FORMAT binary)";
    public const string CopyOut = "COPY (SELECT at, id, note, bytes FROM events ORDER BY id) TO STDOUT (FORMAT binary)";

    private static readonly DateTime _start = new(2025, 11, 23, 0, 0, 0, DateTimeKind.Utc);

    public static Task CreateAsync(string dsn) =>
        Sql.ExecuteAsync(dsn, "CREATE TABLE events (at timestamptz NOT NULL, id int8 NOT NULL, note text, bytes bytea)");

    /// <summary>The rows `id` to `id + count - 1`; without `complete` the server is told to forget them.</summary>
    public static async Task ImportAsync(NpgsqlConnection connection, int id, int count, bool complete)
    {
        await using var import = await connection.BeginBinaryImportAsync(CopyIn);
        for (var i = id; i < id + count; i++)
        {
            await import.StartRowAsync();
            await import.WriteAsync(At(i), NpgsqlDbType.TimestampTz);
            await import.WriteAsync((long)i, NpgsqlDbType.Bigint);
            await import.WriteAsync(Note(i), NpgsqlDbType.Text);
            await import.WriteAsync(Bytes(i), NpgsqlDbType.Bytea);
        }

        if (complete)
        {
            await import.CompleteAsync();
        }
    }

    public static DateTime At(int id) => _start.AddMinutes(id);

    public static string Note(int id) => id.ToString(CultureInfo.InvariantCulture);

    public static byte[] Bytes(int id) => [.. Enumerable.Range(0, id % 40).Select(i => (byte)(i * id))];

    public static Task<object?> CountAsync(string dsn) => Sql.ScalarAsync(dsn, "SELECT count(*) FROM events");

    /// <summary>All rows, as the server sends them.</summary>
    public static async Task<byte[]> ReadRawAsync(string dsn)
    {
        await using var connection = await Sql.OpenAsync(dsn);
        await using var copy = await connection.BeginRawBinaryCopyAsync(CopyOut);
        var bytes = new MemoryStream();
        await copy.CopyToAsync(bytes);
        return bytes.ToArray();
    }
}
