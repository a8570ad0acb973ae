using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Kalshi.Daemon.Exchange;

/// <summary>RFC 6455 section 5.2 opcodes.</summary>
internal enum WebSocketOpcode : byte
{
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

internal enum FrameParse : byte
{
    Complete,
    Incomplete,

    /// <summary>Not a frame a server may send: masked, reserved bits, an unknown opcode, an over-long control frame or message.</summary>
    Invalid,
}

/// <summary>
/// WebSocket frames (RFC 6455 section 5) as spans of a buffer that was filled straight from the socket, so that one read brings
/// many messages and none is copied on its way to the ring.
/// </summary>
/// <code>
///  0               1               2 .. 10
/// +-+-+-+-+-------+-+-------------+------------------------+-----------------+
/// |F|R R R| opcode|M| length (7)  | length (0, 16, 64 bit) | payload         |
/// |I|S S S|  (4)  |A|             | when 126 or 127        | (mask: clients) |
/// +-+-+-+-+-------+-+-------------+------------------------+-----------------+
/// </code>
internal static class WebSocketFrames
{
    /// <summary>The exchange's own limit for a server message (64 MiB).</summary>
    public const int MessageBytesMax = 64 << 20;

    public const int HeaderBytesMax = 10;

    /// <summary>Reads the frame at the start of `buffer`.</summary>
    public static FrameParse Parse(ReadOnlySpan<byte> buffer, out WebSocketOpcode opcode, out bool final, out int headerBytes, out int payloadBytes)
    {
        (opcode, final, headerBytes, payloadBytes) = (default, false, 0, 0);
        if (buffer.Length < 2)
        {
            return FrameParse.Incomplete;
        }

        int first = buffer[0], second = buffer[1];
        opcode = (WebSocketOpcode)(first & 0x0F);
        final = (first & 0x80) != 0;
        if ((first & 0x70) != 0 || (second & 0x80) != 0 || (first & 0x0F) is > 2 and < 8 or > 10)
        {
            return FrameParse.Invalid;
        }

        headerBytes = 2;
        long length = second;
        if (length >= 126)
        {
            headerBytes = length == 126 ? 4 : 10;
            if (buffer.Length < headerBytes)
            {
                return FrameParse.Incomplete;
            }

            length = headerBytes == 4 ? BinaryPrimitives.ReadUInt16BigEndian(buffer[2..]) : BinaryPrimitives.ReadInt64BigEndian(buffer[2..]);
        }

        if ((ulong)length > MessageBytesMax || ((first & 0x08) != 0 && (!final || length > 125)))
        {
            return FrameParse.Invalid;
        }

        payloadBytes = (int)length;
        return buffer.Length - headerBytes >= payloadBytes ? FrameParse.Complete : FrameParse.Incomplete;
    }

    /// <summary>A masked client frame, as every client must send.</summary>
    public static byte[] Client(WebSocketOpcode opcode, ReadOnlySpan<byte> payload)
    {
        var lengthBytes = payload.Length < 126 ? 0 : payload.Length <= ushort.MaxValue ? 2 : 8;
        var frame = new byte[2 + lengthBytes + 4 + payload.Length];
        frame[0] = (byte)(0x80 | (byte)opcode);
        frame[1] = (byte)(0x80 | (lengthBytes == 0 ? payload.Length : lengthBytes == 2 ? 126 : 127));
        if (lengthBytes == 2)
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(2), (ushort)payload.Length);
        }
        else if (lengthBytes == 8)
        {
            BinaryPrimitives.WriteInt64BigEndian(frame.AsSpan(2), payload.Length);
        }

        var mask = frame.AsSpan(2 + lengthBytes, 4);
        RandomNumberGenerator.Fill(mask);
        var body = frame.AsSpan(6 + lengthBytes);
        for (var i = 0; i < payload.Length; i++)
        {
            body[i] = (byte)(payload[i] ^ mask[i & 3]);
        }

        return frame;
    }
}
