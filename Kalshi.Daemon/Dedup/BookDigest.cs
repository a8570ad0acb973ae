using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// A book in 64 bits: the sum over its levels of quantity × a random odd number of the level, modulo 2⁶⁴. A change moves it by the same
/// amount whatever the level held before, so a stream's digest is kept without a book, and runs backwards too. Equal books have equal
/// digests; different ones do not, but for a chance of 2⁻⁶⁴.
/// </summary>
internal static class BookDigest
{
    /// <summary>Of an empty book.</summary>
    public const ulong Empty = 0;

    /// <summary>By how much a change moves the digest.</summary>
    public static ulong Of(Side side, int price, long delta) => (ulong)delta * Weight(side, price);

    public static ulong Of(in MarketChange change) => Of(change.Side, change.Price, change.Delta);

    public static ulong Of(ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        ulong digest = 0;
        foreach (var level in yes)
        {
            digest += Of(Side.Yes, level.Price, level.Quantity);
        }

        foreach (var level in no)
        {
            digest += Of(Side.No, level.Price, level.Quantity);
        }

        return digest;
    }

    /// <summary>SplitMix64 of the level, made odd so that no quantity is lost.</summary>
    private static ulong Weight(Side side, int price)
    {
        var x = ((ulong)side << 32) + (uint)price + 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return (x ^ (x >> 31)) | 1;
    }
}
