using System.Globalization;
using Kalshi.Daemon.Export.Parquet;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Export.Parquet;

[Parallelizable(ParallelScope.Self)]
internal sealed class ParquetWriterTest
{
    private string _path = "";

    [SetUp]
    public void SetUp() => _path = Path.Combine(Path.GetTempPath(), $"kalshid-{Guid.NewGuid():N}.parquet");

    [TearDown]
    public void TearDown() => File.Delete(_path);

    private static IEnumerable<TestCaseData> Cases()
    {
        int[] rows = [0, 1, 7, 8, 9, 127, 128, 129, 1_000, ChunkEncoder.PageRowsMax, ChunkEncoder.PageRowsMax + 1, 150_000];
        for (var seed = 0; seed < 36; seed++)
        {
            yield return new TestCaseData(seed, rows[seed % rows.Length], seed % 3 == 0 ? 1_000 : 1_000_000);
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void DuckDb_reads_back_every_value(int seed, int rows, int rowGroupRows)
    {
        var table = new RandomTable(seed, rows);
        table.Write(_path, rowGroupRows);
        using var duck = new DuckDb();
        var read = duck.Rows($"""
            SELECT epoch_us(stamp), epoch_us(maybe_stamp), price, price_steps, quantity, number, maybe_number, small, symbol, maybe_symbol,
                   text, maybe_text, flag, maybe_flag, prices, sizes
            FROM '{_path}'
            """);
        Assert.That(read, Has.Count.EqualTo(rows));
        for (var i = 0; i < rows; i++)
        {
            for (var column = 0; column < RandomTable.Schema.Length; column++)
            {
                var expected = table.Expected[column][table.Order[i]];
                var actual = Unscaled(RandomTable.Schema[column], read[i][column]);
                if (!Same(expected, actual))
                {
                    Assert.Fail($"seed {seed}, row {i}, {RandomTable.Schema[column].Name}: wrote {Show(expected)}, read {Show(actual)}");
                }
            }
        }
    }

    [TestCaseSource(nameof(Cases))]
    public async Task Parquet_net_reads_back_every_value(int seed, int rows, int rowGroupRows)
    {
        var table = new RandomTable(seed, rows);
        table.Write(_path, rowGroupRows);
        var read = await ParquetNetRows.ReadAsync(_path);
        for (var column = 0; column < RandomTable.Schema.Length; column++)
        {
            if (RandomTable.Schema[column].Kind == ColumnKind.Timestamp)
            {
                continue;
            }

            Assert.That(read[column], Has.Count.EqualTo(rows), RandomTable.Schema[column].Name);
            for (var i = 0; i < rows; i++)
            {
                var expected = table.Expected[column][table.Order[i]];
                var actual = Unscaled(RandomTable.Schema[column], read[column][i]);
                if (!Same(expected, actual))
                {
                    Assert.Fail($"seed {seed}, row {i}, {RandomTable.Schema[column].Name}: wrote {Show(expected)}, read {Show(actual)}");
                }
            }
        }
    }

    [Test]
    public void Columns_have_the_promised_types()
    {
        new RandomTable(1, 10).Write(_path, 1_000);
        using var duck = new DuckDb();
        Assert.That(duck.Types(_path), Is.EqualTo(new[]
        {
            "stamp TIMESTAMP WITH TIME ZONE", "maybe_stamp TIMESTAMP WITH TIME ZONE", "price DECIMAL(7,6)", "price_steps DECIMAL(7,6)",
            "quantity DECIMAL(18,2)", "number BIGINT", "maybe_number BIGINT", "small INTEGER", "symbol VARCHAR", "maybe_symbol VARCHAR",
            "text VARCHAR", "maybe_text VARCHAR", "flag BOOLEAN", "maybe_flag BOOLEAN", "prices DECIMAL(7,6)[]", "sizes DECIMAL(18,2)[]",
        }));
    }

    [Test]
    public void Same_rows_give_the_same_bytes()
    {
        new RandomTable(5, 20_000).Write(_path, 7_000);
        var first = File.ReadAllBytes(_path);
        new RandomTable(5, 20_000).Write(_path, 7_000);
        Assert.That(File.ReadAllBytes(_path), Is.EqualTo(first));
    }

    [Test]
    public void Statistics_tell_the_smallest_and_largest_of_each_row_group()
    {
        var table = new RandomTable(11, 3_000);
        table.Write(_path, 1_000);
        using var duck = new DuckDb();
        var statistics = duck.Rows($"SELECT row_group_id, path_in_schema, stats_min_value, stats_max_value, stats_null_count FROM parquet_metadata('{_path}')");
        foreach (var name in new[] { "number", "maybe_number", "symbol", "maybe_symbol" })
        {
            var column = Array.FindIndex(RandomTable.Schema, schema => schema.Name == name);
            for (var group = 0; group < 3; group++)
            {
                var values = table.Order.Skip(group * 1_000).Take(1_000).Select(index => table.Expected[column][index]).ToList();
                var present = values.Where(value => value is not null).Select(value => value!).ToList();
                present.Sort((a, b) => a is string ? string.CompareOrdinal((string)a, (string)b) : ((long)a).CompareTo((long)b));
                var row = statistics.Single(row => Convert.ToInt32(row[0], CultureInfo.InvariantCulture) == group && (string)row[1]! == name);
                Assert.That(row[2..], Is.EqualTo(new object[] { $"{present[0]}", $"{present[^1]}", (long)values.Count(value => value is null) }), $"{name}, row group {group}");
            }
        }
    }

    /// <summary>As DuckDB and Parquet.Net give it → as it was written.</summary>
    private static object? Unscaled(ColumnSchema schema, object? value) => value switch
    {
        null => null,
        bool or string => value,
        decimal number => (long)(number * (schema.Kind == ColumnKind.Price ? 1_000_000 : 100)),
        DateTime time => Kalshi.Daemon.Primitives.Micros.FromDateTime(time),
        System.Collections.IEnumerable list => list.Cast<object>().Select(item => (long)Unscaled(schema, item)!).ToArray(),
        _ => Convert.ToInt64(value, CultureInfo.InvariantCulture),
    };

    private static bool Same(object? expected, object? actual) =>
        expected is long[] list ? actual is long[] other && list.AsSpan().SequenceEqual(other) : Equals(expected, actual);

    private static string Show(object? value) => value is long[] list ? $"[{string.Join(", ", list)}]" : $"{value ?? "null"}";
}
