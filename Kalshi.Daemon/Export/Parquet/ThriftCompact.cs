using System.Text;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>
/// Thrift's compact protocol, the part Parquet's page headers and footer need. Fields must be written in ascending order.
/// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
/// </summary>
/// <remarks>
/// <code>
/// field   = (id − previous id) &lt;&lt; 4 | type     (the difference is 1…15 for every struct here)
/// struct  = field… 0x00
/// list    = (count &lt;&lt; 4 | type) or (0xF0 | type) varint(count), then the elements
/// integer = zigzag varint        binary = varint(length) bytes        bool = its field type (1 true, 2 false)
/// </code>
/// </remarks>
internal sealed class ThriftCompact(ByteBuffer output)
{
    private const byte True = 1, False = 2, Int16 = 4, Int32 = 5, Int64 = 6, Binary = 8, List = 9, Struct = 12;

    /// <summary>Parquet's structs nest 5 deep.</summary>
    private const int DepthMax = 16;

    private readonly short[] _last = new short[DepthMax];
    private int _depth;

    public void Bool(short id, bool value) => Field(id, value ? True : False);

    public void Short(short id, short value)
    {
        Field(id, Int16);
        output.AppendZigzag(value);
    }

    public void Int(short id, int value)
    {
        Field(id, Int32);
        output.AppendZigzag(value);
    }

    public void Long(short id, long value)
    {
        Field(id, Int64);
        output.AppendZigzag(value);
    }

    public void Text(short id, string value)
    {
        Field(id, Binary);
        TextElement(value);
    }

    public void Bytes(short id, ReadOnlySpan<byte> value)
    {
        Field(id, Binary);
        BytesElement(value);
    }

    /// <summary>A struct as a field: everything until <see cref="End"/> belongs to it.</summary>
    public void BeginStruct(short id)
    {
        Field(id, Struct);
        BeginElement();
    }

    /// <summary>A struct of its own or as a list element.</summary>
    public void BeginElement() => _last[++_depth] = 0;

    public void End()
    {
        output.Append((byte)0);
        _depth--;
    }

    /// <summary>A struct without fields, which is how unions name a case.</summary>
    public void EmptyStruct(short id)
    {
        BeginStruct(id);
        End();
    }

    public void ListOfStructs(short id, int count) => ListHead(id, count, Struct);

    public void ListOfInts(short id, int count) => ListHead(id, count, Int32);

    public void ListOfLongs(short id, int count) => ListHead(id, count, Int64);

    public void ListOfBytes(short id, int count) => ListHead(id, count, Binary);

    public void ListOfBools(short id, int count) => ListHead(id, count, True);

    public void BoolElement(bool value) => output.Append(value ? True : False);

    public void LongElement(long value) => output.AppendZigzag(value);

    public void BytesElement(ReadOnlySpan<byte> value)
    {
        output.AppendVarint((ulong)value.Length);
        output.Append(value);
    }

    public void TextElement(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        output.AppendVarint((ulong)length);
        output.Advance(Encoding.UTF8.GetBytes(value, output.Reserve(length)));
    }

    private void ListHead(short id, int count, byte type)
    {
        Field(id, List);
        if (count < 15)
        {
            output.Append((byte)(count << 4 | type));
            return;
        }

        output.Append((byte)(0xF0 | type));
        output.AppendVarint((ulong)count);
    }

    private void Field(short id, byte type)
    {
        output.Append((byte)((id - _last[_depth]) << 4 | type));
        _last[_depth] = id;
    }
}
