using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Verify;

/// <summary>How one market's captured runs lie on its truth.</summary>
/// <remarks>
/// A run must be a contiguous stretch of the truth, value by value, and its snapshot the truth's book at that place. Holes
/// may lie only between runs, before the first and after the last, and only where coverage says gap.
/// <code>
///   truth    a b c d e f g h i j k l m n o p
///   runs         c d e f       j k l ? n          ? = rejected by name: stands for exactly one delta
///            └gap┘     └─ gap ─┘         └gap┘
/// </code>
/// A run is placed by binary search for the exchange time of its first delta and then compared over its whole length: equal
/// stamps and equal deltas need no special care. Only when that fails is it compared like two texts, by the shortest skip after
/// which the next <see cref="Window"/> deltas agree again.
/// </remarks>
internal sealed class Alignment
{
    /// <summary>Deltas that must agree after a difference before the two are taken to run together again.</summary>
    public const int Window = 8;

    /// <summary>Longest skip looked for, on both sides together.</summary>
    public const int SkipMax = 512;

    /// <summary>Differences of one run beyond which no skip is looked for any more.</summary>
    public const int DifferencesMax = 256;

    private readonly TruthMarket _truth;

    /// <summary>By truth position: 1 + the index of the run that holds it, 0 = none, −1 = rejected by name.</summary>
    private readonly int[] _holder;
    private readonly List<Placed> _placed = [];
    private readonly List<Extra> _extras = [];

    public Alignment(TruthMarket truth)
    {
        _truth = truth;
        _holder = new int[truth.Changes.Count];
    }

    /// <summary>A captured delta that found no place, with the truth positions it stood between.</summary>
    public readonly record struct Extra(Change Change, Run Run, int From, int To);

    /// <summary>A run on truth positions [From, To).</summary>
    public readonly record struct Placed(Run Run, int From, int To);

    public IReadOnlyList<Placed> Runs => _placed;

    public List<Extra> Extras => _extras;

    public Span<int> Holder => _holder;

    /// <summary>Deltas that two runs hold.</summary>
    public List<int> HeldTwice { get; } = [];

    /// <summary>Snapshots of runs that are not the truth's book at their place.</summary>
    public List<RunSnapshot> Mismatches { get; } = [];

    /// <summary>Runs in order of their first row; those without a readable delta are fitted between the others.</summary>
    public void Place(IReadOnlyList<Run> runs)
    {
        var cursor = 0;
        foreach (var run in runs)
        {
            if (run.HasReadableChange)
            {
                var from = FindStart(run, cursor);
                var to = Walk(run, from, _placed.Count + 1);
                _placed.Add(new Placed(run, from, to));
                cursor = Math.Max(cursor, to);
            }
            else
            {
                _placed.Add(new Placed(run, -1, -1));
                cursor = EarliestEnd(run, cursor);
            }
        }

        var next = _truth.Changes.Count;
        for (var i = _placed.Count - 1; i >= 0; i--)
        {
            if (_placed[i].From < 0)
            {
                var previous = _placed.FindLastIndex(i, placed => placed.From >= 0);
                PlaceBetween(i, previous < 0 ? 0 : _placed[previous].To, next);
            }

            next = Math.Min(next, _placed[i].From);
        }
    }

    /// <summary>
    /// Where, at the earliest from `cursor` on, the last snapshot of a run without a readable delta can lie: what follows the run lies
    /// behind it, though equal deltas at an equal stamp before it may fit as well.
    /// </summary>
    private int EarliestEnd(Run run, int cursor)
    {
        if (run.Snapshots.Count == 0)
        {
            return cursor;
        }

        for (var place = cursor; place <= _truth.Changes.Count; place++)
        {
            if (HasSnapshotsAt(run, place))
            {
                return place + run.Snapshots[run.Snapshots.Count - 1].Index;
            }
        }

        return cursor;
    }

    /// <summary>The latest place between `low` and `high` where the run's snapshots were the book, so that it explains as little as possible.</summary>
    private void PlaceBetween(int index, int low, int high)
    {
        var run = _placed[index].Run;
        var last = Math.Max(low, high - run.Changes.Count);
        var place = last;
        while (place >= low && !HasSnapshotsAt(run, place))
        {
            place--;
        }

        place = place < low ? last : place;
        _placed[index] = new Placed(run, place, Walk(run, place, index + 1));
    }

