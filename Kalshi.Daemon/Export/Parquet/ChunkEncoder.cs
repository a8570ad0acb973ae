using System.Buffers.Binary;
using System.Numerics;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>
/// Column values → one column chunk: picks the rows, lays out each page; <see cref="PageWriter"/> does the rest.
/// </summary>
/// <remarks>
/// <code>
/// page = [repetition levels] [definition levels] values
/// values by kind: integers  DELTA_BINARY_PACKED, or codes of a dictionary of PLAIN values
///                 symbols   codes of a dictionary        codes = width (1 byte), then hybrid
///                 texts     DELTA_LENGTH_BYTE_ARRAY      flags  PLAIN bits
/// </code>
/// **Thread** one. **Bound** memory follows the largest row group; pages hold at most <see cref="PageRowsMax"/> rows and about
/// <see cref="PageBytesMax"/> bytes.
/// </remarks>
internal sealed class ChunkEncoder(int zstdLevel) : IDisposable
{
    public const int PageRowsMax = 1 << 16;
    public const int PageBytesMax = 1 << 20;

    private readonly PageWriter _pages = new(zstdLevel);
    private readonly ByteBuffer _bits = new(PageRowsMax / 8);
    private readonly ValueDictionary _dictionary = new();
    private long[] _values = [];
    private int[] _codes = [];
    private int[] _levels = [];
    private int[] _repetitions = [];
    private ParquetEncoding _encoding;

    /// <summary>The bytes of the chunk that was encoded last.</summary>
    public ReadOnlySpan<byte> Bytes => _pages.Bytes;

    /// <summary>What the footer has to say of the chunk that was encoded last and stands at `offset` of the file.</summary>
    public Chunk Take(ColumnSchema schema, long offset) => _pages.Take(schema, offset);

    public void Dispose() => _pages.Dispose();

    public void Integers(ColumnSchema schema, ReadOnlySpan<long> source, ReadOnlySpan<int> order)
    {
        Reserve(order.Length);
        BeginIntegers(schema, Gather(schema, source, order));
        for (int row = 0, first = 0; row < order.Length; row += PageRowsMax)
        {
            var rows = Math.Min(PageRowsMax, order.Length - row);
            var count = schema.IsNullable ? _levels.AsSpan(row, rows).Count(1) : rows;
            _pages.Page.Clear();
            WriteDefinitionLevels(schema, _levels.AsSpan(row, rows));
            WriteIntegers(schema, first, count);
            _pages.WritePage(row, rows, rows - count, IntegerBounds(schema, _values.AsSpan(first, count)));
            first += count;
        }
    }

    public void Lists(ColumnSchema schema, ReadOnlySpan<long> source, ReadOnlySpan<(int Start, int Count)> lists, ReadOnlySpan<int> order)
    {
        BeginIntegers(schema, Gather(source, lists, order));
        var pageEntriesMax = PageBytesMax / 8;
        var first = 0;
        for (var row = 0; row < order.Length;)
        {
            int rows = 0, entries = 0, count = 0;
            while (row + rows < order.Length && rows < PageRowsMax && entries < pageEntriesMax)
            {
                var length = lists[order[row + rows++]].Count;
                count += length;

                // A row begins with repetition level 0; the definition level 0 says that its list is empty.
                var here = Math.Max(1, length);
                _repetitions.AsSpan(entries, here).Fill(1);
                _repetitions[entries] = 0;
                _levels.AsSpan(entries, here).Fill(length == 0 ? 0 : 1);
                entries += here;
            }

            _pages.Page.Clear();
            _pages.WriteLevels(_repetitions.AsSpan(0, entries));
            _pages.WriteLevels(_levels.AsSpan(0, entries));
            WriteIntegers(schema, first, count);
            _pages.WritePage(row, entries, 0, default);
            first += count;
            row += rows;
        }
    }

    public void Symbols(ColumnSchema schema, Symbols symbols, ReadOnlySpan<int> source, ReadOnlySpan<int> order)
    {
        Reserve(order.Length);
        _pages.Begin(ParquetEncoding.RleDictionary);
        var present = GatherCodes(source, order);
        var local = LocalDictionary(symbols, _codes.AsSpan(0, present));
        _pages.WriteDictionary(local);
        for (int row = 0, first = 0; row < order.Length; row += PageRowsMax)
        {
            var rows = Math.Min(PageRowsMax, order.Length - row);
            var count = schema.IsNullable ? _levels.AsSpan(row, rows).Count(1) : rows;
            _pages.Page.Clear();
            WriteDefinitionLevels(schema, _levels.AsSpan(row, rows));
            WriteCodes(_codes.AsSpan(first, count));
            _pages.WritePage(row, rows, rows - count, SymbolBounds(symbols, source, order.Slice(row, rows)));
            first += count;
        }
    }

