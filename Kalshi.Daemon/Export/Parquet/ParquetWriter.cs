using System.Buffers.Binary;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>
/// A Parquet file: columns in, row groups and a footer out. The same columns always give the same bytes.
/// </summary>
/// <remarks>
/// <code>
/// file = "PAR1" (chunk per column) per row group, page index, footer, length of footer (4 bytes, little endian), "PAR1"
/// page index = (ColumnIndex per chunk that has bounds)…, then (OffsetIndex per chunk)…
/// </code>
/// https://github.com/apache/parquet-format. **Thread** one.
/// </remarks>
internal sealed class ParquetWriter(Stream file, ColumnSchema[] schema, ChunkEncoder encoder)
{
    /// <summary>Larger row groups make no file smaller; smaller ones cost a reader more round trips.</summary>
    public const int RowGroupRowsMax = 1_000_000;

    private const int ZstdCodec = 6;
    private static ReadOnlySpan<byte> Magic => "PAR1"u8;

    private readonly List<(Chunk[] Chunks, int Rows)> _rowGroups = [];
    private long _offset;

    /// <summary>Rows written so far.</summary>
    public long Rows { get; private set; }

    /// <summary>Writes the rows that `order` names, in that order, as one row group.</summary>
    public void WriteRowGroup(IReadOnlyList<Column> columns, ReadOnlySpan<int> order)
    {
        if (_offset == 0)
        {
            Write(Magic);
        }

        var chunks = new Chunk[columns.Count];
        for (var i = 0; i < columns.Count; i++)
        {
            columns[i].Encode(encoder, order);
            chunks[i] = encoder.Take(schema[i], _offset);
            Write(encoder.Bytes);
        }

        _rowGroups.Add((chunks, order.Length));
        Rows += order.Length;
    }

    /// <summary>Writes the page index and the footer. `sortedBy`: indexes of the columns the rows are sorted by.</summary>
    public void Finish(params ReadOnlySpan<int> sortedBy)
    {
        if (_offset == 0)
        {
            Write(Magic);
        }

        var output = new ByteBuffer();
        var columnIndexes = WriteIndexes(output, ColumnIndex);
        var offsetIndexes = WriteIndexes(output, OffsetIndex);
        output.Clear();
        Footer(new ThriftCompact(output), sortedBy, columnIndexes, offsetIndexes);
        var length = output.Length;
        BinaryPrimitives.WriteInt32LittleEndian(output.Reserve(4), length);
        output.Advance(4);
        output.Append(Magic);
        Write(output.Span);
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        file.Write(bytes);
        _offset += bytes.Length;
    }

    private List<(long Offset, int Bytes)> WriteIndexes(ByteBuffer output, Action<ThriftCompact, Chunk> write)
    {
        var places = new List<(long, int)>();
        foreach (var (chunks, _) in _rowGroups)
        {
            foreach (var chunk in chunks)
            {
                output.Clear();
                write(new ThriftCompact(output), chunk);
                places.Add((_offset, output.Length));
                Write(output.Span);
            }
        }

        return places;
    }

    /// <summary>Bounds of each page; nothing at all for a column without bounds.</summary>
    private static void ColumnIndex(ThriftCompact thrift, Chunk chunk)
    {
        if (chunk.Bounds.Min is null)
        {
            return;
        }

        var pages = chunk.Pages;
        thrift.BeginElement();
        thrift.ListOfBools(1, pages.Length);
        foreach (var page in pages)
        {
            thrift.BoolElement(page.Bounds.Min is null);
        }

        thrift.ListOfBytes(2, pages.Length);
        foreach (var page in pages)
        {
            thrift.BytesElement(page.Bounds.Min);
        }

        thrift.ListOfBytes(3, pages.Length);
        foreach (var page in pages)
        {
            thrift.BytesElement(page.Bounds.Max);
        }

        thrift.Int(4, 0);
        thrift.ListOfLongs(5, pages.Length);
        foreach (var page in pages)
        {
            thrift.LongElement(page.Nulls);
        }

        thrift.End();
    }

    private static void OffsetIndex(ThriftCompact thrift, Chunk chunk)
    {
        thrift.BeginElement();
        thrift.ListOfStructs(1, chunk.Pages.Length);
        foreach (var page in chunk.Pages)
        {
            thrift.BeginElement();
            thrift.Long(1, chunk.Offset + page.Offset);
            thrift.Int(2, page.Bytes);
            thrift.Long(3, page.FirstRow);
            thrift.End();
        }

        thrift.End();
    }

