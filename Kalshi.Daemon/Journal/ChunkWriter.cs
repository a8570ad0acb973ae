using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using ZstdSharp;

namespace Kalshi.Daemon.Journal;

/// <summary>Gathers whole blocks into chunks of a .kjz and sums up what its header says. One thread. Bound: one chunk raw, one compressed.</summary>
internal sealed class ChunkWriter(Compressor zstd, SafeFileHandle file) : IDisposable
{
    private byte[] _raw = ArrayPool<byte>.Shared.Rent(SegmentFormat.ChunkRawNormal);
    private byte[] _packed = [];
    private int _rawCount;
    private int _records;
    private int _blocks;
    private long _firstAt;
    private long _lastAt;
    private long _offset = SegmentFormat.HeaderBytes;
    private long _totalRaw;
    private long _totalBlocks;
    private long _totalRecords;
    private int _sessionHigh;

    /// <summary>Adds the block the reader of an uncompressed segment stands on, its head included.</summary>
    public void Add(SegmentReader reader)
    {
        var block = reader.Buffer.AsSpan(reader.RecordsStart - SegmentFormat.Block.HeaderBytes, SegmentFormat.Block.HeaderBytes + reader.Block.Length);
        if (_rawCount > 0 && _rawCount + block.Length > SegmentFormat.ChunkRawNormal)
        {
            WriteChunk();
        }

        if (block.Length > _raw.Length)
        {
            ArrayPool<byte>.Shared.Return(_raw);
            _raw = ArrayPool<byte>.Shared.Rent(block.Length);
        }

        block.CopyTo(_raw.AsSpan(_rawCount));
        _firstAt = _rawCount == 0 ? reader.Block.FirstAt : _firstAt;
        _lastAt = reader.Block.LastAt;
        _rawCount += block.Length;
        _records += reader.Block.Count;
        _blocks++;
        NoteSessions(block[SegmentFormat.Block.HeaderBytes..]);
    }

    /// <summary>Writes the last chunk and, now that the sums are known, the header.</summary>
    public SegmentHeader Finish(in SegmentHeader raw)
    {
        if (_rawCount > 0)
        {
            WriteChunk();
        }

        var header = raw with
        {
            IsCompressed = true,
            RawBytes = _totalRaw,
            LastAt = _lastAt,
            Blocks = _totalBlocks,
            Records = _totalRecords,
            NextSession = Math.Max(raw.FirstSession, _sessionHigh + 1),
        };
        Span<byte> bytes = stackalloc byte[SegmentFormat.HeaderBytes];
        header.Write(bytes);
        RandomAccess.Write(file, bytes, 0);
        return header;
    }

    private void WriteChunk()
    {
        var head = SegmentFormat.Chunk.HeaderBytes;
        var packedMax = head + Compressor.GetCompressBound(_rawCount);
        if (packedMax > _packed.Length)
        {
            ArrayPool<byte>.Shared.Return(_packed);
            _packed = ArrayPool<byte>.Shared.Rent(packedMax);
        }

        var length = zstd.Wrap(_raw.AsSpan(0, _rawCount), _packed.AsSpan(head));
        var chunk = _packed.AsSpan(0, head + length);
        Envelope.Seal(chunk, SegmentFormat.Chunk, _records, _firstAt, _lastAt, _rawCount, _blocks);
        RandomAccess.Write(file, chunk, _offset);
        _offset += chunk.Length;
        _totalRaw += _rawCount;
        _totalBlocks += _blocks;
        _totalRecords += _records;
        _rawCount = _records = _blocks = 0;
    }

    private void NoteSessions(ReadOnlySpan<byte> records)
    {
        while (records.Length >= SegmentFormat.RecordHeaderBytes)
        {
            _sessionHigh = Math.Max(_sessionHigh, BinaryPrimitives.ReadInt32LittleEndian(records[8..]));
            var length = BinaryPrimitives.ReadInt32LittleEndian(records[12..]);
            if ((uint)length > (uint)(records.Length - SegmentFormat.RecordHeaderBytes))
            {
                return;
            }

            records = records[(SegmentFormat.RecordHeaderBytes + length)..];
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_raw);
        ArrayPool<byte>.Shared.Return(_packed);
        _raw = _packed = [];
    }
}
