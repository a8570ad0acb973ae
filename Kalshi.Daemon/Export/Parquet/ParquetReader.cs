namespace Kalshi.Daemon.Export.Parquet;

/// <summary>Text values of a column: row i is `Distinct[Codes[i]]`, or null where the code is −1.</summary>
internal sealed record TextValues(byte[][] Distinct, int[] Codes)
{
    public byte[]? this[int row] => Codes[row] < 0 ? null : Distinct[Codes[row]];
}

/// <summary>Lists of a column one after the other: row i is `Values[Starts[i]..Starts[i + 1]]`.</summary>
internal sealed record ListValues(int[] Starts, long[] Values)
{
    public ReadOnlySpan<long> this[int row] => Values.AsSpan(Starts[row], Starts[row + 1] - Starts[row]);
}

/// <summary>
/// Reads the Parquet files that <see cref="ParquetWriter"/> writes, a column of a row group at a time: for audits and tools. Integers come
/// as they are stored (micro-dollars, hundredths, µs). Throws <see cref="InvalidDataException"/> for damaged files and for encodings
/// that are not written here. One thread.
/// </summary>
internal sealed class ParquetReader : IDisposable
{
    /// <summary>Stands for null in integers and flags.</summary>
    public const long Null = IntegerColumn.Null;

    private readonly Stream _file;
    private readonly FileFooter _footer;
    private readonly ChunkDecoder _decoder = new();

    /// <summary>The stream is disposed of with the reader.</summary>
    public ParquetReader(Stream file)
    {
        _file = file;
        _footer = FileFooter.Read(file);
    }

    public long Rows => _footer.Rows;

    public int RowGroupCount => _footer.RowGroups.Length;

    public int RowsOf(int rowGroup) => checked((int)_footer.RowGroups[rowGroup].Rows);

    public IEnumerable<string> Columns => _footer.Columns.Select(column => column.Name);

    public static long ReadRowCount(Stream file) => FileFooter.Read(file).Rows;

    public void Dispose()
    {
        _file.Dispose();
        _decoder.Dispose();
    }

    /// <summary>Stamps, prices, quantities, numbers; flags as 1 and 0.</summary>
    public long[] Integers(int rowGroup, string column) => _decoder.Integers(Load(rowGroup, column, out var footer), footer, ColumnOf(column).IsNullable);

    public TextValues Texts(int rowGroup, string column) => _decoder.Texts(Load(rowGroup, column, out var footer), footer, ColumnOf(column).IsNullable);

    public ListValues Lists(int rowGroup, string column) =>
        ColumnOf(column).IsList
            ? _decoder.Lists(Load(rowGroup, column, out var footer), footer, RowsOf(rowGroup))
            : throw new InvalidDataException($"The column {column} is no list.");

    private ColumnFooter ColumnOf(string column) =>
        Array.Find(_footer.Columns, footer => footer.Name == column) ?? throw new InvalidDataException($"The Parquet file has no column {column}.");

    private byte[] Load(int rowGroup, string column, out ChunkFooter footer)
    {
        footer = Array.Find(_footer.RowGroups[rowGroup].Chunks, chunk => chunk.Column == column)
            ?? throw new InvalidDataException($"The Parquet file has no column {column}.");
        if (!ColumnOf(column).IsList && footer.Values != RowsOf(rowGroup))
        {
            throw new InvalidDataException($"The Parquet file is damaged: column {column} has {footer.Values} values for {RowsOf(rowGroup)} rows.");
        }

        if (footer.Offset < 0 || footer.CompressedBytes < 0 || footer.Offset > _file.Length - footer.CompressedBytes)
        {
            throw new InvalidDataException($"The Parquet file is damaged: column {column} lies outside of it.");
        }

        var bytes = new byte[footer.CompressedBytes];
        _file.Position = footer.Offset;
        _file.ReadExactly(bytes);
        return bytes;
    }
}