    private void Footer(ThriftCompact thrift, ReadOnlySpan<int> sortedBy, List<(long Offset, int Bytes)> columnIndexes, List<(long Offset, int Bytes)> offsetIndexes)
    {
        thrift.BeginElement();
        thrift.Int(1, 2);
        thrift.ListOfStructs(2, 1 + schema.Sum(column => column.IsList ? 3 : 1));
        thrift.BeginElement();
        thrift.Text(4, "schema");
        thrift.Int(5, schema.Length);
        thrift.End();
        foreach (var column in schema)
        {
            SchemaElements.Write(thrift, column);
        }

        thrift.Long(3, Rows);
        thrift.ListOfStructs(4, _rowGroups.Count);
        var place = 0;
        for (var i = 0; i < _rowGroups.Count; i++)
        {
            var (chunks, rows) = _rowGroups[i];
            RowGroup(thrift, chunks, rows, i, sortedBy, columnIndexes, offsetIndexes, ref place);
        }

        thrift.Text(6, "kalshid version 1");
        thrift.ListOfStructs(7, schema.Length);
        foreach (var _ in schema)
        {
            thrift.BeginElement();
            thrift.EmptyStruct(1);
            thrift.End();
        }

        thrift.End();
    }

    private static void RowGroup(ThriftCompact thrift, Chunk[] chunks, int rows, int ordinal, ReadOnlySpan<int> sortedBy,
        List<(long Offset, int Bytes)> columnIndexes, List<(long Offset, int Bytes)> offsetIndexes, ref int place)
    {
        thrift.BeginElement();
        thrift.ListOfStructs(1, chunks.Length);
        foreach (var chunk in chunks)
        {
            ColumnChunk(thrift, chunk, columnIndexes[place], offsetIndexes[place]);
            place++;
        }

        thrift.Long(2, chunks.Sum(chunk => chunk.UncompressedBytes));
        thrift.Long(3, rows);
        thrift.ListOfStructs(4, sortedBy.Length);
        foreach (var column in sortedBy)
        {
            thrift.BeginElement();
            thrift.Int(1, column);
            thrift.Bool(2, false);
            thrift.Bool(3, true);
            thrift.End();
        }

        thrift.Long(5, chunks[0].Offset);
        thrift.Long(6, chunks.Sum(chunk => chunk.CompressedBytes));
        thrift.Short(7, (short)ordinal);
        thrift.End();
    }

    private static void ColumnChunk(ThriftCompact thrift, Chunk chunk, (long Offset, int Bytes) columnIndex, (long Offset, int Bytes) offsetIndex)
    {
        var schema = chunk.Schema;
        thrift.BeginElement();
        thrift.Long(2, chunk.Offset);
        thrift.BeginStruct(3);
        thrift.Int(1, schema.PhysicalType);
        ReadOnlySpan<ParquetEncoding> encodings = chunk.DictionaryBytes > 0
            ? [ParquetEncoding.Plain, ParquetEncoding.Rle, chunk.Encoding]
            : [ParquetEncoding.Rle, chunk.Encoding];
        thrift.ListOfInts(2, encodings.Length);
        foreach (var encoding in encodings)
        {
            thrift.LongElement((int)encoding);
        }

        string[] path = schema.IsList ? [schema.Name, "list", "element"] : [schema.Name];
        thrift.ListOfBytes(3, path.Length);
        foreach (var name in path)
        {
            thrift.TextElement(name);
        }

        thrift.Int(4, ZstdCodec);
        thrift.Long(5, chunk.Values);
        thrift.Long(6, chunk.UncompressedBytes);
        thrift.Long(7, chunk.CompressedBytes);
        thrift.Long(9, chunk.Offset + chunk.DictionaryBytes);
        if (chunk.DictionaryBytes > 0)
        {
            thrift.Long(11, chunk.Offset);
        }

        if (!schema.IsList)
        {
            Statistics(thrift, chunk);
        }

        thrift.End();
        thrift.Long(4, offsetIndex.Offset);
        thrift.Int(5, offsetIndex.Bytes);
        if (columnIndex.Bytes > 0)
        {
            thrift.Long(6, columnIndex.Offset);
            thrift.Int(7, columnIndex.Bytes);
        }

        thrift.End();
    }

    private static void Statistics(ThriftCompact thrift, Chunk chunk)
    {
        thrift.BeginStruct(12);
        thrift.Long(3, chunk.Nulls);
        if (chunk.Bounds.Min is not null)
        {
            thrift.Bytes(5, chunk.Bounds.Max);
            thrift.Bytes(6, chunk.Bounds.Min);
        }

        thrift.End();
    }
}
