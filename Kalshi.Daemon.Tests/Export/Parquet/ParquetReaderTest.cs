using System.Text;
using Kalshi.Daemon.Export.Parquet;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Export.Parquet;

[Parallelizable(ParallelScope.Self)]
internal sealed class ParquetReaderTest
{
    private string _path = "";

    [SetUp]
    public void SetUp() => _path = Path.Combine(Path.GetTempPath(), $"kalshid-{Guid.NewGuid():N}.parquet");

    [TearDown]
    public void TearDown() => File.Delete(_path);

    [TestCase(0, 100, 1)]
    [TestCase(100, 130, 1_000)]
    [TestCase(200, 203, 70_000)]
    [TestCase(300, 302, 0)]
    public void Reads_back_what_was_written(int fromSeed, int toSeed, int rows)
    {
        for (var seed = fromSeed; seed < toSeed; seed++)
        {
            var table = new RandomTable(seed, rows);
            table.Write(_path, 30_000);
            using var reader = new ParquetReader(File.OpenRead(_path));
            Assert.That(reader.Rows, Is.EqualTo(rows));
            Assert.That(reader.Columns, Is.EqualTo(RandomTable.Schema.Select(column => column.Name)));
            for (var column = 0; column < RandomTable.Schema.Length; column++)
            {
                var expected = table.Order.Select(index => table.Expected[column][index]).ToList();
                var read = Enumerable.Range(0, reader.RowGroupCount).SelectMany(group => Values(reader, group, RandomTable.Schema[column])).ToList();
                Assert.That(read, Is.EqualTo(expected), $"seed {seed}, {RandomTable.Schema[column].Name}");
            }
        }
    }

    [Test]
    public void Damaged_files_are_refused_or_read_but_never_crash_the_reader()
    {
        var random = Seeds.New(out _);
        new RandomTable(3, 500).Write(_path, 200);
        var whole = File.ReadAllBytes(_path);
        for (var round = 0; round < 3_000; round++)
        {
            var bytes = whole[..(random.Next(10) == 0 ? random.Next(whole.Length) : whole.Length)];
            for (var flips = random.Next(1, 8); flips > 0 && bytes.Length > 0; flips--)
            {
                bytes[random.Next(3) == 0 ? random.Next(bytes.Length) : random.Next(Math.Max(0, bytes.Length - 4_000), bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                ReadAll(bytes);
            }
            catch (InvalidDataException)
            {
                // Refused, with a sentence.
            }
        }
    }

    private static void ReadAll(byte[] bytes)
    {
        using var reader = new ParquetReader(new MemoryStream(bytes));
        for (var group = 0; group < Math.Min(10, reader.RowGroupCount); group++)
        {
            foreach (var column in RandomTable.Schema)
            {
                _ = Values(reader, group, column).Count();
            }
        }
    }

    private static IEnumerable<object?> Values(ParquetReader reader, int group, ColumnSchema column)
    {
        switch (column)
        {
            case { IsList: true }:
                var lists = reader.Lists(group, column.Name);
                return Enumerable.Range(0, reader.RowsOf(group)).Select(row => (object?)lists[row].ToArray());
            case { Kind: ColumnKind.Symbol or ColumnKind.Text }:
                var texts = reader.Texts(group, column.Name);
                return Enumerable.Range(0, reader.RowsOf(group)).Select(row => (object?)(texts[row] is { } text ? Encoding.UTF8.GetString(text) : null));
            case { Kind: ColumnKind.Flag }:
                return reader.Integers(group, column.Name).Select(value => value == ParquetReader.Null ? null : (object?)(value == 1));
            default:
                return reader.Integers(group, column.Name).Select(value => value == ParquetReader.Null ? null : (object?)value);
        }
    }
}
