namespace Kalshi.Daemon.Export.Parquet;

/// <summary>Smallest and largest value in Parquet's PLAIN form; null when not kept or when there is no value.</summary>
internal readonly record struct Bounds(byte[]? Min, byte[]? Max);

/// <summary>A data page as written. `Offset` and `FirstRow` count from the chunk's beginning.</summary>
internal readonly record struct Page(int Offset, int Bytes, int FirstRow, int Values, int Nulls, Bounds Bounds);

/// <summary>What the footer says of a column chunk. `Offset` is that of its first byte in the file.</summary>
internal sealed record Chunk(
    ColumnSchema Schema,
    long Offset,
    int DictionaryBytes,
    ParquetEncoding Encoding,
    long Values,
    long Nulls,
    long UncompressedBytes,
    long CompressedBytes,
    Bounds Bounds,
    Page[] Pages);
