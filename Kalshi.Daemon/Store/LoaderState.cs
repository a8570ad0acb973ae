namespace Kalshi.Daemon.Store;

/// <summary>
/// A <see cref="BatchBuilder"/> as bytes for kalshid.loader_state. It makes a restart read again only what came since; without it the
/// journal is read from its beginning.
/// </summary>
internal static class LoaderState
{
    public static PackedState Save(BatchBuilder builder) => PackedState.Pack(builder.Save);

    /// <summary>Null, with the reason, when the bytes are no state this version can use.</summary>
    public static BatchBuilder? Load(PackedState packed, Func<long, HashSet<UInt128>> tradeIdsSince, out string? refusal)
    {
        try
        {
            refusal = null;
            using var state = packed.Open();
            return BatchBuilder.Load(state, tradeIdsSince);
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            refusal = e.Message;
            return null;
        }
    }
}
