namespace Kalshi.Daemon.Export.Parquet;

/// <summary>A column as Parquet's flattened schema tree says it, with logical types and, for old readers, converted types.</summary>
internal static class SchemaElements
{
    private const int Required = 0, Optional = 1, Repeated = 2;
    private const int ConvertedUtf8 = 0, ConvertedList = 3, ConvertedDecimal = 5, ConvertedTimestampMicros = 10;
    private const short LogicalString = 1, LogicalList = 3, LogicalDecimal = 5, LogicalTimestamp = 8;

    /// <summary>A list is `required group NAME (LIST) { repeated group list { required TYPE element } }`: three elements.</summary>
    public static void Write(ThriftCompact thrift, ColumnSchema column)
    {
        if (!column.IsList)
        {
            Leaf(thrift, column, column.Name, column.IsNullable ? Optional : Required);
            return;
        }

        thrift.BeginElement();
        thrift.Int(3, Required);
        thrift.Text(4, column.Name);
        thrift.Int(5, 1);
        thrift.Int(6, ConvertedList);
        thrift.BeginStruct(10);
        thrift.EmptyStruct(LogicalList);
        thrift.End();
        thrift.End();

        thrift.BeginElement();
        thrift.Int(3, Repeated);
        thrift.Text(4, "list");
        thrift.Int(5, 1);
        thrift.End();
        Leaf(thrift, column, "element", Required);
    }

    private static void Leaf(ThriftCompact thrift, ColumnSchema column, string name, int repetition)
    {
        thrift.BeginElement();
        thrift.Int(1, column.PhysicalType);
        thrift.Int(3, repetition);
        thrift.Text(4, name);
        switch (column.Kind)
        {
            case ColumnKind.Timestamp:
                thrift.Int(6, ConvertedTimestampMicros);
                thrift.BeginStruct(10);
                thrift.BeginStruct(LogicalTimestamp);
                thrift.Bool(1, true);
                thrift.BeginStruct(2);
                thrift.EmptyStruct(2);
                thrift.End();
                thrift.End();
                thrift.End();
                break;
            case ColumnKind.Price:
                Decimal(thrift, scale: 6, precision: 7);
                break;
            case ColumnKind.Quantity:
                Decimal(thrift, scale: 2, precision: 18);
                break;
            case ColumnKind.Symbol or ColumnKind.Text:
                thrift.Int(6, ConvertedUtf8);
                thrift.BeginStruct(10);
                thrift.EmptyStruct(LogicalString);
                thrift.End();
                break;
        }

        thrift.End();
    }

    private static void Decimal(ThriftCompact thrift, int scale, int precision)
    {
        thrift.Int(6, ConvertedDecimal);
        thrift.Int(7, scale);
        thrift.Int(8, precision);
        thrift.BeginStruct(10);
        thrift.BeginStruct(LogicalDecimal);
        thrift.Int(1, scale);
        thrift.Int(2, precision);
        thrift.End();
        thrift.End();
    }
}
