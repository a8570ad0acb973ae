using System.Runtime.CompilerServices;

namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// Reads a frame's head: a targeted scan for the shapes the exchange sends, a walk over every token for the rest.
/// <code>
/// {"type":"orderbook_delta","sid":1,"seq":2,"msg":{ … first } … },"sending_ts_ms":1785901540723}
///  └─ known keys in any order, no blanks ─┘└ flat: ends at its first } ┘└─ known keys again ─┘ end
/// </code>
/// The scan answers only when the bytes around `msg` are known keys, each once, up to the very last byte; then, for any frame
/// that is JSON, it answers what the walk answers: had `msg` not ended at its first `}`, the brackets that follow could not
/// close it. What stands inside `msg` the scan does not check: of bytes that only look like a frame it may say IsJson, and the
/// decoder, which checks every byte, rejects them.
/// </summary>
internal static class FrameHeadReader
{
    /// <summary>Never throws, never allocates, for any bytes whatever. Thread-safe.</summary>
    public static FrameHead Read(ReadOnlySpan<byte> frame) => TryScan(frame, out var outline) ? outline.Head : Walk(frame).Head;

    /// <summary>The same by the walk alone: slower, the same answer for every frame that is JSON.</summary>
    public static FrameHead ReadByWalk(ReadOnlySpan<byte> frame) => Walk(frame).Head;

    internal static void Outline(ReadOnlySpan<byte> frame, out FrameOutline outline)
    {
        if (!TryScan(frame, out outline))
        {
            outline = Walk(frame);
        }
    }

    internal static bool TryScan(ReadOnlySpan<byte> frame, out FrameOutline outline)
    {
        outline = default;
        var at = 0;
        var separator = (byte)'{';
        var seen = TopKey.None;
        while (at + 10 <= frame.Length && frame[at] == separator)
        {
            separator = (byte)',';
            var key = ReadKey(WireScan.Read8(frame, at + 1), out var keyLength);
            at += 1 + keyLength;
            if ((seen & key) != 0)
            {
                return false;
            }

            seen |= key;
            long number;
            switch (key)
            {
                case TopKey.Type when TryReadName(frame, ref at, out outline.Type):
                case TopKey.Seq when WireScan.TryReadNumber(frame, ref at, out outline.Seq):
                case TopKey.Id when WireScan.TryReadNumber(frame, ref at, out outline.Id):
                case TopKey.Msg when TryPassFlat(frame, ref at, out outline.Payload):
                    break;
                case TopKey.Sid when WireScan.TryReadNumber(frame, ref at, out number) && number <= int.MaxValue:
                    outline.Sid = (int)number;
                    break;
                case TopKey.SendingMs when frame[at..].StartsWith("_ts_ms\":"u8):
                    at += 8;
                    if (!WireScan.TryReadNumber(frame, ref at, out outline.SendingMs))
                    {
                        return false;
                    }

                    break;
                default:
                    return false;
            }
        }

        outline.IsJson = true;
        return seen != TopKey.None && IsEnd(frame, at);
    }

