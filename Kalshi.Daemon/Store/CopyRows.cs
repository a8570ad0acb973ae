using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Kalshi.Daemon.Store;

/// <summary>
/// What PostgreSQL answers to `COPY … TO STDOUT (FORMAT BINARY)`, held whole and read in place, column by column. Allocates only to grow or shrink.
/// One thread.
/// <code>
///   "PGCOPY\n" FF "\r\n" 00 │ flags int32 │ length int32, extension │ row* │ −1 int16
///   row   = column count int16, { length int32 (−1 = null), value }*            big-endian
///   array = dimensions int32 (0 = empty), has null int32, type int32, count int32, first int32, { length int32, value }*
/// </code>
/// </summary>
/// <remarks>Every column of a row must be read, in order, before the next row.</remarks>
internal sealed class CopyRows
{
    private const int InitialBytes = 1 << 16;

    /// <summary>As <see cref="SpareMemory.TryHalve"/> has it, of the last answer.</summary>
    private const int KeptBytes = 1 << 20;
    private const int SignatureBytes = 11;
    private const int EndOfRows = -1;
    private const int NullLength = -1;

    private byte[] _bytes = [];
    private int _length;
    private int _at;

    /// <summary>Rows with a greater key are passed over.</summary>
    private long _until;

    /// <summary>Rows held.</summary>
    public int Count { get; private set; }

    /// <summary>Of the answer held.</summary>
    public int HeldBytes => _length;

    /// <summary>First column of the first and the last row held, as µs since 1970; meaningless without rows.</summary>
    public long FirstKey { get; private set; }

    public long LastKey { get; private set; }

    /// <summary>µs since 1970: the first column of the row that <see cref="MoveNext"/> stands on; `long.MaxValue` behind the last.</summary>
    public long Key { get; private set; } = long.MaxValue;

    /// <summary>Takes the whole answer. Throws <see cref="InvalidDataException"/> when it is none.</summary>
    public void Fill(Stream answer)
    {
        Clear();
        while (answer.Read(Room()) is var read and > 0)
        {
            _length += read;
        }

        Walk();
    }

    /// <summary>As <see cref="Fill"/>. What was cancelled leaves no rows.</summary>
    public async Task FillAsync(Stream answer, CancellationToken cancellation)
    {
        Clear();
        while (await answer.ReadAsync(RoomInMemory(), cancellation) is var read and > 0)
        {
            _length += read;
        }

        Walk();
    }

    /// <summary>No rows; a part of the memory goes when the last answer needed little of it.</summary>
    public void Clear()
    {
        SpareMemory.TryHalve(ref _bytes, _length, KeptBytes);
        _length = 0;
        Count = 0;
        Key = long.MaxValue;
    }

    /// <summary>Stands before the first row; rows keyed beyond `until` will not be seen.</summary>
    public void Begin(long until = long.MaxValue)
    {
        _until = until;
        _at = Count == 0 ? 0 : Header();
        Key = Count == 0 ? long.MaxValue : long.MinValue;
    }

    /// <summary>Goes to the next row; false behind the last.</summary>
    public bool TryRow()
    {
        if (Count == 0 || BinaryPrimitives.ReadInt16BigEndian(_bytes.AsSpan(_at, _length - _at)) == EndOfRows)
        {
            return false;
        }

        _at += sizeof(short);
        return true;
    }

    /// <summary>Goes to the next row and reads its first column, a timestamptz, into <see cref="Key"/>.</summary>
    public void MoveNext()
    {
        Key = TryRow() && Time() is var key && key <= _until ? key : long.MaxValue;
    }

    public long Int64()
    {
        var value = BinaryPrimitives.ReadInt64BigEndian(_bytes.AsSpan(_at + sizeof(int), sizeof(long)));
        Pass(sizeof(long));
        return value;
    }

    public int Int32()
    {
        var value = BinaryPrimitives.ReadInt32BigEndian(_bytes.AsSpan(_at + sizeof(int), sizeof(int)));
        Pass(sizeof(int));
        return value;
    }

    /// <summary>µs since 1970; infinity is `long.MaxValue`.</summary>
    public long Time() => PgTime.ToMicros(Int64());

    public long Int64(long absent) => IsNull() ? absent : Int64();

    public int Int32(int absent) => IsNull() ? absent : Int32();

    public long Time(long absent) => IsNull() ? absent : Time();

