using System.IO.Hashing;
using System.Text.Json;

namespace Kalshi.Daemon.Registry;

/// <summary>
/// What counts as a change of a market, event or series, as a hash of its JSON. Quotes, volumes and the time of the last update do
/// not: every traded market would have a row a sweep, and the ticker stream tells them better. One thread.
/// </summary>
internal sealed class ObjectContent
{
    private readonly XxHash3 _hash = new();

    /// <summary>`payload`: a valid JSON object.</summary>
    public ulong HashOf(ReadOnlySpan<byte> payload)
    {
        _hash.Reset();
        var reader = new Utf8JsonReader(payload);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.ValueSpan;
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (!IsVolatile(name))
            {
                _hash.Append(name);
                _hash.Append(payload[start..(int)reader.BytesConsumed]);
            }
        }

        return _hash.GetCurrentHashAsUInt64();
    }

    private static bool IsVolatile(ReadOnlySpan<byte> name) =>
        name.StartsWith("yes_bid"u8) || name.StartsWith("yes_ask"u8) || name.StartsWith("no_bid"u8) || name.StartsWith("no_ask"u8)
        || name.StartsWith("last_price"u8) || name.StartsWith("previous_"u8) || name.StartsWith("volume"u8) || name.StartsWith("open_interest"u8)
        || name.StartsWith("liquidity"u8) || name.StartsWith("last_updated"u8) || name.SequenceEqual("updated_time"u8);
}