    /// <summary>The key whose opening quote is the lowest byte; `length` from that quote up to the value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TopKey ReadKey(ulong text, out int length)
    {
        const ulong Type = 0x22_3A_22_65_70_79_74_22; // "type":"
        const ulong Sid = 0x3A_22_64_69_73_22; // "sid":
        const ulong Seq = 0x3A_22_71_65_73_22; // "seq":
        const ulong Msg = 0x3A_22_67_73_6D_22; // "msg":
        const ulong Id = 0x3A_22_64_69_22; // "id":
        const ulong Sending = 0x67_6E_69_64_6E_65_73_22; // "sending
        if (text == Type)
        {
            length = 8;
            return TopKey.Type;
        }

        length = 6;
        switch (text & 0xFFFF_FFFF_FFFF)
        {
            case Sid:
                return TopKey.Sid;
            case Seq:
                return TopKey.Seq;
            case Msg:
                return TopKey.Msg;
        }

        if (text == Sending)
        {
            length = 8;
            return TopKey.SendingMs;
        }

        length = 5;
        return (text & 0xFF_FFFF_FFFF) == Id ? TopKey.Id : TopKey.None;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadName(ReadOnlySpan<byte> frame, ref int at, out FrameType type)
    {
        var rest = frame[at..];
        var length = JsonTokens.PlainLength(rest);
        type = FrameTypes.Find(rest[..length]);
        at += length + 1;
        return length < rest.Length && rest[length] == '"';
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryPassFlat(ReadOnlySpan<byte> frame, ref int at, out JsonValue payload)
    {
        payload = default;
        if ((uint)at >= (uint)frame.Length || frame[at] != '{')
        {
            return false;
        }

        var end = frame[at..].IndexOf((byte)'}');
        if (end < 0)
        {
            return false;
        }

        payload = new JsonValue(JsonKind.Object, false, at, end + 1);
        at += end + 1;
        return true;
    }

    /// <summary>The frame ends here: the bracket, and the newline that the exchange puts behind each frame.</summary>
    private static bool IsEnd(ReadOnlySpan<byte> frame, int at) =>
        (uint)at < (uint)frame.Length && frame[at] == '}' && (at + 1 == frame.Length || (at + 2 == frame.Length && frame[at + 1] == '\n'));

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static FrameOutline Walk(ReadOnlySpan<byte> frame)
    {
        var outline = new FrameOutline();
        var cursor = new JsonCursor(frame);
        var seen = TopKey.None;
        if (!cursor.EnterObject())
        {
            return outline;
        }

        while (cursor.NextKey(out var keyAt) && cursor.ReadValue(out var value))
        {
            var key = FindKey(frame, keyAt);
            if (key == TopKey.None)
            {
                outline.UnknownKeys++;
            }
            else if ((seen & key) != 0)
            {
                outline.HasDuplicate = true;
            }
            else
            {
                seen |= key;
                Set(ref outline, frame, key, value);
            }
        }

        outline.IsJson = cursor.IsAtEnd();
        return outline;
    }

    private static void Set(ref FrameOutline outline, ReadOnlySpan<byte> frame, TopKey key, JsonValue value)
    {
        switch (key)
        {
            case TopKey.Type when value.Kind == JsonKind.String:
                outline.Type = FindType(frame, value);
                break;
            case TopKey.Sid:
                var sid = WholeNumber(frame, value);
                outline.Sid = sid <= int.MaxValue ? (int)sid : 0;
                break;
            case TopKey.Seq:
                outline.Seq = WholeNumber(frame, value);
                break;
            case TopKey.Id:
                outline.Id = WholeNumber(frame, value);
                break;
            case TopKey.SendingMs:
                outline.SendingMs = WholeNumber(frame, value);
                break;
            case TopKey.Msg:
                outline.Payload = value;
                break;
        }
    }

    /// <summary>The number when it is one of up to 16 digits, else 0.</summary>
    private static long WholeNumber(ReadOnlySpan<byte> frame, JsonValue value)
    {
        var at = value.Start;
        long number = 0;
        var isNumber = value.Kind == JsonKind.Number && WireScan.TryReadNumber(frame[..value.End], ref at, out number) && at == value.End;
        return isNumber ? number : 0;
    }

    private static TopKey FindKey(ReadOnlySpan<byte> frame, JsonValue key)
    {
        Span<byte> scratch = stackalloc byte[NameLengthMax];
        var name = Name(frame, key, scratch);
        return name.Length switch
        {
            2 when name.SequenceEqual("id"u8) => TopKey.Id,
            3 when name.SequenceEqual("sid"u8) => TopKey.Sid,
            3 when name.SequenceEqual("seq"u8) => TopKey.Seq,
            3 when name.SequenceEqual("msg"u8) => TopKey.Msg,
            4 when name.SequenceEqual("type"u8) => TopKey.Type,
            13 when name.SequenceEqual("sending_ts_ms"u8) => TopKey.SendingMs,
            14 when name.SequenceEqual("market_tickers"u8) => TopKey.Tickers,
            _ => TopKey.None,
        };
    }

    private static FrameType FindType(ReadOnlySpan<byte> frame, JsonValue value)
    {
        Span<byte> scratch = stackalloc byte[NameLengthMax];
        return FrameTypes.Find(Name(frame, value, scratch));
    }

    /// <summary>Longer than any name we know, were every letter of it an escape.</summary>
    internal const int NameLengthMax = 192;

    /// <summary>The string with its escapes resolved; empty when it is longer than any name we know, or no text.</summary>
    internal static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> frame, JsonValue value, Span<byte> scratch)
    {
        var name = frame.Slice(value.Start, value.Length);
        if (!value.IsEscaped)
        {
            return name;
        }

        return name.Length <= scratch.Length && JsonText.TryUnescape(name, scratch, out var length) ? scratch[..length] : default;
    }

    [Flags]
    private enum TopKey : byte
    {
        None = 0,
        Type = 1,
        Sid = 2,
        Seq = 4,
        Id = 8,
        Msg = 16,
        SendingMs = 32,

        /// <summary>`ok` replies carried it here until February 2026.</summary>
        Tickers = 64,
    }
}
