namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>Reads a frame's head and skips `msg`; a targeted scan for the shapes the exchange sends, `Utf8JsonReader` for the rest.</summary>
internal static class FrameHeadReader
{
    /// <summary>Never throws, never allocates, for any bytes whatever. Thread-safe.</summary>
    public static FrameHead Read(ReadOnlySpan<byte> frame) => throw new NotImplementedException();
}
