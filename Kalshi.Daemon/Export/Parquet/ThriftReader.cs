using System.Text;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Export.Parquet;

/// <summary>Reads Thrift's compact protocol (see <see cref="ThriftCompact"/>); throws <see cref="InvalidDataException"/> past the end or beyond its limits.</summary>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes)
{
    private const int DepthMax = 16;
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _depth = 0;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    /// <summary>The next field of a struct; false at its end. `last` is the caller's, one per struct, from 0.</summary>
    public bool Field(ref short last, out byte type)
    {
        var head = Byte();
        type = (byte)(head & 0x0F);
        if (type == 0)
        {
            return false;
        }

        last = head >> 4 == 0 ? (short)Zigzag() : (short)(last + (head >> 4));
        return true;
    }

    public long Zigzag() => ZigZag.Decode(Varint());

    public int Int() => Zigzag() is >= int.MinValue and <= int.MaxValue and var value ? (int)value : throw Broken();

    public ReadOnlySpan<byte> Binary()
    {
        var length = Varint();
        if (length > (ulong)(_bytes.Length - Position))
        {
            throw Broken();
        }

        var value = _bytes.Slice(Position, (int)length);
        Position += (int)length;
        return value;
    }

    public string Text() => Encoding.UTF8.GetString(Binary());

    /// <summary>Elements of a list; each takes at least one byte, so more than are left is a broken file.</summary>
    public int ListCount(out byte type)
    {
        var head = Byte();
        type = (byte)(head & 0x0F);
        var count = head >> 4 == 15 ? Varint() : (ulong)(head >> 4);
        return count <= (ulong)(_bytes.Length - Position) ? (int)count : throw Broken();
    }

    public int ListCount() => ListCount(out _);

    public void Skip(byte type)
    {
        switch (type)
        {
            case 1 or 2: break;
            case 3: Byte(); break;
            case 4 or 5 or 6: Varint(); break;
            case 7: Position = Math.Min(_bytes.Length, Position + 8); break;
            case 8: Binary(); break;
            case 9 or 10: SkipList(); break;
            case 12: SkipStruct(); break;
            default: throw Broken();
        }
    }

    private void SkipList()
    {
        for (var count = ListCount(out var type); count > 0; count--)
        {
            if (type is 1 or 2)
            {
                Byte();
            }
            else
            {
                Skip(type);
            }
        }
    }

    private void SkipStruct()
    {
        if (++_depth > DepthMax)
        {
            throw Broken();
        }

        short last = 0;
        while (Field(ref last, out var type))
        {
            Skip(type);
        }

        _depth--;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw Broken();
    }

    private byte Byte() => Position < _bytes.Length ? _bytes[Position++] : throw Broken();

    private static InvalidDataException Broken() => new("The Parquet file is damaged: a Thrift structure does not end where it should.");
}
