using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Verify;

/// <summary>One delta's identity within its market: all that truth and capture must agree on. 24 bytes.</summary>
/// <param name="PriceAndSide">price · 4 + side; <see cref="Wildcard"/> for a frame that was rejected by name.</param>
internal readonly record struct Change(long ExchangeAt, long Delta, int PriceAndSide)
{
    /// <summary>Stands for exactly one delta whose values are in the journal but could not be read.</summary>
    public static readonly Change Wildcard = new(0, 0, -1);

    public Change(long exchangeAt, Side side, int price, long delta)
        : this(exchangeAt, delta, (price << 2) | (int)side)
    {
    }

    public bool IsWildcard => PriceAndSide == -1;

    public Side Side => (Side)(PriceAndSide & 3);

    public int Price => PriceAndSide >> 2;
}
