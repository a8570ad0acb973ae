using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup.Reading;

/// <summary>What production says of one market beside its changes: stretches, gaps, who vouches for what, snapshots. Reused. One thread.</summary>
internal sealed class ProductionMarket
{
    /// <summary>Behind every change.</summary>
    public static readonly ChangeKey End = new(long.MaxValue, int.MaxValue);

    /// <summary>As stored, in order of number.</summary>
    public readonly List<ProductionCoverage> Coverage = [];
    public readonly List<VouchRow> Vouches = [];

    /// <summary>In order of place; of one place in order of arrival. Those before the first change of their coverage row come first.</summary>
    public readonly List<MergedSnapshot> Snapshots = [];

    /// <summary>Stretches that hold changes, in order; by <see cref="Arrange"/>.</summary>
    public readonly List<ProductionCoverage> Stretches = [];

    public void Clear()
    {
        Coverage.Clear();
        Vouches.Clear();
        Snapshots.Clear();
        Stretches.Clear();
    }

    /// <summary>Call when all rows are there.</summary>
    public void Arrange()
    {
        Stretches.Clear();
        Stretches.AddRange(Coverage.Where(row => row.State == CoverageState.Whole && !row.First.IsNone));
        Stretches.Sort(static (a, b) => a.First.CompareTo(b.First));
    }

    /// <summary>The last change a stretch may hold.</summary>
    public static ChangeKey EndOf(in ProductionCoverage stretch) => stretch.ToAt == long.MaxValue ? End : stretch.Last;

    /// <summary>Index of the first stretch that ends behind the place; −1 when there is none.</summary>
    public int StretchBehind(ChangeKey after)
    {
        for (var i = 0; i < Stretches.Count; i++)
        {
            if (EndOf(Stretches[i]) > after)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>
    /// The stretch in which a vouch says something, and the last change it may speak of there: one that goes on says nothing of later stretches. Null
    /// when it saw no change.
    /// </summary>
    public (int Stretch, ChangeKey Last)? Reach(in VouchRow vouch)
    {
        if (vouch.IsOpen ? vouch.After.IsNone : vouch.Last <= vouch.After)
        {
            return null;
        }

        var index = StretchBehind(vouch.After.IsNone ? new ChangeKey(vouch.Last.At, vouch.Last.Ordinal - 1) : vouch.After);
        return index < 0 ? null : (index, vouch.IsOpen ? EndOf(Stretches[index]) : vouch.Last);
    }
}
