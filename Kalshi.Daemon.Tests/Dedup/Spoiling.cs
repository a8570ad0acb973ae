using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// What a merge must not do, done to what a merge did: each returns the calls of one market with a single thing wrong, or null where there is no such thing. Rows keep what a database would refuse otherwise.
/// </summary>
internal static class Spoiling
{
    public static readonly (string Name, Func<List<BookOutput>, Random, List<BookOutput>?> Spoil)[] All =
    [
        ("a change is lost", Lose),
        ("a change is doubled", Double),
        ("two changes are swapped", Swap),
        ("a change has another stamp", MoveStamp),
        ("a change has another ordinal", MoveOrdinal),
        ("a change is altered", Alter),
        ("a loss lies within a stretch", HideGap),
        ("a vouch begins too early", VouchTooEarly),
        ("a vouch ends too late", VouchTooLate),
        ("a snapshot is altered", AlterSnapshot),
        ("a stretch reaches over a loss", StretchTime),
    ];

    private static List<BookOutput>? Lose(List<BookOutput> calls, Random random)
    {
        var lost = Pick(calls, random, changed => !IsBorder(calls, changed.Key));
        return lost is null ? null : [.. calls.Where(call => call != lost).Select(call => Shift(call, lost.Key, -1))];
    }

    private static List<BookOutput>? Double(List<BookOutput> calls, Random random)
    {
        var doubled = Pick(calls, random, changed => !IsBorder(calls, changed.Key));
        if (doubled is null)
        {
            return null;
        }

        var spoiled = calls.Select(call => Shift(call, doubled.Key, 1)).ToList();
        spoiled.Insert(spoiled.IndexOf(doubled) + 1, doubled with { Key = doubled.Key with { Ordinal = doubled.Key.Ordinal + 1 } });
        return spoiled;
    }

    private static List<BookOutput>? Swap(List<BookOutput> calls, Random random)
    {
        var first = Pick(calls, random, changed => Next(calls, changed) is { } next && !Says(next, changed.Change));
        if (first is null)
        {
            return null;
        }

        var second = Next(calls, first)!;
        BookOutput.Changed With(BookOutput.Changed place, MarketChange what) =>
            place with { Change = place.Change with { Side = what.Side, Price = what.Price, Delta = what.Delta } };
        return Replace(Replace(calls, first, With(first, second.Change)), second, With(second, first.Change));
    }

    private static List<BookOutput>? MoveStamp(List<BookOutput> calls, Random random)
    {
        var moved = Pick(calls, random, changed => !IsBorder(calls, changed.Key) && changed.Key.Ordinal == 0 && Next(calls, changed) is { } next && next.Key.At > changed.Key.At + 1);
        return moved is null ? null : Replace(calls, moved, new BookOutput.Changed(moved.Market, moved.Key with { At = moved.Key.At + 1 }, moved.Change with { At = moved.Key.At + 1 }));
    }

    private static List<BookOutput>? MoveOrdinal(List<BookOutput> calls, Random random)
    {
        var moved = Pick(calls, random, changed => !IsBorder(calls, changed.Key) && Next(calls, changed) is { } next && next.Key.At != changed.Key.At);
        return moved is null ? null : Replace(calls, moved, moved with { Key = moved.Key with { Ordinal = moved.Key.Ordinal + 1 } });
    }

    private static List<BookOutput>? Alter(List<BookOutput> calls, Random random)
    {
        var altered = Pick(calls, random, _ => true);
        return altered is null ? null : Replace(calls, altered, altered with { Change = altered.Change with { Delta = altered.Change.Delta + 1 } });
    }

    /// <summary>Two stretches are said to be one, without the gap between them.</summary>
    private static List<BookOutput>? HideGap(List<BookOutput> calls, Random random)
    {
        var stretches = Stretches(calls);
        if (stretches.Length < 2)
        {
            return null;
        }

        var place = random.Next(stretches.Length - 1);
        var (before, behind) = (stretches[place], stretches[place + 1]);
        var joined = before with { Row = before.Row with { ToAt = behind.Row.ToAt, Last = behind.Row.Last } };
        return [.. Replace(calls, before, joined).Where(call => call != behind).Select(call => call is BookOutput.Snapshot snapshot && snapshot.Number == behind.Row.Number
            ? snapshot with { Number = before.Row.Number, After = snapshot.After.IsNone ? before.Row.Last : snapshot.After }
            : call)];
    }

