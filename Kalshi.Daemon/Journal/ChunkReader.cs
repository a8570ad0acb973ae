using System.Buffers;
using ZstdSharp;

namespace Kalshi.Daemon.Journal;

/// <summary>Chunks of a .kjz → records. One thread. Bound: one chunk, split and joined; the heads' limits hold before any room is made.</summary>
internal sealed class ChunkReader : IDisposable
{
    private readonly Decompressor _zstd = new();
    private byte[] _split = [];
    private int _count;

    /// <summary>The records of the chunk read last, from index 0.</summary>
    public byte[] Buffer { get; private set; } = [];

    public ReadOnlySpan<byte> Records => Buffer.AsSpan(0, _count);

    /// <summary>`chunk` has passed <see cref="Envelope.TryRead"/>. False when the payload does not hold what the head says.</summary>
    public bool TryRead(in Envelope chunk, ReadOnlySpan<byte> payload)
    {
        _count = 0;
        if (!TryUnwrap(payload, chunk.SplitLength))
        {
            return false;
        }

        Buffer = Reserve(Buffer, chunk.RawLength);
        var split = _split.AsSpan(0, chunk.SplitLength);
        if (!RecordColumns.TryJoin(split, chunk.Count, chunk.FirstAt, Buffer.AsSpan(0, chunk.RawLength)))
        {
            return false;
        }

        _count = chunk.RawLength;
        return true;
    }

    private bool TryUnwrap(ReadOnlySpan<byte> payload, int length)
    {
        try
        {
            if (Decompressor.GetDecompressedSize(payload) != (ulong)length)
            {
                return false; // Before any room is made for it.
            }

            _split = Reserve(_split, length);
            return _zstd.Unwrap(payload, _split.AsSpan(0, length)) == length;
        }
        catch (ZstdException)
        {
            return false;
        }
    }

    private static byte[] Reserve(byte[] buffer, int count)
    {
        if (count <= buffer.Length)
        {
            return buffer;
        }

        ArrayPool<byte>.Shared.Return(buffer);
        return ArrayPool<byte>.Shared.Rent(count);
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_split);
        ArrayPool<byte>.Shared.Return(Buffer);
        _split = Buffer = [];
        _zstd.Dispose();
    }
}