    /// <summary>A "char" or a bool; 0 for null.</summary>
    public byte Byte()
    {
        if (IsNull())
        {
            return 0;
        }

        var value = _bytes[_at + sizeof(int)];
        Pass(sizeof(byte));
        return value;
    }

    /// <summary>1, 0, or −1 for null.</summary>
    public sbyte Bool() => IsNull() ? (sbyte)-1 : (sbyte)Byte();

    /// <summary>A text or bytea in place, valid until the next <see cref="Fill"/>; empty for null.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        if (IsNull())
        {
            return default;
        }

        var value = _bytes.AsSpan(_at + sizeof(int), Length());
        _at += sizeof(int) + value.Length;
        return value;
    }

    /// <summary>An array's elements, each with the length before it; <see cref="Element32"/> and <see cref="Element64"/> read them.</summary>
    public ReadOnlySpan<byte> Elements(out int count)
    {
        const int head = 5 * sizeof(int);
        var array = Bytes();
        count = array.Length < head ? 0 : BinaryPrimitives.ReadInt32BigEndian(array[(3 * sizeof(int))..]);
        return count == 0 ? default : array[head..];
    }

    public static int Element32(ReadOnlySpan<byte> elements, int index) =>
        BinaryPrimitives.ReadInt32BigEndian(elements[((index * (sizeof(int) + sizeof(int))) + sizeof(int))..]);

    public static long Element64(ReadOnlySpan<byte> elements, int index) =>
        BinaryPrimitives.ReadInt64BigEndian(elements[((index * (sizeof(int) + sizeof(long))) + sizeof(int))..]);

    /// <summary>The next column as a time, without reading it; `absent` for null.</summary>
    public long PeekTime(long absent)
    {
        var at = _at;
        var value = Time(absent);
        _at = at;
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Length() => BinaryPrimitives.ReadInt32BigEndian(_bytes.AsSpan(_at, sizeof(int)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsNull()
    {
        if (Length() != NullLength)
        {
            return false;
        }

        _at += sizeof(int);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Pass(int bytes)
    {
        if (Length() != bytes)
        {
            Refuse();
        }

        _at += sizeof(int) + bytes;
    }

    private Span<byte> Room() => RoomInMemory().Span;

    /// <summary>Where the answer goes on; never empty.</summary>
    private Memory<byte> RoomInMemory()
    {
        if (_length == _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(InitialBytes, _bytes.Length * 2));
        }

        return _bytes.AsMemory(_length);
    }

    private int Header()
    {
        if (_length < SignatureBytes + (2 * sizeof(int)) + sizeof(short) || !_bytes.AsSpan(0, SignatureBytes).SequenceEqual(Signature))
        {
            Refuse();
        }

        return SignatureBytes + (2 * sizeof(int)) + BinaryPrimitives.ReadInt32BigEndian(_bytes.AsSpan(SignatureBytes + sizeof(int)));
    }

    private static ReadOnlySpan<byte> Signature => [(byte)'P', (byte)'G', (byte)'C', (byte)'O', (byte)'P', (byte)'Y', (byte)'\n', 0xFF, (byte)'\r', (byte)'\n', 0];

    /// <summary>Counts the rows, so that later reads stay within them.</summary>
    private void Walk()
    {
        Count = 0;
        _at = Header();
        while (true)
        {
            Need(sizeof(short));
            var columns = BinaryPrimitives.ReadInt16BigEndian(_bytes.AsSpan(_at));
            _at += sizeof(short);
            if (columns == EndOfRows)
            {
                break;
            }

            LastKey = _length - _at >= sizeof(int) + sizeof(long) ? PgTime.ToMicros(BinaryPrimitives.ReadInt64BigEndian(_bytes.AsSpan(_at + sizeof(int)))) : 0;
            FirstKey = Count++ == 0 ? LastKey : FirstKey;
            for (; columns > 0; columns--)
            {
                Need(sizeof(int));
                var length = Math.Max(0, Length());
                Need(sizeof(int) + length);
                _at += sizeof(int) + length;
            }
        }

        Begin();
    }

    private void Need(int bytes)
    {
        if (_length - _at < bytes)
        {
            Refuse();
        }
    }

    private static void Refuse() => throw new InvalidDataException("The store's answer is not what was asked for: a row is cut or a column has another type.");
}
