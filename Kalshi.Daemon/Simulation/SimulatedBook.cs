using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// One market's order book and what trading leaves behind. Levels ascend by own-leg price; both sides are bids, so the book
/// is uncrossed while best yes + best no &lt; 1. Created when the market first moves: a dormant market needs none.
/// </summary>
internal sealed class SimulatedBook
{
    public const int Dollar = 1_000_000;

    private Level[] _yes = [];
    private Level[] _no = [];
    private int _yesCount;
    private int _noCount;

    public int LastPrice;
    public long LastTradeSize;
    public long Volume;
    public long OpenInterest;

    /// <summary>Micro-dollars times hundredths, summed over trades: whole dollars are this over 10⁸.</summary>
    public Int128 Turnover;

    /// <summary>Top of book as the last ticker frame said it; a ticker is due when it differs.</summary>
    public (int Bid, int Ask) TickerTop;

    public ReadOnlySpan<Level> Yes => _yes.AsSpan(0, _yesCount);

    public ReadOnlySpan<Level> No => _no.AsSpan(0, _noCount);

    public ReadOnlySpan<Level> Of(Side side) => side == Side.Yes ? Yes : No;

    public Level BestYes => _yesCount == 0 ? default : _yes[_yesCount - 1];

    public Level BestNo => _noCount == 0 ? default : _no[_noCount - 1];

    /// <summary>What the yes side pays to buy at once: 1 − best no bid; a dollar when nobody bids no.</summary>
    public int YesAsk => Dollar - BestNo.Price;

    public void Clear() => (_yesCount, _noCount) = (0, 0);

    public long QuantityAt(Side side, int price)
    {
        var levels = Of(side);
        var at = Find(levels, price);
        return at < 0 ? 0 : levels[at].Quantity;
    }

    /// <summary>Adds `delta` to the level, which appears or vanishes as needed. False, and nothing done, when it would go below zero.</summary>
    public bool TryApply(Side side, int price, long delta) =>
        side == Side.Yes ? TryApply(ref _yes, ref _yesCount, price, delta) : TryApply(ref _no, ref _noCount, price, delta);

    /// <summary>Adds a level above all others of its side: how initial books are built.</summary>
    public void Append(Side side, Level level)
    {
        ref var levels = ref side == Side.Yes ? ref _yes : ref _no;
        ref var count = ref side == Side.Yes ? ref _yesCount : ref _noCount;
        Insert(ref levels, ref count, count, level);
    }

    private static bool TryApply(ref Level[] levels, ref int count, int price, long delta)
    {
        var at = Find(levels.AsSpan(0, count), price);
        if (at < 0)
        {
            if (delta <= 0)
            {
                return false;
            }

            Insert(ref levels, ref count, ~at, new Level(price, delta));
            return true;
        }

        var quantity = levels[at].Quantity + delta;
        if (quantity < 0)
        {
            return false;
        }

        if (quantity > 0)
        {
            levels[at] = new Level(price, quantity);
            return true;
        }

        levels.AsSpan(at + 1, count - at - 1).CopyTo(levels.AsSpan(at));
        count--;
        return true;
    }

    private static void Insert(ref Level[] levels, ref int count, int at, Level level)
    {
        if (count == levels.Length)
        {
            Array.Resize(ref levels, Math.Max(8, count * 2));
        }

        levels.AsSpan(at, count - at).CopyTo(levels.AsSpan(at + 1));
        levels[at] = level;
        count++;
    }

    /// <summary>Index of the price, or the complement of where it belongs.</summary>
    private static int Find(ReadOnlySpan<Level> levels, int price)
    {
        var low = 0;
        var high = levels.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) >>> 1;
            var found = levels[middle].Price;
            if (found == price)
            {
                return middle;
            }

            if (found < price)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return ~low;
    }
}
