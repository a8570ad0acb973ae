namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Seeded markets: bursts, many changes of one stamp, changes that cancel each other out, exact duplicates, pauses, markets where nothing happens.</summary>
internal sealed class TruthGenerator
{
    /// <summary>When every seed begins.</summary>
    public const long StartAt = 1_790_000_000_000_000;

    private readonly Recipe _recipe;
    private readonly Random _random;
    private readonly List<TruthChange> _changes = [];
    private readonly long[] _book = new long[MarketTruth.Slots];
    private long _now;

    private TruthGenerator(Recipe recipe, Random random) => (_recipe, _random) = (recipe, random);

    public static MarketTruth[] Make(Recipe recipe) =>
        [.. Enumerable.Range(1, recipe.Markets).Select(id => new TruthGenerator(recipe, new Random((recipe.Seed * 7_919) + id)).MakeMarket(id))];

    private MarketTruth MakeMarket(int id)
    {
        var appearsAt = StartAt + (_random.NextDouble() < 0.7 ? 0 : _random.NextInt64(_recipe.Duration / 2));
        var opening = new long[MarketTruth.Slots];
        for (var slot = 0; slot < opening.Length; slot++)
        {
            opening[slot] = _random.NextDouble() < 0.6 ? _random.Next(1, 500) : 0;
        }

        opening.CopyTo(_book, 0);
        var (endAt, count) = (StartAt + _recipe.Duration, Count());
        _now = appearsAt;
        var pace = Math.Max(1, (endAt - appearsAt) / Math.Max(1, count));
        while (_changes.Count < count)
        {
            _now += Pause(pace);
            if (_now >= endAt)
            {
                break;
            }

            Step();
        }

        var isCleared = _random.NextDouble() < 0.15;
        var clearedAt = isCleared ? Math.Max(_now, endAt - _random.NextInt64(_recipe.Duration / 3)) + 1 : long.MaxValue;
        return new MarketTruth(id, appearsAt, opening, _changes, clearedAt);
    }

    private int Count() => _random.NextDouble() switch
    {
        < 0.08 => 0,
        < 0.14 => 1,
        < 0.25 => _random.Next(2, 12),
        _ => _random.Next(_recipe.ChangesMax / 4, _recipe.ChangesMax),
    };

    private long Pause(long pace) => _random.NextDouble() switch
    {
        < 0.25 => 0,
        < 0.55 => _random.Next(1, 2_000),
        < 0.98 => _random.NextInt64(3 * pace),
        _ => _random.NextInt64(40_000_000),
    };

    private void Step()
    {
        var kind = _random.NextDouble();
        var amount = _random.Next(1, 300);
        var slot = _random.Next(MarketTruth.Slots);
        if (kind < _recipe.BulkShare)
        {
            for (var count = _random.Next(2, 41); count > 0; count--)
            {
                Change();
            }
        }
        else if (kind < _recipe.BulkShare + (_recipe.PairShare / 2))
        {
            Add(slot, amount);
            Add(slot, -amount);
        }
        else if (kind < _recipe.BulkShare + _recipe.PairShare)
        {
            Add(slot, amount);
            _now += _random.Next(1, 3_000);
            Add(slot, -amount);
        }
        else if (kind > 0.95)
        {
            for (var count = _random.Next(2, 5); count > 0; count--)
            {
                Add(slot, amount);
            }
        }
        else
        {
            Change();
        }
    }

    private void Change()
    {
        var slot = _random.Next(MarketTruth.Slots);
        Add(slot, _book[slot] > 0 && _random.NextDouble() < 0.55 ? -_random.NextInt64(1, _book[slot] + 1) : _random.Next(1, 500));
    }

    private void Add(int slot, long delta)
    {
        var at = _recipe.AreStampsCut ? _now / 1_000 * 1_000 : _now;
        at = _changes.Count > 0 ? Math.Max(at, _changes[^1].At) : at;
        _changes.Add(new TruthChange(at, _now, slot, delta));
        _book[slot] += delta;
    }
}
