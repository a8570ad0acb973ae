using System.IO.Hashing;

namespace Kalshi.Daemon.Registry;

/// <summary>
/// What was last written of each market, event and series, as hashes (<see cref="ObjectContent"/>): a sweep that finds an object unchanged makes no row.
/// <b>Bound</b>: about 30 bytes an object, for as many as the exchange lists. Saved with the export's state.
/// </summary>
internal sealed class ObjectVersions
{
    /// <summary>By half a hash of 128 bits: among ten million objects two share one with a chance of 3 in a million.</summary>
    private readonly Dictionary<ulong, ulong> _versions = [];
    private readonly ObjectContent _content = new();

    /// <summary>Takes note of an object, `payload` being valid JSON; false when it is known with the same content.</summary>
    public bool IsNew(byte kind, ReadOnlySpan<byte> ticker, ReadOnlySpan<byte> payload)
    {
        var key = (ulong)XxHash128.HashToUInt128(ticker, kind);
        var version = _content.HashOf(payload);
        if (_versions.TryGetValue(key, out var known) && known == version)
        {
            return false;
        }

        _versions[key] = version;
        return true;
    }

    public void Save(BinaryWriter writer)
    {
        writer.Write(_versions.Count);
        foreach (var (key, version) in _versions)
        {
            writer.Write(0UL); // The other half, once; states of that time are read as well.
            writer.Write(key);
            writer.Write(version);
        }
    }

    public void Load(BinaryReader reader)
    {
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            reader.ReadUInt64();
            _versions[reader.ReadUInt64()] = reader.ReadUInt64();
        }
    }
}
