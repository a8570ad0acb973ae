using System.Buffers;
using Microsoft.Win32.SafeHandles;
using ZstdSharp;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// Gathers the records of whole blocks into chunks of a .kjz and sums up what its header says. Each chunk is decompressed again and
/// compared before it is written. One thread. Bound: one chunk raw, split, compressed and joined again.
/// </summary>
internal sealed class ChunkWriter(Compressor zstd, SafeFileHandle file) : IDisposable
{
    private readonly ChunkReader _reader = new();
    private byte[] _raw = ArrayPool<byte>.Shared.Rent(SegmentFormat.ChunkRawNormal);
    private byte[] _split = [];
    private byte[] _packed = [];
    private int _rawCount;
    private int _records;
    private long _firstAt;
    private long _lastAt;
    private long _offset = SegmentFormat.HeaderBytes;
    private long _totalRaw;
    private long _totalBlocks;
    private long _totalRecords;

    /// <summary>Adds the records of the block the reader stands on. False: they cannot be represented, the segment must stay as it is.</summary>
    public bool TryAdd(SegmentReader reader)
    {
        var records = reader.Buffer.AsSpan(reader.RecordsStart, reader.Block.Length);
        if (_rawCount > 0 && _rawCount + records.Length > SegmentFormat.ChunkRawNormal && !TryWriteChunk())
        {
            return false;
        }

        Reserve(ref _raw, _rawCount + records.Length);
        records.CopyTo(_raw.AsSpan(_rawCount));
        _firstAt = _rawCount == 0 ? reader.Block.FirstAt : _firstAt;
        _lastAt = reader.Block.LastAt;
        _rawCount += records.Length;
        _records += reader.Block.Count;
        _totalBlocks++;
        _totalRaw += SegmentFormat.Block.HeaderBytes + records.Length;
        return true;
    }

    /// <summary>Writes the last chunk and, now that the sums are known, the header.</summary>
    public bool TryFinish(in SegmentHeader raw, int nextSession, out SegmentHeader header)
    {
        header = raw with
        {
            IsCompressed = true,
            RawBytes = _totalRaw,
            LastAt = _lastAt,
            Blocks = _totalBlocks,
            Records = _totalRecords + _records,
            NextSession = nextSession,
        };
        if (!TryWriteChunk())
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[SegmentFormat.HeaderBytes];
        header.Write(bytes);
        RandomAccess.Write(file, bytes, 0);
        return true;
    }

    private bool TryWriteChunk()
    {
        var raw = _raw.AsSpan(0, _rawCount);
        Reserve(ref _split, RecordColumns.SplitBytesMax(_rawCount, _records));
        var splitLength = RecordColumns.Split(raw, _records, _firstAt, _split);
        if (splitLength < 0)
        {
            return false;
        }

        var head = SegmentFormat.Chunk.HeaderBytes;
        Reserve(ref _packed, head + Compressor.GetCompressBound(splitLength));
        var length = zstd.Wrap(_split.AsSpan(0, splitLength), _packed.AsSpan(head));
        var chunk = _packed.AsSpan(0, head + length);
        Envelope.Seal(chunk, SegmentFormat.Chunk, _records, _firstAt, _lastAt, _rawCount, splitLength);

        // The pair check: what a reader will get must be, byte for byte, what was there.
        if (!Envelope.TryRead(chunk, SegmentFormat.Chunk, out var envelope) || !_reader.TryRead(envelope, chunk[head..]) || !_reader.Records.SequenceEqual(raw))
        {
            return false;
        }

        RandomAccess.Write(file, chunk, _offset);
        _offset += chunk.Length;
        _totalRecords += _records;
        _rawCount = _records = 0;
        return true;
    }

    /// <summary>Makes room, keeping what is there.</summary>
    private static void Reserve(ref byte[] buffer, int count)
    {
        if (count > buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(count);
            buffer.CopyTo(larger, 0);
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = larger;
        }
    }

    public void Dispose()
    {
        _reader.Dispose();
        ArrayPool<byte>.Shared.Return(_raw);
        ArrayPool<byte>.Shared.Return(_split);
        ArrayPool<byte>.Shared.Return(_packed);
        _raw = _split = _packed = [];
    }
}
