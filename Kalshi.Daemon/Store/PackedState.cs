using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Kalshi.Daemon.Store;

/// <summary>
/// A consumer's memory as bytes for the database: one zstd frame with a checksum, made on the fly and never in one piece, since that of a million markets
/// is some hundred megabytes. Immutable.
/// </summary>
/// <param name="parts">In order, cut anywhere; <see cref="Pack"/> makes them of 1 MiB, but for the last.</param>
internal sealed class PackedState(IReadOnlyList<byte[]> parts)
{
    /// <summary>Speed counts: the consumer waits for it.</summary>
    private const int Level = 1;
    private const int BufferBytes = 1 << 16;

    public IReadOnlyList<byte[]> Parts => parts;

    public long Bytes => parts.Sum(static part => part.LongLength);

    /// <summary>In one piece, for what is small.</summary>
    public byte[] ToArray()
    {
        if (parts is [var whole])
        {
            return whole;
        }

        var bytes = new byte[Bytes];
        var at = 0;
        foreach (var part in parts)
        {
            part.CopyTo(bytes, at);
            at += part.Length;
        }

        return bytes;
    }

    /// <summary>`write` is called at once.</summary>
    public static PackedState Pack(Action<Stream> write)
    {
        var packed = new PartStream();
        using (var zstd = new CompressionStream(packed, Level))
        {
            zstd.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
            using var buffer = new BufferedStream(zstd, BufferBytes);
            write(buffer);
        }

        return new PackedState(packed.Parts());
    }

    /// <summary>
    /// What was packed. Its checksum stands at the end, so everything is read once before anything is believed. Throws
    /// <see cref="InvalidDataException"/> when the bytes are damaged.
    /// </summary>
    public Stream Open()
    {
        try
        {
            using var check = new DecompressionStream(new PartStream(parts));
            check.CopyTo(Stream.Null);
        }
        catch (Exception e) when (e is ZstdException or IOException)
        {
            throw new InvalidDataException(e.Message, e);
        }

        return new BufferedStream(new DecompressionStream(new PartStream(parts)), BufferBytes);
    }
}
