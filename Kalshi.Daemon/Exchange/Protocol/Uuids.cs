namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>uuid = 8HEX "-" 4HEX "-" 4HEX "-" 4HEX "-" 12HEX. Thread-safe, allocates nothing.</summary>
internal static class Uuids
{
    public const int Length = 36;

    public static bool TryParse(ReadOnlySpan<byte> text, out Guid uuid) =>
        System.Buffers.Text.Utf8Parser.TryParse(text, out uuid, out var used, 'D') && used == text.Length;
}
