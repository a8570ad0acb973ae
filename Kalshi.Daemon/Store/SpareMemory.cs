namespace Kalshi.Daemon.Store;

/// <summary>When buffers that are used again give memory back. Stateless.</summary>
internal static class SpareMemory
{
    /// <summary>
    /// Halves a buffer above `keptBytes` of which less than a quarter was used; what is in it is lost. By halves, so that one small use between large ones costs little.
    /// Returns whether it did.
    /// </summary>
    public static bool TryHalve(ref byte[] bytes, int used, int keptBytes)
    {
        if (bytes.Length <= keptBytes || used >= bytes.Length / 4)
        {
            return false;
        }

        bytes = new byte[bytes.Length / 2];
        return true;
    }
}
