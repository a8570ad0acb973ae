using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Store;

/// <summary>
/// Rows of one table in PostgreSQL's binary COPY format, ready to be sent as they are:
/// <code>
///   header 19 bytes │ row: fields i16 { length i32 (−1 = null), bytes }… │ … │ trailer i16 −1        big-endian
/// </code>
/// Begin a row, then put exactly its fields. One thread; the memory is kept for the next batch, unless this one needed little of it.
/// </summary>
internal sealed class CopyBuffer
{
    private const int HeaderBytes = 19;
    private const int TrailerBytes = 2;
    private const int InitialBytes = 4_096;

    /// <summary>As <see cref="SpareMemory.TryHalve"/> has it: what fills batches while a million markets are listed is empty afterwards.</summary>
    private const int KeptBytes = 1 << 18;

    /// <summary>Type ids of array elements, fixed in PostgreSQL.</summary>
    private const int Int4Oid = 23;
    private const int Int8Oid = 20;

    private byte[] _bytes = new byte[InitialBytes];
    private int _used = HeaderBytes;

    /// <summary>Signature; flags and extension length follow as zeros.</summary>
    private static ReadOnlySpan<byte> Signature => [(byte)'P', (byte)'G', (byte)'C', (byte)'O', (byte)'P', (byte)'Y', (byte)'\n', 0xFF, (byte)'\r', (byte)'\n', 0];

    public CopyBuffer() => Signature.CopyTo(_bytes);

    public int Rows { get; private set; }

    /// <summary>Bytes to be sent.</summary>
    public int Bytes => _used + TrailerBytes;

    /// <summary>Everything to be sent, trailer included. Valid until the next row.</summary>
    public ReadOnlyMemory<byte> Finish()
    {
        Reserve(TrailerBytes);
        BinaryPrimitives.WriteInt16BigEndian(_bytes.AsSpan(_used), -1);
        return _bytes.AsMemory(0, Bytes);
    }

    public void Clear()
    {
        if (SpareMemory.TryHalve(ref _bytes, _used, KeptBytes))
        {
            Signature.CopyTo(_bytes);
        }

        _used = HeaderBytes;
        Rows = 0;
    }

    public void BeginRow(short fields)
    {
        Reserve(2);
        BinaryPrimitives.WriteInt16BigEndian(_bytes.AsSpan(_used), fields);
        _used += 2;
        Rows++;
    }

    public void Int(int value)
    {
        Reserve(8);
        var at = _bytes.AsSpan(_used);
        BinaryPrimitives.WriteInt32BigEndian(at, 4);
        BinaryPrimitives.WriteInt32BigEndian(at[4..], value);
        _used += 8;
    }

    /// <summary>An int2. Throws when it is none.</summary>
    public void Short(int value)
    {
        Reserve(6);
        var at = _bytes.AsSpan(_used);
        BinaryPrimitives.WriteInt32BigEndian(at, 2);
        BinaryPrimitives.WriteInt16BigEndian(at[4..], checked((short)value));
        _used += 6;
    }

    public void Long(long value)
    {
        Reserve(12);
        var at = _bytes.AsSpan(_used);
        BinaryPrimitives.WriteInt32BigEndian(at, 8);
        BinaryPrimitives.WriteInt64BigEndian(at[4..], value);
        _used += 12;
    }

