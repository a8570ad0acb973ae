using Kalshi.Daemon.Dedup;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Production's rows of one market.</summary>
internal sealed class MarketProduction
{
    private readonly List<(ChangeKey Key, MarketChange Change)> _changes = [];
    private readonly List<BookOutput.Snapshot> _snapshots = [];

    /// <summary>In order of their keys.</summary>
    public IReadOnlyList<(ChangeKey Key, MarketChange Change)> Changes => _changes;

    /// <summary>In order of writing.</summary>
    public IReadOnlyList<BookOutput.Snapshot> Snapshots => _snapshots;

    public SortedDictionary<int, ProductionCoverage> Coverage { get; } = [];

    public SortedDictionary<int, Vouch> Vouches { get; } = [];

    public SortedDictionary<int, BookOutput.VouchEnded> VouchEnds { get; } = [];

    public SortedDictionary<int, Disagreement> Disagreements { get; } = [];

    public void Apply(BookOutput entry)
    {
        switch (entry)
        {
            case BookOutput.Changed changed: Insert(changed); break;
            case BookOutput.Snapshot snapshot: _snapshots.Add(snapshot); break;
            case BookOutput.Covered { Row: var row }: Coverage[row.Number] = row; break;
            case BookOutput.CoverageRemoved removed: RemoveCoverage(removed.Number); break;
            case BookOutput.Vouched { Row: var row }: Vouches[row.Number] = row; break;
            case BookOutput.VouchEnded ended: EndVouch(ended); break;
            case BookOutput.Disagreed { Row: var row }: Disagreements[row.Number] = row; break;
            case BookOutput.Renumbered renumbered: Renumber(renumbered); break;
            case BookOutput.Joined joined: Join(joined); break;
            case BookOutput.Withdrawn withdrawn: Withdraw(withdrawn); break;
        }
    }

    /// <summary>Index of the first change whose key is not less.</summary>
    public int FindFirst(ChangeKey key)
    {
        var (low, high) = (0, _changes.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _changes[middle].Key < key ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private void Insert(BookOutput.Changed changed)
    {
        var index = FindFirst(changed.Key);
        Check(index == _changes.Count || _changes[index].Key != changed.Key, "the key is there already");
        Check(changed.Key.At == changed.Change.At && changed.Key.Ordinal >= 0, "the key is not the change's");
        _changes.Insert(index, (changed.Key, changed.Change));
    }

    private void RemoveCoverage(int number)
    {
        Check(Coverage.Remove(number), "there is no such coverage row");
        Check(_snapshots.TrueForAll(snapshot => snapshot.Number != number), "snapshots refer to the coverage row");
    }

    private void EndVouch(BookOutput.VouchEnded ended)
    {
        Check(Vouches.ContainsKey(ended.Number), "there is no such vouch");
        VouchEnds[ended.Number] = ended;
    }

    private void Renumber(BookOutput.Renumbered renumbered)
    {
        ChangeKey Shift(ChangeKey key, int first) =>
            key.At == renumbered.At && key.Ordinal >= first && key.Ordinal < renumbered.First + renumbered.Count ? key with { Ordinal = key.Ordinal + renumbered.By } : key;
        var begin = FindFirst(new ChangeKey(renumbered.At, renumbered.First));
        var end = FindFirst(new ChangeKey(renumbered.At, renumbered.First + renumbered.Count));
        Check(end - begin == renumbered.Count, "there are not as many changes");
        for (var i = begin; i < end; i++)
        {
            _changes[i] = (Shift(_changes[i].Key, renumbered.First), _changes[i].Change);
        }

        Check(end == _changes.Count || end == begin || _changes[end - 1].Key < _changes[end].Key, "the new keys are there already");
        for (var i = 0; i < _snapshots.Count; i++)
        {
            _snapshots[i] = _snapshots[i] with { After = Shift(_snapshots[i].After, renumbered.First) };
        }

        foreach (var row in Coverage.Values.ToArray())
        {
            Coverage[row.Number] = row with { First = Shift(row.First, renumbered.First), Last = Shift(row.Last, renumbered.First) };
        }

        foreach (var row in Vouches.Values.ToArray())
        {
            Vouches[row.Number] = row with { After = Shift(row.After, renumbered.First - 1) };
        }

        foreach (var row in VouchEnds.Values.ToArray())
        {
            VouchEnds[row.Number] = row with { Last = Shift(row.Last, renumbered.First) };
        }
    }

    private void Join(BookOutput.Joined joined)
    {
        Check(Coverage.ContainsKey(joined.Number) && Coverage.ContainsKey(joined.Into), "there are no such coverage rows");
        for (var i = 0; i < _snapshots.Count; i++)
        {
            var snapshot = _snapshots[i];
            if (snapshot.Number == joined.Number)
            {
                _snapshots[i] = snapshot with { Number = joined.Into, After = snapshot.After.IsNone ? joined.Opening : snapshot.After };
            }
        }
    }

    private void Withdraw(BookOutput.Withdrawn withdrawn)
    {
        _changes.RemoveAll(row => row.Key > withdrawn.After && row.Key <= withdrawn.Last);
        _snapshots.RemoveAll(snapshot => snapshot.After > withdrawn.After && snapshot.After <= withdrawn.Last);
    }

    private static void Check(bool holds, string sentence)
    {
        if (!holds)
        {
            throw new InvalidOperationException(sentence);
        }
    }
}
