using System.Runtime.InteropServices;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Dedup;

/// <summary>Levels of a book with some changes undone. Cold.</summary>
internal static class BookLevels
{
    /// <summary>The book before the changes that led to these levels.</summary>
    public static (Level[] Yes, Level[] No) Undo(ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no, IEnumerable<MarketChange> changes)
    {
        var (yesLevels, noLevels) = (Quantities(yes), Quantities(no));
        foreach (var change in changes)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(change.Side == Side.Yes ? yesLevels : noLevels, change.Price, out _) -= change.Delta;
        }

        return (Levels(yesLevels), Levels(noLevels));
    }

    private static Dictionary<int, long> Quantities(ReadOnlySpan<Level> levels)
    {
        var quantities = new Dictionary<int, long>();
        foreach (var level in levels)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(quantities, level.Price, out _) += level.Quantity;
        }

        return quantities;
    }

    private static Level[] Levels(Dictionary<int, long> quantities) =>
        [.. quantities.Where(level => level.Value != 0).OrderBy(level => level.Key).Select(level => new Level(level.Key, level.Value))];
}
