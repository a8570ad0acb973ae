namespace Kalshi.Daemon.Primitives;

/// <summary>Signed numbers as unsigned ones that are small for what is near 0, on either side: 0, −1, 1, −2, … become 0, 1, 2, 3, … Stateless.</summary>
internal static class ZigZag
{
    public static ulong Encode(long value) => (ulong)((value << 1) ^ (value >> 63));

    public static long Decode(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);
}
