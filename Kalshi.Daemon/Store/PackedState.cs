using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Kalshi.Daemon.Store;

/// <summary>
/// A consumer's memory as bytes for the database: one zstd frame with a checksum, made on the fly, since a million markets are some hundred
/// megabytes. Stateless.
/// </summary>
internal static class PackedState
{
    /// <summary>Speed counts: the consumer waits for it.</summary>
    private const int Level = 1;
    private const int BufferBytes = 1 << 16;

    public static byte[] Pack(Action<Stream> write)
    {
        var bytes = new MemoryStream();
        using (var zstd = new CompressionStream(bytes, Level))
        {
            zstd.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
            using var buffer = new BufferedStream(zstd, BufferBytes);
            write(buffer);
        }

        return bytes.ToArray();
    }

    /// <summary>
    /// What was packed. Its checksum stands at the end, so everything is read once before anything is believed. Throws
    /// <see cref="InvalidDataException"/> when the bytes are damaged.
    /// </summary>
    public static Stream Open(byte[] bytes)
    {
        try
        {
            using var check = new DecompressionStream(new MemoryStream(bytes));
            check.CopyTo(Stream.Null);
        }
        catch (Exception e) when (e is ZstdException or IOException)
        {
            throw new InvalidDataException(e.Message, e);
        }

        return new BufferedStream(new DecompressionStream(new MemoryStream(bytes)), BufferBytes);
    }
}
