using System.IO.Hashing;
using ZstdSharp;

namespace Kalshi.Daemon.Store;

/// <summary>
/// A <see cref="BatchBuilder"/> as bytes for kalshid.loader_state: zstd of { its state, XxHash64 }. It makes a restart read again only what
/// came since; without it the journal is read from its beginning.
/// </summary>
internal static class LoaderState
{
    private const int HashBytes = 8;

    /// <summary>States of a million markets are some hundred megabytes; fast compression takes the zeros out.</summary>
    private const int Level = 1;

    public static byte[] Save(BatchBuilder builder)
    {
        using var state = new MemoryStream();
        builder.Save(state);
        state.Write(XxHash64.Hash(state.GetBuffer().AsSpan(0, (int)state.Length)));
        using var compressor = new Compressor(Level);
        return compressor.Wrap(state.GetBuffer().AsSpan(0, (int)state.Length)).ToArray();
    }

    /// <summary>Null, with the reason, when the bytes are no state this version can use.</summary>
    public static BatchBuilder? Load(byte[] bytes, Func<long, HashSet<UInt128>> tradeIdsSince, out string? refusal)
    {
        try
        {
            using var decompressor = new Decompressor();
            var state = decompressor.Unwrap(bytes).ToArray();
            var body = state.AsSpan(0, Math.Max(0, state.Length - HashBytes));
            if (!XxHash64.Hash(body).AsSpan().SequenceEqual(state.AsSpan(body.Length)))
            {
                refusal = "its checksum does not fit";
                return null;
            }

            refusal = null;
            return BatchBuilder.Load(new MemoryStream(state, 0, body.Length), tradeIdsSince);
        }
        catch (Exception e) when (e is ZstdException or IOException or InvalidDataException)
        {
            refusal = e.Message;
            return null;
        }
    }
}