    public void Texts(ColumnSchema schema, ReadOnlySpan<byte> bytes, ReadOnlySpan<(int Start, int Length)> texts, ReadOnlySpan<int> order)
    {
        Reserve(order.Length);
        _pages.Begin(ParquetEncoding.DeltaLengthByteArray);
        for (var row = 0; row < order.Length;)
        {
            var rows = 0;
            var count = 0;
            long size = 0;
            while (row + rows < order.Length && rows < PageRowsMax && size < PageBytesMax)
            {
                var length = texts[order[row + rows]].Length;
                _levels[rows++] = length < 0 ? 0 : 1;
                if (length >= 0)
                {
                    _values[count++] = length;
                    size += length;
                }
            }

            _pages.Page.Clear();
            WriteDefinitionLevels(schema, _levels.AsSpan(0, rows));
            DeltaEncoding.Write(_pages.Page, _values.AsSpan(0, count), isInt32: true);
            foreach (var index in order.Slice(row, rows))
            {
                var (start, length) = texts[index];
                if (length > 0)
                {
                    _pages.Page.Append(bytes.Slice(start, length));
                }
            }

            _pages.WritePage(row, rows, rows - count, default);
            row += rows;
        }
    }

    public void Flags(ColumnSchema schema, ReadOnlySpan<sbyte> source, ReadOnlySpan<int> order)
    {
        Reserve(order.Length);
        _pages.Begin(ParquetEncoding.Plain);
        for (var row = 0; row < order.Length; row += PageRowsMax)
        {
            var rows = Math.Min(PageRowsMax, order.Length - row);
            var count = 0;
            _bits.Clear();
            var bits = _bits.Reserve(PageRowsMax / 8);
            bits[..((rows + 7) / 8)].Clear();
            for (var i = 0; i < rows; i++)
            {
                var value = source[order[row + i]];
                _levels[i] = value < 0 ? 0 : 1;
                if (value >= 0)
                {
                    bits[count >> 3] |= (byte)(value << (count & 7));
                    count++;
                }
            }

            _pages.Page.Clear();
            WriteDefinitionLevels(schema, _levels.AsSpan(0, rows));
            _pages.Page.Append(bits[..((count + 7) / 8)]);
            _pages.WritePage(row, rows, rows - count, default);
        }
    }

    /// <summary>Chooses the encoding for the first `count` of `_values` and begins the chunk.</summary>
    private void BeginIntegers(ColumnSchema schema, int count)
    {
        _encoding = schema.Hint == EncodingHint.Delta ? ParquetEncoding.DeltaBinaryPacked
            : _dictionary.TryBuild(_values.AsSpan(0, count), _codes.AsSpan(0, count)) ? ParquetEncoding.RleDictionary
            : ParquetEncoding.Plain;
        _pages.Begin(_encoding);
        if (_encoding == ParquetEncoding.RleDictionary)
        {
            _pages.Page.Clear();
            WritePlain(_dictionary.Values, schema.IsInt32);
            _pages.WriteDictionary(_dictionary.Count);
        }
    }

    private void WriteIntegers(ColumnSchema schema, int first, int count)
    {
        switch (_encoding)
        {
            case ParquetEncoding.RleDictionary:
                WriteCodes(_codes.AsSpan(first, count));
                break;
            case ParquetEncoding.Plain:
                WritePlain(_values.AsSpan(first, count), schema.IsInt32);
                break;
            default:
                DeltaEncoding.Write(_pages.Page, _values.AsSpan(first, count), schema.IsInt32);
                break;
        }
    }

    private void Reserve(int values)
    {
        if (_values.Length < values)
        {
            _values = new long[values];
            _codes = new int[values];
            _levels = new int[values];
        }
    }

