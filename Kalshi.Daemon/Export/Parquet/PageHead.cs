namespace Kalshi.Daemon.Export.Parquet;

/// <summary>A page header as read; `Packed` and `Unpacked` are bytes.</summary>
internal readonly record struct PageHead(int Type, int Unpacked, int Packed, int Values, ParquetEncoding Encoding)
{
    public static PageHead Read(ReadOnlySpan<byte> bytes, out int length)
    {
        var thrift = new ThriftReader(bytes);
        var (type, unpacked, packed, values, encoding) = (-1, -1, -1, -1, 0);
        short last = 0;
        while (thrift.Field(ref last, out var fieldType))
        {
            switch (last)
            {
                case 1: type = thrift.Int(); break;
                case 2: unpacked = thrift.Int(); break;
                case 3: packed = thrift.Int(); break;
                case 5 or 7:
                    short inner = 0;
                    while (thrift.Field(ref inner, out var innerType))
                    {
                        switch (inner)
                        {
                            case 1: values = thrift.Int(); break;
                            case 2: encoding = thrift.Int(); break;
                            default: thrift.Skip(innerType); break;
                        }
                    }

                    break;
                default: thrift.Skip(fieldType); break;
            }
        }

        length = thrift.Position;
        return new PageHead(type, unpacked, packed, values, (ParquetEncoding)encoding);
    }
}