    private bool HasSnapshotsAt(Run run, int place)
    {
        foreach (var snapshot in run.Snapshots.Span)
        {
            if (!_truth.HasBookAt(place + snapshot.Index, snapshot.Hash))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Lays the run down from a truth position on; returns where it ends.</summary>
    private int Walk(Run run, int from, int number)
    {
        var changes = run.Changes.Span;
        var truth = _truth.Changes.Span;
        var j = from;
        var differences = 0;
        var snapshot = 0;
        for (var i = 0; i < changes.Length;)
        {
            snapshot = CheckSnapshots(run, snapshot, i, j, differences);
            if (j < truth.Length && (changes[i].IsWildcard || changes[i] == truth[j].Change))
            {
                Hold(j, changes[i].IsWildcard ? -1 : number, truth[j].Ordinal, run);
                i++;
                j++;
                continue;
            }

            var (skipped, missed) = differences++ < DifferencesMax ? FindSkip(changes[i..], truth[j..]) : (1, 0);
            for (var end = i + skipped; i < end; i++)
            {
                if (!changes[i].IsWildcard)
                {
                    _extras.Add(new Extra(changes[i], run, j, j + missed));
                }
            }

            j += missed;
        }

        CheckSnapshots(run, snapshot, changes.Length, j, differences);
        return j;
    }

    private void Hold(int position, int holder, int ordinal, Run run)
    {
        if (_holder[position] <= 0)
        {
            _holder[position] = holder;
        }
        else if (holder > 0)
        {
            HeldTwice.Add(position);
        }

        // A rejected frame may stand at another place than it is thought to: only what was read proves how far the epoch came.
        run.Epoch.ReachOrdinal = holder > 0 ? Math.Max(run.Epoch.ReachOrdinal, ordinal) : run.Epoch.ReachOrdinal;
    }

    /// <summary>Snapshots before the run's delta `index`, which lies at `position`. After a difference the place is no longer certain.</summary>
    private int CheckSnapshots(Run run, int next, int index, int position, int differences)
    {
        for (; next < run.Snapshots.Count && run.Snapshots[next].Index <= index; next++)
        {
            if (differences == 0 && !_truth.HasBookAt(position, run.Snapshots[next].Hash))
            {
                Mismatches.Add(run.Snapshots[next]);
            }
        }

        return next;
    }

    /// <summary>The shortest (captured, truth) skip after which both agree again; (1, 0) when there is none.</summary>
    private static (int Captured, int Truth) FindSkip(ReadOnlySpan<Change> captured, ReadOnlySpan<TruthChange> truth)
    {
        for (var sum = 1; sum <= SkipMax; sum++)
        {
            for (var i = Math.Max(0, sum - truth.Length); i <= Math.Min(sum, captured.Length - 1); i++)
            {
                if (Agree(captured[i..], truth[(sum - i)..]) is { } length && length > 0)
                {
                    return (i, sum - i);
                }
            }
        }

        return (1, 0);
    }

    /// <summary>How many deltas agree, up to <see cref="Window"/>; null when one does not.</summary>
    private static int? Agree(ReadOnlySpan<Change> captured, ReadOnlySpan<TruthChange> truth)
    {
        var length = Math.Min(Window, captured.Length);
        if (truth.Length < length)
        {
            return null;
        }

        for (var i = 0; i < length; i++)
        {
            if (!captured[i].IsWildcard && captured[i] != truth[i].Change)
            {
                return null;
            }
        }

        return length;
    }

    /// <summary>Where the run begins: the first place, from the cursor on if it can be, where all of it fits and its snapshots too.</summary>
    private int FindStart(Run run, int cursor)
    {
        var changes = run.Changes.Span;
        var lead = 0;
        while (changes[lead].IsWildcard)
        {
            lead++;
        }

        var fallback = -1;
        var (first, end) = PositionsAt(changes[lead].ExchangeAt);
        for (var round = 0; round < 2; round++)
        {
            for (var place = first - lead; place + lead < end; place++)
            {
                if (place < 0 || (place >= cursor) != (round == 0) || !Fits(changes, place))
                {
                    continue;
                }

                if (HasSnapshotsAt(run, place))
                {
                    return place;
                }

                fallback = fallback < 0 ? place : fallback;
            }
        }

        return fallback >= 0 ? fallback : FindRoughly(run, changes, cursor);
    }

    /// <summary>The run nowhere fits whole: where its beginning fits best, among the places of its snapshot and of its first few stamps.</summary>
    private int FindRoughly(Run run, ReadOnlySpan<Change> changes, int cursor)
    {
        var best = (Place: Math.Min(cursor, _truth.Changes.Count), Score: -1);
        if (run.StartsWithSnapshot)
        {
            foreach (var snapshot in _truth.Snapshots.Span)
            {
                if (snapshot.Hash == run.Snapshots[0].Hash)
                {
                    best = Better(best, changes, snapshot.Position, bonus: 4);
                }
            }
        }

        for (var i = 0; i < Math.Min(changes.Length, 2 * Window); i++)
        {
            var (first, end) = changes[i].IsWildcard ? (0, 0) : PositionsAt(changes[i].ExchangeAt);
            for (var place = first; place < end; place++)
            {
                if (_truth.Changes[place].Change == changes[i])
                {
                    best = Better(best, changes, Math.Max(0, place - i), bonus: 0);
                }
            }
        }

        return best.Place;
    }

    private (int Place, int Score) Better((int Place, int Score) best, ReadOnlySpan<Change> changes, int place, int bonus)
    {
        var truth = _truth.Changes.Span;
        var score = bonus;
        for (var i = 0; i < Math.Min(changes.Length, 4 * Window) && place + i < truth.Length; i++)
        {
            score += changes[i] == truth[place + i].Change ? 1 : 0;
        }

        return score > best.Score ? (place, score) : best;
    }

    private bool Fits(ReadOnlySpan<Change> changes, int place)
    {
        var truth = _truth.Changes.Span;
        if (place + changes.Length > truth.Length)
        {
            return false;
        }

        truth = truth.Slice(place, changes.Length);
        for (var i = 0; i < changes.Length; i++)
        {
            if (changes[i] != truth[i].Change && !changes[i].IsWildcard)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Positions [first, end) of the deltas with this stamp: within a market stamps never step back.</summary>
    public (int First, int End) PositionsAt(long exchangeAt) => (FirstNotBefore(exchangeAt), FirstNotBefore(exchangeAt + 1));

    private int FirstNotBefore(long exchangeAt) => _truth.Changes.FirstNotBelow(exchangeAt, change => change.Change.ExchangeAt);
}