    /// <summary>Values in order without the nulls, and a definition level for each row; returns how many values there are.</summary>
    private int Gather(ColumnSchema schema, ReadOnlySpan<long> source, ReadOnlySpan<int> order)
    {
        var values = _values;
        if (!schema.IsNullable)
        {
            for (var i = 0; i < order.Length; i++)
            {
                values[i] = source[order[i]];
            }

            return order.Length;
        }

        var count = 0;
        for (var i = 0; i < order.Length; i++)
        {
            var value = source[order[i]];
            values[count] = value;
            var present = value == IntegerColumn.Null ? 0 : 1;
            _levels[i] = present;
            count += present;
        }

        return count;
    }

    private int GatherCodes(ReadOnlySpan<int> source, ReadOnlySpan<int> order)
    {
        var count = 0;
        for (var i = 0; i < order.Length; i++)
        {
            var code = source[order[i]];
            _codes[count] = code;
            var present = code < 0 ? 0 : 1;
            _levels[i] = present;
            count += present;
        }

        return count;
    }

    /// <summary>The values of all lists one after the other; returns how many there are.</summary>
    private int Gather(ReadOnlySpan<long> source, ReadOnlySpan<(int Start, int Count)> lists, ReadOnlySpan<int> order)
    {
        long entries = 0;
        foreach (var index in order)
        {
            entries += Math.Max(1, lists[index].Count);
        }

        Reserve(checked((int)entries));
        if (_repetitions.Length < entries)
        {
            _repetitions = new int[entries];
        }

        var count = 0;
        foreach (var index in order)
        {
            var (start, length) = lists[index];
            source.Slice(start, length).CopyTo(_values.AsSpan(count));
            count += length;
        }

        return count;
    }

    /// <summary>Turns global codes into codes of this chunk, in order of appearance, and lays the dictionary page's bytes into `_page`.</summary>
    private int LocalDictionary(Symbols symbols, Span<int> codes)
    {
        var local = new int[symbols.Count];
        var count = 0;
        _pages.Page.Clear();
        foreach (ref var code in codes)
        {
            ref var mine = ref local[code];
            if (mine == 0)
            {
                var text = symbols.Text(code);
                BinaryPrimitives.WriteInt32LittleEndian(_pages.Page.Reserve(4), text.Length);
                _pages.Page.Advance(4);
                _pages.Page.Append(text);
                mine = ++count;
            }

            code = mine - 1;
        }

        return count;
    }

    private void WritePlain(ReadOnlySpan<long> values, bool isInt32)
    {
        foreach (var value in values)
        {
            var target = _pages.Page.Reserve(8);
            BinaryPrimitives.WriteInt64LittleEndian(target, value);
            _pages.Page.Advance(isInt32 ? 4 : 8);
        }
    }

    private void WriteDefinitionLevels(ColumnSchema schema, ReadOnlySpan<int> levels)
    {
        if (schema.IsNullable)
        {
            _pages.WriteLevels(levels);
        }
    }

    private void WriteCodes(ReadOnlySpan<int> codes)
    {
        var largest = 0;
        foreach (var code in codes)
        {
            largest |= code;
        }

        var width = ByteAligned.Width(32 - BitOperations.LeadingZeroCount((uint)largest));
        _pages.Page.Append((byte)width);
        HybridEncoding.Write(_pages.Page, codes, width);
    }

    private static Bounds IntegerBounds(ColumnSchema schema, ReadOnlySpan<long> values)
    {
        if (values.IsEmpty)
        {
            return default;
        }

        long min = long.MaxValue, max = long.MinValue;
        foreach (var value in values)
        {
            min = Math.Min(min, value);
            max = Math.Max(max, value);
        }

        return new Bounds(PlainBytes(min, schema.IsInt32), PlainBytes(max, schema.IsInt32));
    }

    private static byte[] PlainBytes(long value, bool isInt32) =>
        isInt32 ? BitConverter.GetBytes((int)value) : BitConverter.GetBytes(value);

    private static Bounds SymbolBounds(Symbols symbols, ReadOnlySpan<int> source, ReadOnlySpan<int> order)
    {
        int min = -1, max = -1;
        var last = -1;
        foreach (var index in order)
        {
            var code = source[index];
            if (code == last || code < 0)
            {
                continue;
            }

            last = code;
            min = min < 0 || symbols.Text(code).SequenceCompareTo(symbols.Text(min)) < 0 ? code : min;
            max = max < 0 || symbols.Text(code).SequenceCompareTo(symbols.Text(max)) > 0 ? code : max;
        }

        return min < 0 ? default : new Bounds(symbols.Text(min).ToArray(), symbols.Text(max).ToArray());
    }
}
