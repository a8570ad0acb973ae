using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>How long a JSON token is, by RFC 8259. Thread-safe, allocates nothing.</summary>
internal static class JsonTokens
{
    /// <summary>Bytes before the first quote, backslash or control character; all of them when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PlainLength(ReadOnlySpan<byte> text)
    {
        var at = 0;
        while (text.Length - at >= Vector256<byte>.Count)
        {
            var chunk = Vector256.Create(text.Slice(at, Vector256<byte>.Count));
            var stops = Vector256.Equals(chunk, Vector256.Create((byte)'"')) | Vector256.Equals(chunk, Vector256.Create((byte)'\\'))
                | Vector256.LessThan(chunk, Vector256.Create((byte)0x20));
            var bits = stops.ExtractMostSignificantBits();
            if (bits != 0)
            {
                return at + BitOperations.TrailingZeroCount(bits);
            }

            at += Vector256<byte>.Count;
        }

        while (at < text.Length && text[at] >= 0x20 && text[at] != '"' && text[at] != '\\')
        {
            at++;
        }

        return at;
    }

    /// <summary>The length of the escape that `text` starts with; 0 when it is none.</summary>
    public static int EscapeLength(ReadOnlySpan<byte> text)
    {
        if (text.Length < 2)
        {
            return 0;
        }

        if (text[1] != 'u')
        {
            return @"""\/bfnrt"u8.Contains(text[1]) ? 2 : 0;
        }

        return text.Length >= 6 && char.IsAsciiHexDigit((char)text[2]) && char.IsAsciiHexDigit((char)text[3])
            && char.IsAsciiHexDigit((char)text[4]) && char.IsAsciiHexDigit((char)text[5]) ? 6 : 0;
    }

    /// <summary>
    /// number = [ "-" ] ( "0" / digit1-9 *DIGIT ) [ "." 1*DIGIT ] [ ( "e" / "E" ) [ "-" / "+" ] 1*DIGIT ]: the length of the one
    /// that `text` starts with; 0 when it is none.
    /// </summary>
    public static int NumberLength(ReadOnlySpan<byte> text)
    {
        var at = ByteAt(text, 0) == '-' ? 1 : 0;
        if (ByteAt(text, at) == '0')
        {
            at++;
        }
        else if (!PassDigits(text, ref at))
        {
            return 0;
        }

        if (ByteAt(text, at) == '.')
        {
            at++;
            if (!PassDigits(text, ref at))
            {
                return 0;
            }
        }

        if (ByteAt(text, at) is 'e' or 'E')
        {
            at += ByteAt(text, at + 1) is '+' or '-' ? 2 : 1;
            if (!PassDigits(text, ref at))
            {
                return 0;
            }
        }

        return at;
    }

    private static bool PassDigits(ReadOnlySpan<byte> text, ref int at)
    {
        var start = at;
        while ((uint)(ByteAt(text, at) - '0') <= 9)
        {
            at++;
        }

        return at > start;
    }

    private static int ByteAt(ReadOnlySpan<byte> text, int at) => (uint)at < (uint)text.Length ? text[at] : -1;
}
