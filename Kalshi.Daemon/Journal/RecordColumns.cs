using System.Buffers.Binary;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// Records the way zstd likes them: what is alike stands together, and the stamps, which never repeat, no longer stand between the
/// frames, which nearly do. Real frames shrink 18:1 instead of 12:1.
/// <code>
/// ┌─────────────────────┬────────┬──────────┬─────────┬───────┬──────────┐
/// │4 column lengths  u32│ stamps │ sessions │ lengths │ kinds │ payloads │
/// └─────────────────────┴────────┴──────────┴─────────┴───────┴──────────┘
///   a column holds one LEB128 varint a record: received_at minus that of the record before (first: minus the chunk's first_at);
///   session; length; kind with its three zero bytes, as u32. Payloads follow each other unchanged.
/// </code>
/// Pure functions over memory; any bytes may come in.
/// </summary>
internal static class RecordColumns
{
    private const int Columns = 4;
    private const int HeadBytes = Columns * 4;
    private const int ColumnBytesMax = 25; // of one record: 10 + 5 + 5 + 5

    public static int SplitBytesMax(int rawLength, int count) => HeadBytes + rawLength + (count * (ColumnBytesMax - SegmentFormat.RecordHeaderBytes));

    /// <summary>Splits `count` records into `into`; returns the bytes used, or −1 when the records do not fill `records` exactly.</summary>
    public static int Split(ReadOnlySpan<byte> records, int count, long firstAt, Span<byte> into)
    {
        if (!AreWhole(records, count))
        {
            return -1;
        }

        var end = HeadBytes;
        for (var column = 0; column < Columns; column++)
        {
            var start = end;
            var previousAt = firstAt;
            for (var rest = records; !rest.IsEmpty; rest = rest[RecordLength(rest)..])
            {
                end += WriteVarint(into[end..], Value(rest, column, ref previousAt));
            }

            BinaryPrimitives.WriteInt32LittleEndian(into[(4 * column)..], end - start);
        }

        for (var rest = records; !rest.IsEmpty; rest = rest[RecordLength(rest)..])
        {
            var payload = rest[SegmentFormat.RecordHeaderBytes..RecordLength(rest)];
            payload.CopyTo(into[end..]);
            end += payload.Length;
        }

        return end;
    }

    /// <summary>The inverse: fills `records` exactly with `count` records, or returns false.</summary>
    public static bool TryJoin(ReadOnlySpan<byte> split, int count, long firstAt, Span<byte> records)
    {
        Span<int> ends = stackalloc int[Columns];
        if (!TryEnds(split, ends))
        {
            return false;
        }

        var stamps = split[HeadBytes..ends[0]];
        var sessions = split[ends[0]..ends[1]];
        var lengths = split[ends[1]..ends[2]];
        var kinds = split[ends[2]..ends[3]];
        var payloads = split[ends[3]..];
        var receivedAt = firstAt;
        for (; count > 0; count--)
        {
            if (!TryReadVarint(ref stamps, out var delta) || !TryReadVarint(ref sessions, out var session)
                || !TryReadVarint(ref lengths, out var length) || !TryReadVarint(ref kinds, out var kind)
                || length > (ulong)payloads.Length || (long)length > records.Length - SegmentFormat.RecordHeaderBytes)
            {
                return false;
            }

            receivedAt += (long)delta;
            BinaryPrimitives.WriteInt64LittleEndian(records, receivedAt);
            BinaryPrimitives.WriteUInt32LittleEndian(records[8..], (uint)session);
            BinaryPrimitives.WriteInt32LittleEndian(records[12..], (int)length);
            BinaryPrimitives.WriteUInt32LittleEndian(records[16..], (uint)kind);
            payloads[..(int)length].CopyTo(records[SegmentFormat.RecordHeaderBytes..]);
            records = records[(SegmentFormat.RecordHeaderBytes + (int)length)..];
            payloads = payloads[(int)length..];
        }

        return records.IsEmpty && payloads.IsEmpty && stamps.IsEmpty && sessions.IsEmpty && lengths.IsEmpty && kinds.IsEmpty;
    }

    private static bool AreWhole(ReadOnlySpan<byte> records, int count)
    {
        for (; count > 0; count--)
        {
            if (records.Length < SegmentFormat.RecordHeaderBytes || (uint)BinaryPrimitives.ReadInt32LittleEndian(records[12..]) > (uint)(records.Length - SegmentFormat.RecordHeaderBytes))
            {
                return false;
            }

            records = records[RecordLength(records)..];
        }

        return records.IsEmpty;
    }

    private static int RecordLength(ReadOnlySpan<byte> record) => SegmentFormat.RecordHeaderBytes + BinaryPrimitives.ReadInt32LittleEndian(record[12..]);

    private static ulong Value(ReadOnlySpan<byte> record, int column, ref long previousAt)
    {
        if (column > 0)
        {
            return BinaryPrimitives.ReadUInt32LittleEndian(record[(4 + (4 * column))..]);
        }

        var receivedAt = BinaryPrimitives.ReadInt64LittleEndian(record);
        var delta = receivedAt - previousAt;
        previousAt = receivedAt;
        return (ulong)delta;
    }

    /// <summary>Where each column ends; false when they are longer than the whole.</summary>
    private static bool TryEnds(ReadOnlySpan<byte> split, Span<int> ends)
    {
        long end = HeadBytes;
        for (var column = 0; column < Columns && split.Length >= HeadBytes; column++)
        {
            end += BinaryPrimitives.ReadUInt32LittleEndian(split[(4 * column)..]);
            ends[column] = (int)Math.Min(end, int.MaxValue);
        }

        return split.Length >= HeadBytes && end <= split.Length;
    }

    private static int WriteVarint(Span<byte> into, ulong value)
    {
        var count = 0;
        for (; value >= 0x80; value >>= 7)
        {
            into[count++] = (byte)(value | 0x80);
        }

        into[count++] = (byte)value;
        return count;
    }

    private static bool TryReadVarint(ref ReadOnlySpan<byte> bytes, out ulong value)
    {
        value = 0;
        for (var i = 0; i < bytes.Length && i < 10; i++)
        {
            value |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return true;
            }
        }

        return false;
    }
}
