using System.IO.Hashing;

namespace Kalshi.Daemon.Registry;

/// <summary>
/// What was last written of each market, event and series, as hashes (<see cref="ObjectContent"/>): a sweep that finds an object unchanged makes no row.
/// <b>Bound</b>: about 50 bytes an object, for as many as the exchange lists. Saved with the export's state.
/// </summary>
internal sealed class ObjectVersions
{
    private readonly Dictionary<UInt128, ulong> _versions = [];
    private readonly ObjectContent _content = new();

    /// <summary>Takes note of an object, `payload` being valid JSON; false when it is known with the same content.</summary>
    public bool IsNew(byte kind, ReadOnlySpan<byte> ticker, ReadOnlySpan<byte> payload)
    {
        var key = XxHash128.HashToUInt128(ticker, kind);
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
