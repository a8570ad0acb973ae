using System.IO.Hashing;
using System.Text.Json;

namespace Kalshi.Daemon.Registry;

/// <summary>
/// What was last written of each market, event and series, as hashes: a sweep that finds an object unchanged makes no row. Quotes,
/// volumes and the time of the last update do not count as changes: every traded market would have a row a sweep, and the
/// ticker stream tells them better.
/// <b>Bound</b>: about 50 bytes an object, for as many as the exchange lists. Saved with the export's state.
/// </summary>
internal sealed class ObjectVersions
{
    private readonly Dictionary<UInt128, ulong> _versions = [];
    private readonly XxHash3 _hash = new();

    /// <summary>Takes note of an object, `payload` being valid JSON; false when it is known with the same content.</summary>
    public bool IsNew(byte kind, ReadOnlySpan<byte> ticker, ReadOnlySpan<byte> payload)
    {
        var key = XxHash128.HashToUInt128(ticker, kind);
        var version = VersionOf(payload);
        if (_versions.TryGetValue(key, out var known) && known == version)
        {
            return false;
        }

        _versions[key] = version;
        return true;
    }

    private ulong VersionOf(ReadOnlySpan<byte> payload)
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

    public void Save(BinaryWriter writer)
    {
        writer.Write(_versions.Count);
        foreach (var (key, version) in _versions)
        {
            writer.Write((ulong)(key >> 64));
            writer.Write((ulong)key);
            writer.Write(version);
        }
    }

    public void Load(BinaryReader reader)
    {
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            var key = new UInt128(reader.ReadUInt64(), reader.ReadUInt64());
            _versions[key] = reader.ReadUInt64();
        }
    }
}
