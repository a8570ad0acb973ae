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
        if (!IsSpare(bytes.Length, used, keptBytes))
        {
            return false;
        }

        bytes = new byte[bytes.Length / 2];
        return true;
    }

    /// <summary>Empties a stream, with half its memory under the same conditions.</summary>
    public static void Empty(MemoryStream stream, int keptBytes)
    {
        var isSpare = IsSpare(stream.Capacity, stream.Length, keptBytes);
        stream.SetLength(0);
        if (isSpare)
        {
            stream.Capacity /= 2;
        }
    }

    private static bool IsSpare(int size, long used, int keptBytes) => size > keptBytes && used < size / 4;
}
