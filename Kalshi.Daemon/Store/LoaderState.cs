using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Kalshi.Daemon.Store;

/// <summary>
/// A <see cref="BatchBuilder"/> as bytes for kalshid.loader_state: its state as one zstd frame with a checksum. It makes a restart read again
/// only what came since; without it the journal is read from its beginning. States of a million markets are some hundred megabytes,
/// so they are compressed on the fly.
/// </summary>
internal static class LoaderState
{
    /// <summary>Speed counts: the loader waits for it.</summary>
    private const int Level = 1;
    private const int BufferBytes = 1 << 16;

    public static byte[] Save(BatchBuilder builder)
    {
        var bytes = new MemoryStream();
        using (var zstd = new CompressionStream(bytes, Level))
        {
            zstd.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
            using var buffer = new BufferedStream(zstd, BufferBytes);
            builder.Save(buffer);
        }

        return bytes.ToArray();
    }

    /// <summary>Null, with the reason, when the bytes are no state this version can use.</summary>
    public static BatchBuilder? Load(byte[] bytes, Func<long, HashSet<UInt128>> tradeIdsSince, out string? refusal)
    {
        try
        {
            // Its checksum stands at the end: nothing is believed before that was read.
            using (var check = new DecompressionStream(new MemoryStream(bytes)))
            {
                check.CopyTo(Stream.Null);
            }

            refusal = null;
            using var zstd = new DecompressionStream(new MemoryStream(bytes));
            using var buffer = new BufferedStream(zstd, BufferBytes);
            return BatchBuilder.Load(buffer, tradeIdsSince);
        }
        catch (Exception e) when (e is ZstdException or IOException or InvalidDataException)
        {
            refusal = e.Message;
            return null;
        }
    }
}
