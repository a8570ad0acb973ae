namespace Kalshi.Daemon.Export.Parquet;

/// <summary>What a column means to a reader, and so how it is stored.</summary>
internal enum ColumnKind : byte
{
    /// <summary>µs since the epoch: INT64, TIMESTAMP(µs, UTC).</summary>
    Timestamp,

    /// <summary>Micro-dollars: INT32, DECIMAL(7,6).</summary>
    Price,

    /// <summary>Hundredths of a contract: INT64, DECIMAL(18,2).</summary>
    Quantity,

    /// <summary>INT64.</summary>
    Long,

    /// <summary>INT32.</summary>
    Int,

    /// <summary>UTF-8 of few different values (tickers, sides, states): BYTE_ARRAY by dictionary.</summary>
    Symbol,

    /// <summary>UTF-8 of many different values (ids, JSON): BYTE_ARRAY.</summary>
    Text,

    /// <summary>BOOLEAN.</summary>
    Flag,
}

/// <summary>How integers are written: as differences when rows stand in their order, else by dictionary (PLAIN when that grows too large).</summary>
internal enum EncodingHint : byte
{
    Delta,
    Dictionary,
}

/// <summary>One column of a file. `IsList`: every row holds a list (perhaps empty) of values that are never null.</summary>
internal sealed record ColumnSchema(string Name, ColumnKind Kind, EncodingHint Hint = EncodingHint.Delta, bool IsNullable = false, bool IsList = false)
{
    public bool IsInt32 => Kind is ColumnKind.Price or ColumnKind.Int;

    /// <summary>Parquet's `Type`.</summary>
    public int PhysicalType => Kind switch
    {
        ColumnKind.Flag => 0,
        ColumnKind.Price or ColumnKind.Int => 1,
        ColumnKind.Symbol or ColumnKind.Text => 6,
        _ => 2,
    };
}
