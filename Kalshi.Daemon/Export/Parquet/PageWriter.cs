using System.Buffers.Binary;
using ZstdSharp;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>Parquet's `Encoding` numbers, those that are written here.</summary>
internal enum ParquetEncoding
{
    Plain = 0,
    Rle = 3,
    DeltaBinaryPacked = 5,
    DeltaLengthByteArray = 6,
    RleDictionary = 8,
}

/// <summary>The pages of one column chunk: a page's bytes are laid into <see cref="Page"/>, then compressed and appended under their header.</summary>
/// <remarks>
/// <code>
/// chunk  = [header dictionary] (header page)…      header = Thrift PageHeader; dictionary and page are zstd frames
/// levels = length (4 bytes, little endian), then the hybrid of width 1
/// </code>
/// </remarks>
internal sealed class PageWriter(int zstdLevel) : IDisposable
{
    private const int DataPage = 0, DictionaryPage = 2;

    private readonly Compressor _compressor = new(zstdLevel);
    private readonly ByteBuffer _chunk = new(1 << 20);
    private readonly ByteBuffer _levels = new();
    private readonly ByteBuffer _packed = new(1 << 20);
    private readonly ByteBuffer _header = new();
    private readonly List<Page> _written = [];
    private ParquetEncoding _encoding;
    private int _dictionaryBytes;
    private long _uncompressed;

    /// <summary>The page being laid out.</summary>
    public ByteBuffer Page { get; } = new(1 << 20);

    public ReadOnlySpan<byte> Bytes => _chunk.Span;

    public void Dispose() => _compressor.Dispose();

    /// <summary>Begins a chunk whose data pages hold values in this encoding.</summary>
    public void Begin(ParquetEncoding encoding)
    {
        _encoding = encoding;
        _chunk.Clear();
        _written.Clear();
        _dictionaryBytes = 0;
        _uncompressed = 0;
    }

    /// <summary>What the footer has to say of the chunk that stands at `offset`.</summary>
    public Chunk Take(ColumnSchema schema, long offset)
    {
        long values = 0, nulls = 0;
        byte[]? min = null, max = null;
        foreach (var page in _written)
        {
            values += page.Values;
            nulls += page.Nulls;
            min = Smaller(schema, min, page.Bounds.Min) ? min : page.Bounds.Min ?? min;
            max = Smaller(schema, max, page.Bounds.Max) ? page.Bounds.Max : max ?? page.Bounds.Max;
        }

        return new Chunk(schema, offset, _dictionaryBytes, _encoding, values, nulls, _uncompressed, _chunk.Length, new Bounds(min, max), [.. _written]);
    }

    /// <summary>Whether both are there and `left` is the smaller one in the column's order.</summary>
    private static bool Smaller(ColumnSchema schema, byte[]? left, byte[]? right)
    {
        if (left is null || right is null)
        {
            return false;
        }

        return schema.PhysicalType switch
        {
            1 => BinaryPrimitives.ReadInt32LittleEndian(left) < BinaryPrimitives.ReadInt32LittleEndian(right),
            2 => BinaryPrimitives.ReadInt64LittleEndian(left) < BinaryPrimitives.ReadInt64LittleEndian(right),
            _ => left.AsSpan().SequenceCompareTo(right) < 0,
        };
    }

    /// <summary>Appends repetition or definition levels, which are 0 or 1 here, to the page.</summary>
    public void WriteLevels(ReadOnlySpan<int> levels)
    {
        _levels.Clear();
        HybridEncoding.Write(_levels, levels, 1);
        BinaryPrimitives.WriteInt32LittleEndian(Page.Reserve(4), _levels.Length);
        Page.Advance(4);
        Page.Append(_levels.Span);
    }

    public void WriteDictionary(int count)
    {
        var packed = Compress();
        _header.Clear();
        var thrift = new ThriftCompact(_header);
        thrift.BeginElement();
        thrift.Int(1, DictionaryPage);
        thrift.Int(2, Page.Length);
        thrift.Int(3, packed);
        thrift.BeginStruct(7);
        thrift.Int(1, count);
        thrift.Int(2, (int)ParquetEncoding.Plain);
        thrift.End();
        thrift.End();
        AppendPage();
        _dictionaryBytes = _chunk.Length;
    }

    public void WritePage(int firstRow, int values, int nulls, Bounds bounds)
    {
        var packed = Compress();
        _header.Clear();
        var thrift = new ThriftCompact(_header);
        thrift.BeginElement();
        thrift.Int(1, DataPage);
        thrift.Int(2, Page.Length);
        thrift.Int(3, packed);
        thrift.BeginStruct(5);
        thrift.Int(1, values);
        thrift.Int(2, (int)_encoding);
        thrift.Int(3, (int)ParquetEncoding.Rle);
        thrift.Int(4, (int)ParquetEncoding.Rle);
        thrift.End();
        thrift.End();
        var offset = _chunk.Length;
        AppendPage();
        _written.Add(new Page(offset, _chunk.Length - offset, firstRow, values, nulls, bounds));
    }

    private int Compress()
    {
        _packed.Clear();
        var target = _packed.Reserve(Compressor.GetCompressBound(Page.Length));
        _packed.Advance(_compressor.Wrap(Page.Span, target));
        return _packed.Length;
    }

    private void AppendPage()
    {
        _chunk.Append(_header.Span);
        _chunk.Append(_packed.Span);
        _uncompressed += _header.Length + Page.Length;
    }
}
