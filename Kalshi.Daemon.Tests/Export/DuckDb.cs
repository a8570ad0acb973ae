using DuckDB.NET.Data;

namespace Kalshi.Daemon.Tests.Export;

/// <summary>The independent reader: an in-memory DuckDB on one thread, its rows as plain objects.</summary>
internal sealed class DuckDb : IDisposable
{
    private readonly DuckDBConnection _connection = new("Data Source=:memory:");

    public DuckDb()
    {
        _connection.Open();
        Execute("SET threads=1");
        Execute("SET TimeZone='UTC'");
    }

    public void Execute(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public List<object?[]> Rows(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<object?[]>();
        while (reader.Read())
        {
            var row = new object?[reader.FieldCount];
            for (var i = 0; i < row.Length; i++)
            {
                row[i] = reader.IsDBNull(i) ? null : reader.GetValue(i);
            }

            rows.Add(row);
        }

        return rows;
    }

    public long Number(string sql) => Convert.ToInt64(Rows(sql)[0][0], System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>"name type" of each column.</summary>
    public string[] Types(string file) => [.. Rows($"DESCRIBE SELECT * FROM '{file}'").Select(row => $"{row[0]} {row[1]}")];

    public void Dispose() => _connection.Dispose();
}
