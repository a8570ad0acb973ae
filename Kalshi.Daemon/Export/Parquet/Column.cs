using System.Runtime.CompilerServices;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>A column's values in arrival order, kept in arrays that are reused from part to part. One thread.</summary>
internal abstract class Column(ColumnSchema schema)
{
    public ColumnSchema Schema { get; } = schema;

    public int Count { get; protected set; }

    /// <summary>Bytes of values held: what bounds a part beside its rows.</summary>
    public abstract long Bytes { get; }

    public abstract void Clear();

    /// <summary>Encodes the rows that `order` names, in that order, as one column chunk.</summary>
    public abstract void Encode(ChunkEncoder encoder, ReadOnlySpan<int> order);
}

/// <summary>Stamps, prices, quantities and numbers.</summary>
internal sealed class IntegerColumn(ColumnSchema schema) : Column(schema)
{
    /// <summary>Stands for null in a nullable column.</summary>
    public const long Null = long.MinValue;

    private long[] _values = new long[1_024];

    public override long Bytes => Count * 8L;

    public ReadOnlySpan<long> Values => _values.AsSpan(0, Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Append(long value)
    {
        if (Count == _values.Length)
        {
            Array.Resize(ref _values, Count * 2);
        }

        _values[Count++] = value;
    }

    public override void Clear() => Count = 0;

    public override void Encode(ChunkEncoder encoder, ReadOnlySpan<int> order) => encoder.Integers(Schema, Values, order);
}

/// <summary>True, false or null.</summary>
internal sealed class FlagColumn(ColumnSchema schema) : Column(schema)
{
    private sbyte[] _values = new sbyte[1_024];

    public override long Bytes => Count;

    /// <summary>1, 0, or −1 for null.</summary>
    public void Append(sbyte value)
    {
        if (Count == _values.Length)
        {
            Array.Resize(ref _values, Count * 2);
        }

        _values[Count++] = value;
    }

    public override void Clear() => Count = 0;

    public override void Encode(ChunkEncoder encoder, ReadOnlySpan<int> order) => encoder.Flags(Schema, _values, order);
}

/// <summary>Codes of <see cref="Symbols"/>, −1 for null.</summary>
internal sealed class SymbolColumn(ColumnSchema schema, Symbols symbols) : Column(schema)
{
    private int[] _codes = new int[1_024];

    public override long Bytes => Count * 4L;

    public ReadOnlySpan<int> Codes => _codes.AsSpan(0, Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Append(int code)
    {
        if (Count == _codes.Length)
        {
            Array.Resize(ref _codes, Count * 2);
        }

        _codes[Count++] = code;
    }

    /// <summary>Empty text is null where the column allows it.</summary>
    public void Append(ReadOnlySpan<byte> text) => Append(Schema.IsNullable && text.IsEmpty ? -1 : symbols.Code(text));

    public override void Clear() => Count = 0;

    public override void Encode(ChunkEncoder encoder, ReadOnlySpan<int> order) => encoder.Symbols(Schema, symbols, Codes, order);
}

/// <summary>Text of many different values, one after the other in one block of memory.</summary>
internal sealed class TextColumn(ColumnSchema schema) : Column(schema)
{
    private readonly ByteBuffer _bytes = new();
    private (int Start, int Length)[] _texts = new (int, int)[1_024];

    public override long Bytes => _bytes.Length + (Count * 8L);

    /// <summary>Empty text is null where the column allows it; what is not UTF-8 is replaced, because readers refuse it.</summary>
    public void Append(ReadOnlySpan<byte> text)
    {
        text = ValidText.Of(text);
        if (Count == _texts.Length)
        {
            Array.Resize(ref _texts, Count * 2);
        }

        _texts[Count++] = (_bytes.Length, text.IsEmpty && Schema.IsNullable ? -1 : text.Length);
        _bytes.Append(text);
    }

    /// <summary>Compares two rows' texts by their bytes.</summary>
    public int Compare(int left, int right) => Text(left).SequenceCompareTo(Text(right));

    public override void Clear()
    {
        _bytes.Clear();
        Count = 0;
    }

    private ReadOnlySpan<byte> Text(int row) => _bytes.Span.Slice(_texts[row].Start, Math.Max(0, _texts[row].Length));

    public override void Encode(ChunkEncoder encoder, ReadOnlySpan<int> order) => encoder.Texts(Schema, _bytes.Span, _texts, order);
}

/// <summary>One list of integers a row.</summary>
internal sealed class IntegerListColumn(ColumnSchema schema) : Column(schema)
{
    private long[] _values = new long[4_096];
    private int _valueCount;
    private (int Start, int Count)[] _lists = new (int, int)[1_024];

    public override long Bytes => (_valueCount * 8L) + (Count * 8L);

    /// <summary>Adds a value to the row that <see cref="EndRow"/> will close.</summary>
    public void Append(long value)
    {
        if (_valueCount == _values.Length)
        {
            Array.Resize(ref _values, _valueCount * 2);
        }

        _values[_valueCount++] = value;
    }

    public void EndRow()
    {
        if (Count == _lists.Length)
        {
            Array.Resize(ref _lists, Count * 2);
        }

        var start = Count == 0 ? 0 : _lists[Count - 1].Start + _lists[Count - 1].Count;
        _lists[Count++] = (start, _valueCount - start);
    }

    public override void Clear() => Count = _valueCount = 0;

    public override void Encode(ChunkEncoder encoder, ReadOnlySpan<int> order) => encoder.Lists(Schema, _values, _lists, order);
}
