using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>JSON string escapes → UTF-8. Thread-safe, allocates nothing.</summary>
internal static class JsonText
{
    /// <summary>
    /// Resolves the escapes of a string that <see cref="JsonCursor"/> has passed. The result is never longer than the source.
    /// False for what no UTF-8 text can hold: half a surrogate pair, or bytes that are not UTF-8 to begin with.
    /// </summary>
    public static bool TryUnescape(ReadOnlySpan<byte> source, Span<byte> target, out int length)
    {
        var written = 0;
        for (var at = 0; at < source.Length;)
        {
            if (source[at] != '\\')
            {
                target[written++] = source[at++];
            }
            else if (source[at + 1] != 'u')
            {
                target[written++] = Short(source[at + 1]);
                at += 2;
            }
            else if (TryReadRune(source[at..], out var rune, out var used))
            {
                written += rune.EncodeToUtf8(target[written..]);
                at += used;
            }
            else
            {
                length = 0;
                return false;
            }
        }

        length = written;
        return System.Text.Unicode.Utf8.IsValid(target[..written]);
    }

    private static byte Short(byte letter) => letter switch
    {
        (byte)'b' => 8,
        (byte)'f' => 12,
        (byte)'n' => 10,
        (byte)'r' => 13,
        (byte)'t' => 9,
        _ => letter,
    };

    private static bool TryReadRune(ReadOnlySpan<byte> source, out Rune rune, out int used)
    {
        used = 6;
        var first = Unit(source);
        if (!char.IsHighSurrogate(first))
        {
            return Rune.TryCreate(first, out rune);
        }

        rune = default;
        used = 12;
        return source.Length >= 12 && source[6] == '\\' && source[7] == 'u' && Rune.TryCreate(first, Unit(source[6..]), out rune);
    }

    private static char Unit(ReadOnlySpan<byte> escape) =>
        ushort.TryParse(escape.Slice(2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit)
            ? (char)unit : '\uD800';
}
