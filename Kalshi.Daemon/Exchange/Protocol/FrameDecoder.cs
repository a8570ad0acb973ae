namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>How a decode ended. `Unknown` (a type we do not know) is harmless; `Rejected` names its reason.</summary>
internal enum DecodeVerdict : byte
{
    Decoded,
    Unknown,
    Rejected,
}

/// <summary>
/// Frames into <see cref="Message"/>s: current decimal strings and the 2025 wire (integer cents, unix seconds) give the same
/// values; where both forms are present the strings win. Unknown fields are skipped and counted. Not thread-safe: one
/// decoder per consumer.
/// </summary>
internal sealed class FrameDecoder
{
    public Message Message { get; } = new();

    /// <summary>After <see cref="DecodeVerdict.Rejected"/>: a constant sentence such as "orderbook_delta: price_dollars is missing".</summary>
    public string Reason { get; private set; } = "";

    /// <summary>Fields seen that the decoder does not know, over its life.</summary>
    public long UnknownFields { get; private set; }

    /// <summary>
    /// Decodes one frame. `useYesPrice` is the flag of the subscription the frame belongs to: when true a no price is the
    /// yes price of that level and is turned into its own leg (1 − p). Head fields, Ticker and Payload are set as far as
    /// they could be read even when the frame is rejected. Never throws for any bytes; allocates nothing in steady state.
    /// </summary>
    public DecodeVerdict Decode(ReadOnlySpan<byte> frame, bool useYesPrice) => throw new NotImplementedException();

    /// <summary>
    /// Decodes one element of the `trades` array of a GET /markets/trades (or /historical/trades) page into
    /// <see cref="Message"/> as a trade (Type Trade, Sid and Seq 0; `ticker` and `created_time` as REST names them).
    /// </summary>
    public DecodeVerdict DecodeRestTrade(ReadOnlySpan<byte> element) => throw new NotImplementedException();
}
