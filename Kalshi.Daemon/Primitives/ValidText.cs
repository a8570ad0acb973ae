using System.Text;
using System.Text.Unicode;

namespace Kalshi.Daemon.Primitives;

/// <summary>Text for stores: they want UTF-8, and some readers stop at the first that is not; the journal keeps the bytes as they came.</summary>
internal static class ValidText
{
    /// <summary>The text itself, or with U+FFFD for each invalid sequence.</summary>
    public static ReadOnlySpan<byte> Of(ReadOnlySpan<byte> text) =>
        Utf8.IsValid(text) ? text : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text));
}
