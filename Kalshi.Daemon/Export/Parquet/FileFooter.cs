using System.Buffers.Binary;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>A column chunk as the footer describes it.</summary>
internal sealed record ChunkFooter(string Column, int PhysicalType, long Values, long Offset, long CompressedBytes, int Codec);

/// <summary>A row group as the footer describes it.</summary>
internal sealed record RowGroupFooter(long Rows, ChunkFooter[] Chunks);

/// <summary>A leaf column: whether its values may be null, and whether it is a list's element.</summary>
internal sealed record ColumnFooter(string Name, bool IsNullable, bool IsList);

/// <summary>What a reader needs of a Parquet footer.</summary>
internal sealed record FileFooter(long Rows, ColumnFooter[] Columns, RowGroupFooter[] RowGroups)
{
    private const int TailBytes = 8;
    private const int FooterBytesMax = 256 << 20;
    private const int Optional = 1, Repeated = 2;

    /// <summary>Values of a column chunk and rows of a row group; kalshid writes a hundredth of this.</summary>
    private const int CountMax = 1 << 27;

    /// <summary>Throws <see cref="InvalidDataException"/> when the stream is no Parquet file.</summary>
    public static FileFooter Read(Stream file)
    {
        Span<byte> tail = stackalloc byte[TailBytes];
        if (file.Length < TailBytes + 4)
        {
            throw new InvalidDataException("The Parquet file is too short to be one.");
        }

        file.Position = file.Length - TailBytes;
        file.ReadExactly(tail);
        var length = BinaryPrimitives.ReadInt32LittleEndian(tail);
        if (!tail[4..].SequenceEqual("PAR1"u8) || length < 0 || length > FooterBytesMax || length > file.Length - TailBytes)
        {
            throw new InvalidDataException("The file does not end as a Parquet file does.");
        }

        var bytes = new byte[length];
        file.Position = file.Length - TailBytes - length;
        file.ReadExactly(bytes);
        return Parse(new ThriftReader(bytes));
    }

    private static FileFooter Parse(ThriftReader thrift)
    {
        long rows = 0;
        ColumnFooter[] columns = [];
        RowGroupFooter[] groups = [];
        short last = 0;
        while (thrift.Field(ref last, out var type))
        {
            switch (last)
            {
                case 2: columns = ReadColumns(ref thrift); break;
                case 3: rows = thrift.Zigzag(); break;
                case 4:
                    groups = new RowGroupFooter[thrift.ListCount()];
                    foreach (ref var group in groups.AsSpan())
                    {
                        group = RowGroup(ref thrift);
                    }

                    break;
                default: thrift.Skip(type); break;
            }
        }

        return new FileFooter(rows, columns, groups);
    }

    /// <summary>The flattened tree; a list is three elements here, of which the leaf counts and the first gives the name.</summary>
    private static ColumnFooter[] ReadColumns(ref ThriftReader thrift)
    {
        var columns = new List<ColumnFooter>();
        string? list = null;
        for (var count = thrift.ListCount(); count > 0; count--)
        {
            var (name, children, repetition) = ("", 0, 0);
            short last = 0;
            while (thrift.Field(ref last, out var type))
            {
                switch (last)
                {
                    case 3: repetition = thrift.Int(); break;
                    case 4: name = thrift.Text(); break;
                    case 5: children = thrift.Int(); break;
                    default: thrift.Skip(type); break;
                }
            }

            if (children == 0)
            {
                columns.Add(new ColumnFooter(list ?? name, repetition == Optional, list is not null));
                list = null;
            }
            else if (repetition != Repeated && children == 1)
            {
                list = name;
            }
        }

        return [.. columns];
    }

    private static RowGroupFooter RowGroup(ref ThriftReader thrift)
    {
        long rows = 0;
        ChunkFooter[] chunks = [];
        short last = 0;
        while (thrift.Field(ref last, out var type))
        {
            switch (last)
            {
                case 1:
                    chunks = new ChunkFooter[thrift.ListCount()];
                    foreach (ref var chunk in chunks.AsSpan())
                    {
                        chunk = Chunk(ref thrift);
                    }

                    break;
                case 3: rows = thrift.Zigzag(); break;
                default: thrift.Skip(type); break;
            }
        }

        return new RowGroupFooter(Checked(rows), chunks);
    }

    private static ChunkFooter Chunk(ref ThriftReader thrift)
    {
        ChunkFooter? chunk = null;
        short last = 0;
        while (thrift.Field(ref last, out var type))
        {
            if (last == 3)
            {
                chunk = ChunkMetadata(ref thrift);
            }
            else
            {
                thrift.Skip(type);
            }
        }

        return chunk ?? throw new InvalidDataException("The Parquet footer has a column chunk without metadata.");
    }

    private static ChunkFooter ChunkMetadata(ref ThriftReader thrift)
    {
        var (physical, column, codec) = (0, "", 0);
        long values = 0, bytes = 0, data = 0, dictionary = 0;
        short last = 0;
        while (thrift.Field(ref last, out var type))
        {
            switch (last)
            {
                case 1: physical = thrift.Int(); break;
                case 3:
                    var parts = thrift.ListCount();
                    for (var i = 0; i < parts; i++)
                    {
                        var part = thrift.Text();
                        column = i == 0 ? part : column;
                    }

                    break;
                case 4: codec = thrift.Int(); break;
                case 5: values = thrift.Zigzag(); break;
                case 7: bytes = thrift.Zigzag(); break;
                case 9: data = thrift.Zigzag(); break;
                case 11: dictionary = thrift.Zigzag(); break;
                default: thrift.Skip(type); break;
            }
        }

        return new ChunkFooter(column, physical, Checked(values), dictionary > 0 ? dictionary : data, bytes, codec);
    }

    private static long Checked(long count) =>
        count is >= 0 and <= CountMax ? count : throw new InvalidDataException($"The Parquet footer speaks of {count} values.");
}
