using System.Buffers;
using System.Buffers.Binary;

namespace Kalshi.Daemon.Journal;

internal enum EnvelopeStep : byte
{
    /// <summary>A whole one was read.</summary>
    Envelope,

    /// <summary>Nothing whole follows, for now or for good.</summary>
    End,

    /// <summary>Damaged bytes were passed over; what follows them is next.</summary>
    Skipped,
}

/// <summary>
/// Walks the envelopes (blocks or chunks) of one file in order and finds the next whole one after damage.
/// In: any bytes at all. Out: envelopes with a correct CRC and rising stamps. Thread: one. Bound: one window of
/// <see cref="WindowBytes"/>, larger only for one envelope that is really there in full length.
/// </summary>
internal sealed class EnvelopeReader : IDisposable
{
    public const int WindowBytes = 1 << 20;

    /// <summary>While seeking, stretches below this are read through rather than halved.</summary>
    private const int SeekStopBytes = 1 << 20;

    private readonly ByteSource _source;
    private readonly EnvelopeKind _kind;
    private readonly byte[] _magic = new byte[4];
    private byte[] _window;
    private long _windowOffset;
    private int _windowCount;
    private long _next;
    private long _fruitlessLength = -1;

    public EnvelopeReader(ByteSource source, EnvelopeKind kind, long start, int windowBytes = WindowBytes)
    {
        _source = source;
        _kind = kind;
        _next = start;
        _window = ArrayPool<byte>.Shared.Rent(windowBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(_magic, kind.Magic);
    }

    public byte[] Window => _window;

    /// <summary>Where in <see cref="Window"/> the current envelope's payload stands.</summary>
    public int PayloadStart { get; private set; }

    public Envelope Current { get; private set; }

    /// <summary>Offset of the current envelope, and of what follows it.</summary>
    public long CurrentOffset { get; private set; }

    public long Next => _next;

    /// <summary>Stamp of the last record of the last whole envelope; the next one must begin later.</summary>
    public long LastAt { get; private set; }

    /// <summary>After <see cref="EnvelopeStep.Skipped"/>: the range passed over and why.</summary>
    public (long From, long To, string Cause) Skipped { get; private set; }

    /// <summary>
    /// One step. `isSealed`: nobody writes this file any more, so what is not whole at its end is damage; otherwise it is
    /// a tail still being written, and the same call may succeed later.
    /// </summary>
    public EnvelopeStep Step(bool isSealed)
    {
        if (TryTake(_next))
        {
            return EnvelopeStep.Envelope;
        }

        if (_windowCount == 0)
        {
            return EnvelopeStep.End;
        }

        return StepOverDamage(isSealed);
    }

    private EnvelopeStep StepOverDamage(bool isSealed)
    {
        // The window may hold bytes from before a write that has ended since: look again at what is in the file now.
        var length = _source.Length;
        if (TryTakeAfresh(_next))
        {
            return EnvelopeStep.Envelope;
        }

        if (_next >= length || (!isSealed && length == _fruitlessLength))
        {
            return EnvelopeStep.End;
        }

        var found = Find(_next + 1, length);
        if (found < 0)
        {
            _fruitlessLength = length;
            return isSealed ? SkipTail(length) : EnvelopeStep.End;
        }

        // A writer finishes one envelope before it begins the next: with a later one seen whole, this one has had its last chance.
        if (TryTakeAfresh(_next))
        {
            return EnvelopeStep.Envelope;
        }

        Skipped = (_next, found, CauseAt(_next));
        _next = found;
        return EnvelopeStep.Skipped;
    }

    /// <summary>The end of a sealed file: zeros are unused preallocation, anything else is damage.</summary>
    private EnvelopeStep SkipTail(long length)
    {
        var from = _next;
        _next = length;
        if (IsZero(from, length))
        {
            return EnvelopeStep.End;
        }

        Skipped = (from, length, CauseAt(from));
        _windowCount = 0;
        return EnvelopeStep.Skipped;
    }

    /// <summary>
    /// Moves to an envelope from which every record stamped later than `after` is still ahead, by halving the file: a few reads
    /// instead of all. Only whole envelopes are trusted. May be called before the first step.
    /// </summary>
    public void Seek(long after)
    {
        var low = _next;
        var high = _source.Length;
        while (high - low > SeekStopBytes)
        {
            var middle = low + ((high - low) / 2);
            var found = Find(middle, high);
            if (found >= 0 && TryHead(found, out var envelope) && envelope.FirstAt <= after)
            {
                low = found;
            }
            else
            {
                high = middle;
            }
        }

        _next = low;
    }

    /// <summary>Whether a whole envelope stands anywhere ahead. Takes no step.</summary>
    public bool Peek() => Find(_next, _source.Length) >= 0;

    public void SkipTo(long offset) => _next = offset;

    private bool TryTakeAfresh(long offset)
    {
        _windowCount = 0;
        return TryTake(offset);
    }

    private bool TryTake(long offset)
    {
        if (!TryHead(offset, out var envelope) || !IsWholeAt(offset, envelope) || envelope.FirstAt <= LastAt)
        {
            return false;
        }

        CurrentOffset = offset;
        PayloadStart = (int)(offset - _windowOffset) + _kind.HeaderBytes;
        Current = envelope;
        LastAt = envelope.LastAt;
        _next = offset + _kind.HeaderBytes + envelope.Length;
        return true;
    }

    private bool TryHead(long offset, out Envelope envelope)
    {
        envelope = default;
        return Cover(offset, _kind.HeaderBytes) && Envelope.TryRead(_window.AsSpan((int)(offset - _windowOffset), _kind.HeaderBytes), _kind, out envelope);
    }

    private bool IsWholeAt(long offset, in Envelope envelope)
    {
        var total = _kind.HeaderBytes + envelope.Length;
        if (total > _window.Length && offset + total > _source.Length)
        {
            return false; // Never make room for bytes that are not there.
        }

        return Cover(offset, total) && Envelope.IsWhole(_window.AsSpan((int)(offset - _windowOffset), total));
    }

    /// <summary>
    /// Offset of the first whole envelope in [from, to), or −1. The bytes checked against CRCs are limited, so that a file made
    /// of nothing but false heads costs a bounded time.
    /// </summary>
    private long Find(long from, long to)
    {
        var budget = (8 * (to - from)) + (4L * _kind.PayloadMax);
        var offset = from;
        while (offset + _kind.HeaderBytes < to && budget > 0 && Cover(offset, _kind.HeaderBytes))
        {
            var start = (int)(offset - _windowOffset);
            var hit = _window.AsSpan(start, _windowCount - start).IndexOf(_magic);
            if (hit < 0)
            {
                offset = _windowOffset + _windowCount - (_magic.Length - 1);
                continue;
            }

            offset += hit;
            if (offset < to && TryHead(offset, out var envelope) && envelope.FirstAt > LastAt)
            {
                budget -= envelope.Length;
                if (IsWholeAt(offset, envelope))
                {
                    return offset;
                }
            }

            offset++;
        }

        return -1;
    }

    /// <summary>Whether [from, to) holds only zeros.</summary>
    public bool IsZero(long from, long to)
    {
        while (from < to)
        {
            if (!Cover(from, 1))
            {
                return true;
            }

            var start = (int)(from - _windowOffset);
            var count = (int)Math.Min(_windowCount - start, to - from);
            if (_window.AsSpan(start, count).ContainsAnyExcept((byte)0))
            {
                return false;
            }

            from += count;
        }

        return true;
    }

    private string CauseAt(long offset)
    {
        if (!TryHead(offset, out var envelope))
        {
            return "no valid head";
        }

        return envelope.FirstAt <= LastAt ? "stamps step back" : "checksum differs";
    }

    /// <summary>Makes the window hold `count` bytes from `offset`; false when the source ends before.</summary>
    private bool Cover(long offset, int count)
    {
        if (offset >= _windowOffset && offset + count <= _windowOffset + _windowCount)
        {
            return true;
        }

        MoveWindow(offset, count);
        while (_windowCount < count)
        {
            var read = _source.Read(_window.AsSpan(_windowCount), _windowOffset + _windowCount);
            if (read == 0)
            {
                return false;
            }

            _windowCount += read;
        }

        return true;
    }

    private void MoveWindow(long offset, int count)
    {
        var kept = offset >= _windowOffset ? (int)Math.Max(0, _windowOffset + _windowCount - offset) : 0;
        var from = _window.AsSpan(_windowCount - kept, kept);
        if (count > _window.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(count);
            from.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_window);
            _window = larger;
        }
        else
        {
            from.CopyTo(_window);
        }

        _windowOffset = offset;
        _windowCount = kept;
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_window);
        _window = [];
        _windowCount = 0;
        _source.Dispose();
    }
}