    public void Null()
    {
        Reserve(4);
        BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(_used), -1);
        _used += 4;
    }

    /// <summary>µs since 1970; `long.MaxValue` is infinity, `long.MinValue` -infinity.</summary>
    public void Time(long micros) => Long(PgTime.FromMicros(micros));

    /// <summary>As <see cref="Time"/>; <see cref="Message.Absent"/> is null.</summary>
    public void TimeOrNull(long micros)
    {
        if (micros == Message.Absent)
        {
            Null();
        }
        else
        {
            Time(micros);
        }
    }

    public void LongOrNull(long value)
    {
        if (value == Message.Absent)
        {
            Null();
        }
        else
        {
            Long(value);
        }
    }

    public void PriceOrNull(int price)
    {
        if (price == Message.AbsentPrice)
        {
            Null();
        }
        else
        {
            Int(price);
        }
    }

    /// <summary>A "char"; 0 is null.</summary>
    public void Char(byte value)
    {
        if (value == 0)
        {
            Null();
            return;
        }

        Reserve(5);
        var at = _bytes.AsSpan(_used);
        BinaryPrimitives.WriteInt32BigEndian(at, 1);
        at[4] = value;
        _used += 5;
    }

    public void Flag(bool value)
    {
        Reserve(5);
        var at = _bytes.AsSpan(_used);
        BinaryPrimitives.WriteInt32BigEndian(at, 1);
        at[4] = value ? (byte)1 : (byte)0;
        _used += 5;
    }

    public void Raw(ReadOnlySpan<byte> bytes)
    {
        Reserve(4 + bytes.Length);
        var at = _bytes.AsSpan(_used);
        BinaryPrimitives.WriteInt32BigEndian(at, bytes.Length);
        bytes.CopyTo(at[4..]);
        _used += 4 + bytes.Length;
    }

    public void Uuid(Guid value)
    {
        Span<byte> bytes = stackalloc byte[16];
        value.TryWriteBytes(bytes, bigEndian: true, out _);
        Raw(bytes);
    }

    /// <summary>UTF-8; what PostgreSQL would refuse (invalid sequences, NUL) becomes U+FFFD, so that no text can stop a batch.</summary>
    public void Text(ReadOnlySpan<byte> text)
    {
        text = ValidText.Of(text);
        Raw(text.Contains((byte)0) ? Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text).Replace('\0', '\uFFFD')) : text);
    }

    public void Text(string text) => Text(Encoding.UTF8.GetBytes(text));

    /// <summary>Empty is null.</summary>
    public void TextOrNull(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            Null();
        }
        else
        {
            Text(text);
        }
    }

    public void Prices(ReadOnlySpan<Level> levels)
    {
        var at = BeginArray(levels.Length, Int4Oid, 8);
        foreach (var level in levels)
        {
            BinaryPrimitives.WriteInt32BigEndian(at, 4);
            BinaryPrimitives.WriteInt32BigEndian(at[4..], level.Price);
            at = at[8..];
        }
    }

    public void Sizes(ReadOnlySpan<Level> levels)
    {
        var at = BeginArray(levels.Length, Int8Oid, 12);
        foreach (var level in levels)
        {
            BinaryPrimitives.WriteInt32BigEndian(at, 8);
            BinaryPrimitives.WriteInt64BigEndian(at[4..], level.Quantity);
            at = at[12..];
        }
    }

    /// <summary>A row of orderbook_deltas, the one hot table, in one piece. Columns as in <see cref="StoreTables"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Delta(long receivedAt, long exchangeAt, long epochId, long seq, long delta, int marketId, int price, byte side)
    {
        const int size = 2 + (5 * 12) + (2 * 8) + 5;
        Reserve(size);
        var at = _bytes.AsSpan(_used, size);
        BinaryPrimitives.WriteInt16BigEndian(at, 8);
        PutLong(at, 2, PgTime.FromMicros(receivedAt));
        var next = 14;
        if (exchangeAt == Message.Absent)
        {
            BinaryPrimitives.WriteInt32BigEndian(at[next..], -1);
            next += 4;
        }
        else
        {
            PutLong(at, next, PgTime.FromMicros(exchangeAt));
            next += 12;
        }

        PutLong(at, next, PgTime.FromMicros(epochId));
        PutLong(at, next + 12, seq);
        PutLong(at, next + 24, delta);
        PutInt(at, next + 36, marketId);
        PutInt(at, next + 44, price);
        BinaryPrimitives.WriteInt32BigEndian(at[(next + 52)..], 1);
        at[next + 56] = side;
        _used += next + 57;
        Rows++;
    }

    /// <summary>The same of production's orderbook_deltas. Columns as in <see cref="ProductionTables"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Change(long exchangeAt, long receivedAt, long delta, int marketId, int ordinal, int price, byte side)
    {
        const int size = 2 + (3 * 12) + (3 * 8) + 5;
        Reserve(size);
        var at = _bytes.AsSpan(_used, size);
        BinaryPrimitives.WriteInt16BigEndian(at, 7);
        PutLong(at, 2, PgTime.FromMicros(exchangeAt));
        PutLong(at, 14, PgTime.FromMicros(receivedAt));
        PutLong(at, 26, delta);
        PutInt(at, 38, marketId);
        PutInt(at, 46, ordinal);
        PutInt(at, 54, price);
        BinaryPrimitives.WriteInt32BigEndian(at[62..], 1);
        at[66] = side;
        _used += size;
        Rows++;
    }

    private static void PutLong(Span<byte> at, int offset, long value)
    {
        BinaryPrimitives.WriteInt32BigEndian(at[offset..], 8);
        BinaryPrimitives.WriteInt64BigEndian(at[(offset + 4)..], value);
    }

    private static void PutInt(Span<byte> at, int offset, int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(at[offset..], 4);
        BinaryPrimitives.WriteInt32BigEndian(at[(offset + 4)..], value);
    }

    /// <summary>Writes an array's head and returns the room of its elements.</summary>
    private Span<byte> BeginArray(int count, int elementOid, int elementBytes)
    {
        var head = count == 0 ? 12 : 20;
        var length = head + (count * elementBytes);
        Reserve(4 + length);
        var at = _bytes.AsSpan(_used, 4 + length);
        BinaryPrimitives.WriteInt32BigEndian(at, length);
        BinaryPrimitives.WriteInt32BigEndian(at[4..], count == 0 ? 0 : 1); // dimensions
        BinaryPrimitives.WriteInt32BigEndian(at[8..], 0); // no nulls
        BinaryPrimitives.WriteInt32BigEndian(at[12..], elementOid);
        if (count > 0)
        {
            BinaryPrimitives.WriteInt32BigEndian(at[16..], count);
            BinaryPrimitives.WriteInt32BigEndian(at[20..], 1); // first index
        }

        _used += 4 + length;
        return at[(4 + head)..];
    }

    private void Reserve(int bytes)
    {
        if (_used + bytes + TrailerBytes > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _used + bytes + TrailerBytes));
        }
    }
}
