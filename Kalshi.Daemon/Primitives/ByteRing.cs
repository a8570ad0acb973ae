using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kalshi.Daemon.Primitives;

/// <summary>
/// A lock-free single-producer single-consumer ring of entries {length, kind, stamp, bytes}, each contiguous.
///
/// In:        the receive loop of one socket (producer thread: whichever runs that loop, one at a time).
/// Out:       the capture thread.
/// Bound:     <see cref="Capacity"/> bytes, and <see cref="OversizeMax"/> entries too large for the ring, which travel beside it.
/// When full: <see cref="TryWrite"/> returns false; the receive loop waits, so the socket and then the exchange push back.
/// </summary>
/// <remarks>
/// Entries are aligned to 16 bytes, a header's size, so that a padding header always fits. An entry that would cross the end is preceded by a padding entry. The producer makes
/// entries visible only by <see cref="Publish"/>, once per socket read.
/// </remarks>
internal sealed class ByteRing
{
    public const int OversizeMax = 4;

    private const int HeaderSize = 16;
    private const byte Padding = 0xFF;
    private const byte Oversize = 0xFE;

    private readonly byte[] _bytes;
    private readonly int _mask;
    private readonly ConcurrentQueue<byte[]> _oversize = new();
    private Positions _positions;

    // Producer's own.
    private long _write;
    private long _readSeen;

    // Consumer's own.
    private long _read;
    private long _tail;

    /// <param name="capacity">A power of two, in bytes.</param>
    public ByteRing(int capacity)
    {
        Checks.That(capacity >= 64 && (capacity & (capacity - 1)) == 0, "A ring's capacity is a power of two.");
        _bytes = GC.AllocateUninitializedArray<byte>(capacity, pinned: true);
        _mask = capacity - 1;
    }

    public int Capacity => _bytes.Length;

    /// <summary>Bytes published and not yet released; exact on neither thread, good for a gauge.</summary>
    public long Depth => Volatile.Read(ref _positions.Published) - Volatile.Read(ref _positions.Released);

    /// <summary>Producer: copies an entry in, invisible until <see cref="Publish"/>. False when there is no room now.</summary>
    public bool TryWrite(byte kind, long stamp, ReadOnlySpan<byte> payload)
    {
        if (payload.Length > (_bytes.Length / 2) - HeaderSize)
        {
            return TryWriteOversize(kind, stamp, payload);
        }

        if (!TryReserve(payload.Length, out var offset))
        {
            return false;
        }

        Header(offset) = new EntryHeader(payload.Length, kind, 0, stamp);
        payload.CopyTo(_bytes.AsSpan(offset + HeaderSize));
        return true;
    }

    /// <summary>Producer: makes everything written so far visible to the consumer.</summary>
    public void Publish() => Volatile.Write(ref _positions.Published, _write);

    /// <summary>Consumer: fixes the end up to which this turn reads.</summary>
    public bool Snapshot() => (_tail = Volatile.Read(ref _positions.Published)) != _read;

    /// <summary>Consumer: the next entry before the snapshot. The span is valid until <see cref="Release"/>.</summary>
    public bool TryRead(out byte kind, out long stamp, out ReadOnlySpan<byte> payload)
    {
        while (_read != _tail)
        {
            var offset = (int)_read & _mask;
            ref readonly var header = ref Header(offset);
            kind = header.Kind;
            stamp = header.Stamp;
            if (kind == Padding)
            {
                _read += header.Length;
                continue;
            }

            _read += Size(header.Length);
            payload = _bytes.AsSpan(offset + HeaderSize, header.Length);
            if (kind == Oversize)
            {
                kind = header.OversizeKind;
                Checks.That(_oversize.TryDequeue(out var bytes), "An oversize entry has its bytes beside the ring.");
                payload = bytes;
            }

            return true;
        }

        kind = 0;
        stamp = 0;
        payload = default;
        return false;
    }

    /// <summary>Consumer: gives everything read back to the producer.</summary>
    public void Release() => Volatile.Write(ref _positions.Released, _read);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryWriteOversize(byte kind, long stamp, ReadOnlySpan<byte> payload)
    {
        if (_oversize.Count >= OversizeMax || !TryReserve(0, out var offset))
        {
            return false;
        }

        _oversize.Enqueue(payload.ToArray());
        Header(offset) = new EntryHeader(0, Oversize, kind, stamp);
        return true;
    }

    private bool TryReserve(int length, out int offset)
    {
        var size = Size(length);
        offset = (int)_write & _mask;
        var untilEnd = _bytes.Length - offset;
        var padding = size <= untilEnd ? 0 : untilEnd;
        if (_write + padding + size - _readSeen > _bytes.Length)
        {
            _readSeen = Volatile.Read(ref _positions.Released);
            if (_write + padding + size - _readSeen > _bytes.Length)
            {
                return false;
            }
        }

        if (padding > 0)
        {
            Header(offset) = new EntryHeader(padding, Padding, 0, 0);
            offset = 0;
        }

        _write += padding + size;
        return true;
    }

    private static int Size(int length) => (HeaderSize + length + 15) & ~15;

    private ref EntryHeader Header(int offset) =>
        ref Unsafe.As<byte, EntryHeader>(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_bytes), offset));

    /// <summary>A padding entry's Length counts its own header.</summary>
    [StructLayout(LayoutKind.Explicit, Size = HeaderSize)]
    private readonly struct EntryHeader(int length, byte kind, byte oversizeKind, long stamp)
    {
        [FieldOffset(0)] public readonly int Length = length;
        [FieldOffset(4)] public readonly byte Kind = kind;
        [FieldOffset(5)] public readonly byte OversizeKind = oversizeKind;
        [FieldOffset(8)] public readonly long Stamp = stamp;
    }

    /// <summary>Published is written by the producer (release), Released by the consumer (release); a cache line each.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct Positions
    {
        [FieldOffset(64)] public long Published;
        [FieldOffset(128)] public long Released;
    }
}
