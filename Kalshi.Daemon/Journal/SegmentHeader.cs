using System.Buffers.Binary;

namespace Kalshi.Daemon.Journal;

/// <summary>The header of a segment, as drawn in <see cref="SegmentFormat"/>. The last five values are 0 in an uncompressed segment.</summary>
internal readonly record struct SegmentHeader(
    bool IsCompressed, int FirstSession, long FirstAt, long PreviousAt, long CreatedAt,
    long RawBytes = 0, long LastAt = 0, long Blocks = 0, long Records = 0, int NextSession = 0)
{
    public void Write(Span<byte> header)
    {
        header = header[..SegmentFormat.HeaderBytes];
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, IsCompressed ? SegmentFormat.CompressedMagic : SegmentFormat.SegmentMagic);
        BinaryPrimitives.WriteUInt16LittleEndian(header[8..], SegmentFormat.Version);
        BinaryPrimitives.WriteUInt16LittleEndian(header[10..], SegmentFormat.HeaderBytes);
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], FirstSession);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], FirstAt);
        BinaryPrimitives.WriteInt64LittleEndian(header[24..], PreviousAt);
        BinaryPrimitives.WriteInt64LittleEndian(header[32..], CreatedAt);
        BinaryPrimitives.WriteInt64LittleEndian(header[40..], RawBytes);
        BinaryPrimitives.WriteInt64LittleEndian(header[48..], LastAt);
        BinaryPrimitives.WriteInt64LittleEndian(header[56..], Blocks);
        BinaryPrimitives.WriteInt64LittleEndian(header[64..], Records);
        BinaryPrimitives.WriteInt32LittleEndian(header[72..], NextSession);
        BinaryPrimitives.WriteUInt32LittleEndian(header[^4..], Crc32C.Of(header[..^4]));
    }

    public static HeaderVerdict TryRead(ReadOnlySpan<byte> bytes, bool isCompressed, out SegmentHeader header)
    {
        header = default;
        if (bytes.Length < SegmentFormat.HeaderBytes)
        {
            return HeaderVerdict.Short;
        }

        bytes = bytes[..SegmentFormat.HeaderBytes];
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes) != (isCompressed ? SegmentFormat.CompressedMagic : SegmentFormat.SegmentMagic)
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]) != Crc32C.Of(bytes[..^4]))
        {
            return HeaderVerdict.Damaged;
        }

        if (BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]) != SegmentFormat.Version
            || BinaryPrimitives.ReadUInt16LittleEndian(bytes[10..]) != SegmentFormat.HeaderBytes)
        {
            return HeaderVerdict.OtherVersion;
        }

        header = new SegmentHeader(
            isCompressed,
            BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[40..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[48..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[56..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[64..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[72..]));
        return HeaderVerdict.Whole;
    }
}

internal enum HeaderVerdict : byte
{
    Whole,

    /// <summary>The file ends inside the header.</summary>
    Short,

    Damaged,

    /// <summary>Whole, and written by a version this one does not know.</summary>
    OtherVersion,
}
