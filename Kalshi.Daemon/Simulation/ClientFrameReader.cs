using System.Buffers.Binary;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// Reads a client's WebSocket messages (RFC 6455, 5.2: masked, possibly continued, control frames in between).
/// In: the stream. Out: one message a call. Thread: the reader task. Bound: `messageBytesMax`. When full: the stream ends.
/// </summary>
internal sealed class ClientFrameReader(Stream input, int messageBytesMax)
{
    private byte[] _buffer = new byte[16 << 10];
    private int _start;
    private int _end;
    private byte[] _message = new byte[4 << 10];
    private int _messageLength;
    private Opcode _messageOpcode;
    private byte[] _control = [];

    public Opcode Opcode { get; private set; }

    /// <summary>Valid until the next read.</summary>
    public ReadOnlyMemory<byte> Message { get; private set; }

    public bool IsTooLong { get; private set; }

    /// <summary>False at the end of the stream, and for a message beyond the bound or a frame against the protocol.</summary>
    public async ValueTask<bool> ReadAsync(CancellationToken cancel)
    {
        while (true)
        {
            if (!await NeedAsync(2, cancel))
            {
                return false;
            }

            var first = _buffer[_start];
            var second = _buffer[_start + 1];
            var header = 2 + (second & 0x7F) switch { 126 => 2, 127 => 8, _ => 0 } + ((second & 0x80) != 0 ? 4 : 0);
            if (!await NeedAsync(header, cancel))
            {
                return false;
            }

            var length = PayloadLength(second & 0x7F);
            if (length + _messageLength > messageBytesMax)
            {
                IsTooLong = true;
                return false;
            }

            if (!await NeedAsync(header + (int)length, cancel))
            {
                return false;
            }

            var opcode = (Opcode)(first & 0x0F);
            if (Take(header, (int)length, (second & 0x80) != 0, opcode, isFinal: (first & 0x80) != 0))
            {
                return true;
            }
        }
    }

    private long PayloadLength(int code) => code switch
    {
        126 => BinaryPrimitives.ReadUInt16BigEndian(_buffer.AsSpan(_start + 2)),
        127 => Math.Max(0, BinaryPrimitives.ReadInt64BigEndian(_buffer.AsSpan(_start + 2))),
        _ => code,
    };

    /// <summary>True when a whole message (or a control frame) stands in <see cref="Message"/>.</summary>
    private bool Take(int header, int length, bool isMasked, Opcode opcode, bool isFinal)
    {
        var payload = _buffer.AsSpan(_start + header, length);
        if (isMasked)
        {
            var mask = _buffer.AsSpan(_start + header - 4, 4);
            for (var i = 0; i < payload.Length; i++)
            {
                payload[i] ^= mask[i & 3];
            }
        }

        _start += header + length;
        if (opcode >= Opcode.Close)
        {
            _control = payload.ToArray();
            (Opcode, Message) = (opcode, _control);
            return true;
        }

        if (opcode != Opcode.Continuation)
        {
            (_messageOpcode, _messageLength) = (opcode, 0);
        }

        if (_message.Length < _messageLength + length)
        {
            Array.Resize(ref _message, Math.Max(_message.Length * 2, _messageLength + length));
        }

        payload.CopyTo(_message.AsSpan(_messageLength));
        _messageLength += length;
        if (!isFinal)
        {
            return false;
        }

        (Opcode, Message) = (_messageOpcode, _message.AsMemory(0, _messageLength));
        _messageLength = 0;
        return true;
    }

    private async ValueTask<bool> NeedAsync(int count, CancellationToken cancel)
    {
        while (_end - _start < count)
        {
            if (_start > 0)
            {
                _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
                (_start, _end) = (0, _end - _start);
            }

            if (_buffer.Length < count)
            {
                Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, count));
            }

            var read = await input.ReadAsync(_buffer.AsMemory(_end), cancel);
            if (read == 0)
            {
                return false;
            }

            _end += read;
        }

        return true;
    }
}
