using System.Buffers.Binary;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// What waits to leave on one connection, already encoded as WebSocket frames in one buffer, so that a single system call
/// takes thousands of them.
/// In: frames. Out: the whole buffer at once. Thread: any may append; one writer takes. Bound: `bytesMax`, and a reserve
/// beyond it for acks, errors and control frames. When full: refused.
/// </summary>
internal sealed class OutboundQueue(int bytesMax)
{
    /// <summary>Acks and errors find room even when data does not.</summary>
    private const int UrgentReserve = 1 << 20;

    private readonly Lock _lock = new();
    private byte[] _filling = new byte[64 << 10];
    private byte[] _writing = new byte[64 << 10];
    private int _filled;
    private volatile int _queued;
    private volatile bool _isClosing;
    private int _fragmentBytes;
    private long _fragmented;

    /// <summary>Bytes appended and not yet sent.</summary>
    public int Queued => _queued;

    /// <summary>True after a close frame: nothing is taken any more.</summary>
    public bool IsClosing => _isClosing;

    public bool HasFrames
    {
        get
        {
            lock (_lock)
            {
                return _filled > 0;
            }
        }
    }

    /// <summary>A fault: text messages longer than this leave as continuation frames; 0 = whole.</summary>
    public void FragmentAt(int bytes)
    {
        lock (_lock)
        {
            _fragmentBytes = bytes;
        }
    }

    /// <summary>Takes a copy of one message; false when the bound would be passed. After a close frame it is taken and forgotten.</summary>
    public bool TryAppend(ReadOnlySpan<byte> message, Opcode opcode, bool isUrgent)
    {
        lock (_lock)
        {
            if (_isClosing)
            {
                return true;
            }

            if (_queued + (long)message.Length > bytesMax + (isUrgent ? UrgentReserve : 0L))
            {
                return false;
            }

            if (_fragmentBytes > 0 && opcode == Opcode.Text && message.Length > _fragmentBytes)
            {
                AppendFragments(message, _fragmentBytes);
            }
            else
            {
                AppendFrame(message, 0x80 | (int)opcode);
            }

            _isClosing = opcode == Opcode.Close;
            return true;
        }
    }

    /// <summary>Everything that waits, in a buffer that belongs to the caller until the next call.</summary>
    public ReadOnlyMemory<byte> TakeAll(out bool isLast)
    {
        lock (_lock)
        {
            (_filling, _writing) = (_writing, _filling);
            var taken = _writing.AsMemory(0, _filled);
            _filled = 0;
            isLast = _isClosing;
            return taken;
        }
    }

    public void Sent(int bytes)
    {
        lock (_lock)
        {
            _queued -= bytes;
        }
    }

    /// <summary>Continuation frames; every hundredth message has a ping in its middle, which the protocol allows.</summary>
    private void AppendFragments(ReadOnlySpan<byte> message, int size)
    {
        for (var at = 0; at < message.Length; at += size)
        {
            var piece = message.Slice(at, Math.Min(size, message.Length - at));
            var isLast = at + size >= message.Length;
            AppendFrame(piece, (int)(at == 0 ? Opcode.Text : Opcode.Continuation) | (isLast ? 0x80 : 0));
            if (at == 0 && _fragmented++ % 100 == 0)
            {
                AppendFrame("heartbeat"u8, 0x80 | (int)Opcode.Ping);
            }
        }
    }

    /// <summary>RFC 6455, 5.2: FIN and opcode, length in 7, 16 or 64 bits, no mask.</summary>
    private void AppendFrame(ReadOnlySpan<byte> payload, int first)
    {
        var needed = payload.Length + 10;
        if (_filling.Length - _filled < needed)
        {
            Array.Resize(ref _filling, Math.Max(_filling.Length * 2, _filled + needed));
        }

        var to = _filling.AsSpan(_filled);
        to[0] = (byte)first;
        var header = WriteLength(to, payload.Length);
        payload.CopyTo(to[header..]);
        _filled += header + payload.Length;
        _queued += header + payload.Length;
    }

    private static int WriteLength(Span<byte> to, int length)
    {
        if (length < 126)
        {
            to[1] = (byte)length;
            return 2;
        }

        if (length <= ushort.MaxValue)
        {
            to[1] = 126;
            BinaryPrimitives.WriteUInt16BigEndian(to[2..], (ushort)length);
            return 4;
        }

        to[1] = 127;
        BinaryPrimitives.WriteInt64BigEndian(to[2..], length);
        return 10;
    }
}

/// <summary>RFC 6455, 5.2.</summary>
internal enum Opcode : byte
{
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}
