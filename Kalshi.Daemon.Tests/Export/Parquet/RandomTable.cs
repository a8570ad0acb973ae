using System.Text;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Tests.Export.Parquet;

/// <summary>Columns of every kind with random values whose shapes vary by seed: constant, few, many, runs, extremes, nulls.</summary>
internal sealed class RandomTable
{
    public static readonly ColumnSchema[] Schema =
    [
        new("stamp", ColumnKind.Timestamp),
        new("maybe_stamp", ColumnKind.Timestamp, IsNullable: true),
        new("price", ColumnKind.Price, EncodingHint.Dictionary),
        new("price_steps", ColumnKind.Price, EncodingHint.Dictionary, IsNullable: true),
        new("quantity", ColumnKind.Quantity, EncodingHint.Dictionary, IsNullable: true),
        new("number", ColumnKind.Long),
        new("maybe_number", ColumnKind.Long, EncodingHint.Dictionary, IsNullable: true),
        new("small", ColumnKind.Int),
        new("symbol", ColumnKind.Symbol),
        new("maybe_symbol", ColumnKind.Symbol, IsNullable: true),
        new("text", ColumnKind.Text),
        new("maybe_text", ColumnKind.Text, IsNullable: true),
        new("flag", ColumnKind.Flag),
        new("maybe_flag", ColumnKind.Flag, IsNullable: true),
        new("prices", ColumnKind.Price, EncodingHint.Dictionary, IsList: true),
        new("sizes", ColumnKind.Quantity, EncodingHint.Dictionary, IsList: true),
    ];

    private readonly Random _random;

    public RandomTable(int seed, int rows)
    {
        _random = new Random(seed);
        Columns = [.. Schema.Select(schema => Fill(schema, rows))];
        Order = Enumerable.Range(0, rows).ToArray();
        if (_random.Next(2) == 0)
        {
            _random.Shuffle(Order);
        }
    }

    public Column[] Columns { get; }

    public int[] Order { get; }

    /// <summary>Expected values per column in arrival order: long, string, bool, null or long[].</summary>
    public List<object?[]> Expected { get; } = [];

    public void Write(string path, int rowGroupRows)
    {
        using var encoder = new ChunkEncoder(3);
        using var file = File.Create(path);
        var writer = new ParquetWriter(file, Schema, encoder);
        for (var at = 0; at < Order.Length; at += rowGroupRows)
        {
            writer.WriteRowGroup(Columns, Order.AsSpan(at, Math.Min(rowGroupRows, Order.Length - at)));
        }

        writer.Finish(0);
    }

    private Column Fill(ColumnSchema schema, int rows)
    {
        var (low, high) = Range(schema.Kind);
        var shape = _random.Next(5);
        var last = 0L;
        long Next() => last = shape switch
        {
            0 => last == 0 ? Between(low, high) : last,
            1 => Math.Clamp(_random.Next(-3, 4), low, high),
            2 => _random.Next(20) == 0 ? Between(low, high) : last,
            3 => Math.Clamp(last + _random.Next(-1_000, 100_000), low, high),
            _ => Between(low, high),
        };
        bool IsNull() => schema.IsNullable && _random.Next(3) == 0;

        var expected = new object?[rows];
        Expected.Add(expected);
        switch (schema)
        {
            case { IsList: true }:
                var list = new IntegerListColumn(schema);
                for (var i = 0; i < rows; i++)
                {
                    var values = new long[_random.Next(4) == 0 ? 0 : _random.Next(40)];
                    foreach (ref var value in values.AsSpan())
                    {
                        list.Append(value = Next());
                    }

                    list.EndRow();
                    expected[i] = values;
                }

                return list;
            case { Kind: ColumnKind.Flag }:
                var flags = new FlagColumn(schema);
                for (var i = 0; i < rows; i++)
                {
                    var flag = IsNull() ? -1 : _random.Next(2);
                    flags.Append((sbyte)flag);
                    expected[i] = flag < 0 ? null : flag == 1;
                }

                return flags;
            case { Kind: ColumnKind.Symbol }:
                var symbols = new SymbolColumn(schema, new Symbols());
                for (var i = 0; i < rows; i++)
                {
                    var text = IsNull() ? "" : $"KX-{(ulong)Next() % 5_000}é";
                    symbols.Append(Encoding.UTF8.GetBytes(text));
                    expected[i] = text.Length == 0 ? null : text;
                }

                return symbols;
            case { Kind: ColumnKind.Text }:
                var texts = new TextColumn(schema);
                for (var i = 0; i < rows; i++)
                {
                    var text = new string((char)_random.Next('a', 'z'), IsNull() ? 0 : _random.Next(1, _random.Next(500) == 0 ? 20_000 : 60));
                    texts.Append(Encoding.UTF8.GetBytes(text));
                    expected[i] = text.Length == 0 ? null : text;
                }

                return texts;
            default:
                var integers = new IntegerColumn(schema);
                for (var i = 0; i < rows; i++)
                {
                    var value = IsNull() ? IntegerColumn.Null : Next();
                    integers.Append(value);
                    expected[i] = value == IntegerColumn.Null ? null : value;
                }

                return integers;
        }
    }

    private static (long Low, long High) Range(ColumnKind kind) => kind switch
    {
        ColumnKind.Timestamp => (-60_000_000_000_000_000, 200_000_000_000_000_000),
        ColumnKind.Price => (-9_999_999, 9_999_999),
        ColumnKind.Quantity => (-999_999_999_999_999_999, 999_999_999_999_999_999),
        ColumnKind.Int => (int.MinValue, int.MaxValue),
        _ => (long.MinValue + 1, long.MaxValue),
    };

    private long Between(long low, long high) => _random.Next(4) switch
    {
        0 => low,
        1 => high,
        _ => _random.NextInt64(low, high),
    };
}
