using System.Buffers.Binary;

namespace Kalshi.Daemon.Journal;

/// <summary>What tells one kind of envelope from the other: a block of records, or a chunk of compressed blocks.</summary>
internal sealed record EnvelopeKind(uint Magic, int HeaderBytes, int PayloadMax)
{
    public bool IsChunk => HeaderBytes > 32;
}

/// <summary>The head of a block or a chunk, as drawn in <see cref="SegmentFormat"/>; the last two values are 0 for a block.</summary>
internal readonly record struct Envelope(int Length, int Count, long FirstAt, long LastAt, int RawLength, int SplitLength)
{
    /// <summary>
    /// Reads a head and checks all that can be checked without the payload. Never trust more than that it will not lead
    /// outside the limits: the CRC is checked by <see cref="IsWhole"/>.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, EnvelopeKind kind, out Envelope envelope)
    {
        envelope = default;
        if (bytes.Length < kind.HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != kind.Magic)
        {
            return false;
        }

        var isChunk = kind.IsChunk;
        envelope = new Envelope(
            BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
            isChunk ? BinaryPrimitives.ReadInt32LittleEndian(bytes[32..]) : 0,
            isChunk ? BinaryPrimitives.ReadInt32LittleEndian(bytes[36..]) : 0);
        var recordBytes = isChunk ? envelope.RawLength : envelope.Length;
        return envelope.Length > 0 && envelope.Length <= kind.PayloadMax
            && recordBytes <= SegmentFormat.ChunkRawMax
            && envelope.SplitLength >= 0 && envelope.SplitLength <= SegmentFormat.ChunkSplitMax
            && envelope.Count > 0 && (long)envelope.Count * SegmentFormat.RecordHeaderBytes <= recordBytes
            && envelope.FirstAt > 0 && envelope.LastAt >= envelope.FirstAt && envelope.LastAt - envelope.FirstAt >= envelope.Count - 1;
    }

    /// <summary>Whether `bytes`, exactly one head and its payload, agree with their CRC.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) == Crc32C.Of(bytes[8..]);

    /// <summary>Writes the head in front of a payload that already stands in `bytes` and seals both with the CRC.</summary>
    public static void Seal(Span<byte> bytes, EnvelopeKind kind, int count, long firstAt, long lastAt, int rawLength = 0, int splitLength = 0)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, kind.Magic);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[8..], bytes.Length - kind.HeaderBytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[12..], count);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], firstAt);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[24..], lastAt);
        if (kind.IsChunk)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes[32..], rawLength);
            BinaryPrimitives.WriteInt32LittleEndian(bytes[36..], splitLength);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], Crc32C.Of(bytes[8..]));
    }
}
