using global::Parquet;
using global::Parquet.Schema;

namespace Kalshi.Daemon.Tests.Export.Parquet;

/// <summary>
/// A whole file as Parquet.Net reads it: per column one plain object a row (long, decimal, string, bool, null or a list). Stamps
/// are left out: Parquet.Net 6.1 does not decode DELTA_BINARY_PACKED into DateTime.
/// </summary>
internal static class ParquetNetRows
{
    public static async Task<List<List<object?>>> ReadAsync(string path)
    {
        await using var reader = await ParquetReader.CreateAsync(path);
        var fields = reader.Schema.DataFields;
        var columns = fields.Select(_ => new List<object?>()).ToList();
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            using var rows = reader.OpenRowGroupReader(group);
            for (var i = 0; i < fields.Length; i++)
            {
                await ReadColumnAsync(rows, fields[i], columns[i]);
            }
        }

        return columns;
    }

    private static Task ReadColumnAsync(ParquetRowGroupReader rows, DataField field, List<object?> column) => field.ClrType switch
    {
        { } type when type == typeof(long) => AddAsync<long>(rows, field, column),
        { } type when type == typeof(int) => AddAsync<int>(rows, field, column),
        { } type when type == typeof(bool) => AddAsync<bool>(rows, field, column),
        { } type when type == typeof(decimal) => AddAsync<decimal>(rows, field, column),
        { } type when type == typeof(DateTime) => Task.CompletedTask,
        _ => AddAsync<ReadOnlyMemory<char>>(rows, field, column),
    };

    private static async Task AddAsync<T>(ParquetRowGroupReader rows, DataField field, List<object?> column)
        where T : struct
    {
        var count = (int)rows.GetMetadata(field)!.MetaData!.NumValues;
        var values = new T[count];
        var definitions = field.MaxDefinitionLevel > 0 ? new int[count] : null;
        var repetitions = field.MaxRepetitionLevel > 0 ? new int[count] : null;
        await rows.ReadRawAsync<T>(field, values, definitions is null ? default(Memory<int>?) : definitions, repetitions is null ? default(Memory<int>?) : repetitions);
        Add(values, definitions, repetitions, field, column);
    }

    private static void Add<T>(T[] values, int[]? definitions, int[]? repetitions, DataField field, List<object?> column)
        where T : struct
    {
        if (definitions is null)
        {
            column.AddRange(values.Select(value => (object?)Plain(value)));
            return;
        }

        var next = 0;
        for (var i = 0; i < definitions.Length; i++)
        {
            var isPresent = definitions[i] == field.MaxDefinitionLevel;
            if (repetitions is null)
            {
                column.Add(isPresent ? Plain(values[next++]) : null);
                continue;
            }

            if (repetitions[i] == 0)
            {
                column.Add(new List<object?>());
            }

            if (isPresent)
            {
                ((List<object?>)column[^1]!).Add(Plain(values[next++]));
            }
        }
    }

    private static object Plain<T>(T value)
        where T : struct => value is ReadOnlyMemory<char> text ? text.ToString() : value;
}
