namespace Kalshi.Daemon.Journal;

/// <summary>
/// The journal's files. All integers little-endian; every CRC is CRC-32C.
/// <code>
/// NNNNNNNNNNNNNNNNNNNN.kj         a segment, named by its first received_at (µs, 20 digits): name order is time order
/// ┌────────────────┬─────────┬─────────┬───┬─────────┐
/// │ segment header │ block 1 │ block 2 │ … │ block n │          blocks follow each other without padding; one `write` = one block
/// └────────────────┴─────────┴─────────┴───┴─────────┘
///
/// segment header, 96 bytes                                     written once, in the same write as block 1
/// ┌─────────┬───────────┬────────────┬────────────────┬──────────┬─────────────┬────────────┐
/// │magic  u64│version u16│length u16│first_session i32│first_at i64│previous_at i64│created_at i64│ …
/// └─────────┴───────────┴────────────┴────────────────┴──────────┴─────────────┴────────────┘
///   ┌────────────┬───────────┬──────────┬───────────┬──────────────┬────────────┬────────┐
/// … │raw_bytes i64│last_at i64│blocks i64│records i64│next_session i32│zero 16 bytes│CRC u32│   CRC over the 92 bytes before it
///   └────────────┴───────────┴──────────┴───────────┴──────────────┴────────────┴────────┘
///   first_session: higher than every session before the segment and in its first block; previous_at: stamp of the journal's last record
///   before it (0 = none), so a lost segment or a lost tail shows; raw_bytes … next_session: 0 in .kj, the sums in .kjz.
///
/// block = an envelope (32 bytes) and its records
/// ┌─────────┬───────┬────────────┬─────────┬────────────┬───────────┬─────────────────┐
/// │magic u32│CRC u32│length   u32│count u32│first_at i64│last_at i64│ length bytes …  │   CRC over all that follows it
/// └─────────┴───────┴────────────┴─────────┴────────────┴───────────┴─────────────────┘
///
/// record, 20 bytes and its payload
/// ┌───────────────┬───────────┬──────────┬───────┬────────────┬─────────────────┐
/// │received_at i64│session i32│length i32│kind u8│zero 3 bytes│ length bytes …  │
/// └───────────────┴───────────┴──────────┴───────┴────────────┴─────────────────┘
///
/// NNNNNNNNNNNNNNNNNNNN.kjz        the same records, compressed: header (other magic), then chunks
/// chunk = an envelope (40 bytes) and one zstd frame of its records, split into columns (see RecordColumns)
/// ┌─────────┬───────┬──────────┬─────────┬────────────┬───────────┬──────────────┬────────────────┬────────────────┐
/// │magic u32│CRC u32│length u32│count u32│first_at i64│last_at i64│raw length u32│split length u32│ length bytes … │
/// └─────────┴───────┴──────────┴─────────┴────────────┴───────────┴──────────────┴────────────────┴────────────────┘
/// </code>
/// Stamps strictly increase over the whole journal. Any prefix of a valid journal is a valid journal.
/// <para>
/// Needs a higher <see cref="Version"/>: any change of a size, order or meaning above, of a CRC's range, of a limit upwards, of
/// the compression. Needs none: a new <see cref="RecordKind"/> (readers hand unknown kinds on), a new use of zero bytes that
/// old readers may ignore, other block or chunk sizes within the limits.
/// </para>
/// </summary>
internal static class SegmentFormat
{
    public const ushort Version = 1;

    public const int HeaderBytes = 96;
    public const int RecordHeaderBytes = 20;

    /// <summary>The longest payload of a record: nothing the exchange sends comes near.</summary>
    public const int RecordBytesMax = 64 << 20;

    /// <summary>A block is written when it would outgrow this; only a record that is longer by itself makes a larger block.</summary>
    public const int BlockBytesNormal = 512 << 10;

    /// <summary>No valid block's payload is longer: the longest record, and as much as a refusing disk may make pile up.</summary>
    public const int BlockPayloadMax = RecordBytesMax + (1 << 20);

    /// <summary>A chunk is closed at this many raw bytes; a single larger block makes a larger chunk.</summary>
    public const int ChunkRawNormal = 2 << 20;

    public const int ChunkRawMax = ChunkRawNormal + BlockPayloadMax;

    /// <summary>Columns take at most 25 bytes for a record head of 20, and a head of their own.</summary>
    public const int ChunkSplitMax = ChunkRawMax + (ChunkRawMax / 4) + 16;

    public const ulong SegmentMagic = 0x4C_41_4E_52_55_4F_4A_4B; // "KJOURNAL"
    public const ulong CompressedMagic = 0x5A_4C_4E_52_55_4F_4A_4B; // "KJOURNLZ"

    /// <summary>A block. The magics of envelopes hold bytes that never occur in UTF-8, so no text frame can look like one.</summary>
    public static readonly EnvelopeKind Block = new(Magic: 0xFF_42_4B_F8, HeaderBytes: 32, PayloadMax: BlockPayloadMax);

    public static readonly EnvelopeKind Chunk = new(Magic: 0xFF_43_4B_F8, HeaderBytes: 40, PayloadMax: ChunkSplitMax + (ChunkSplitMax >> 7) + 512);
}