    private static List<BookOutput>? VouchTooEarly(List<BookOutput> calls, Random random)
    {
        var changes = calls.OfType<BookOutput.Changed>().ToArray();
        var vouch = Any(calls.OfType<BookOutput.Vouched>().Where(vouched => vouched.Row.After.At > changes[0].Key.At), random);
        return vouch is null ? null : Replace(calls, vouch, new BookOutput.Vouched(vouch.Row with { After = changes[0].Key with { Ordinal = -1 } }));
    }

    private static List<BookOutput>? VouchTooLate(List<BookOutput> calls, Random random)
    {
        var last = calls.OfType<BookOutput.Changed>().Last().Key;
        var ended = Any(calls.OfType<BookOutput.VouchEnded>().Where(ended => ended.Last.At < last.At), random);
        return ended is null ? null : Replace(calls, ended, ended with { Last = last });
    }

    private static List<BookOutput>? AlterSnapshot(List<BookOutput> calls, Random random)
    {
        var altered = Any(calls.OfType<BookOutput.Snapshot>().Where(snapshot => snapshot.Yes.Length > 0), random);
        return altered is null ? null : Replace(calls, altered, altered with { Yes = [altered.Yes[0] with { Quantity = altered.Yes[0].Quantity + 1 }, .. altered.Yes[1..]] });
    }

    private static List<BookOutput>? StretchTime(List<BookOutput> calls, Random random)
    {
        var stretches = Stretches(calls);
        var closed = Any(stretches.Where((stretch, place) => place + 1 < stretches.Length && stretches[place + 1].Row.First.At > stretch.Row.Last.At), random);
        if (closed is null)
        {
            return null;
        }

        var next = stretches[Array.IndexOf(stretches, closed) + 1];
        return Replace(calls, closed, new BookOutput.Covered(closed.Row with { ToAt = next.Row.First.At }));
    }

    private static BookOutput.Covered[] Stretches(List<BookOutput> calls) => [.. calls.OfType<BookOutput.Covered>().Where(call => call.Row is { State: CoverageState.Whole, First.IsNone: false })];

    /// <summary>Borders are named by coverage rows and vouches: what is spoiled there shows at once.</summary>
    private static bool IsBorder(List<BookOutput> calls, ChangeKey key) =>
        Stretches(calls).Any(stretch => stretch.Row.First == key || stretch.Row.Last == key) || key == calls.OfType<BookOutput.Changed>().Last().Key;

    private static BookOutput.Changed? Pick(List<BookOutput> calls, Random random, Func<BookOutput.Changed, bool> isFit) => Any(calls.OfType<BookOutput.Changed>().Where(isFit), random);

    private static T? Any<T>(IEnumerable<T> from, Random random)
        where T : class
    {
        var all = from.ToArray();
        return all.Length == 0 ? null : all[random.Next(all.Length)];
    }

    private static BookOutput.Changed? Next(List<BookOutput> calls, BookOutput.Changed changed) => calls.OfType<BookOutput.Changed>().FirstOrDefault(other => other.Key > changed.Key);

    private static bool Says(BookOutput.Changed one, MarketChange other) => one.Change.Side == other.Side && one.Change.Price == other.Price && one.Change.Delta == other.Delta;

    private static List<BookOutput> Replace(List<BookOutput> calls, BookOutput old, BookOutput by) => [.. calls.Select(call => call == old ? by : call)];

    /// <summary>Everything at the instant behind the key gets another ordinal, so that only what was done to the key itself is wrong.</summary>
    private static BookOutput Shift(BookOutput call, ChangeKey behind, int by)
    {
        ChangeKey Shifted(ChangeKey key) => key.At == behind.At && key > behind ? key with { Ordinal = key.Ordinal + by } : key;
        return call switch
        {
            BookOutput.Changed changed => changed with { Key = Shifted(changed.Key) },
            BookOutput.Snapshot snapshot => snapshot with { After = Shifted(snapshot.After) },
            BookOutput.Covered { Row: var row } => new BookOutput.Covered(row with { First = Shifted(row.First), Last = Shifted(row.Last) }),
            BookOutput.Vouched { Row: var row } => new BookOutput.Vouched(row with { After = Shifted(row.After) }),
            BookOutput.VouchEnded ended => ended with { Last = Shifted(ended.Last) },
            _ => call,
        };
    }
}
