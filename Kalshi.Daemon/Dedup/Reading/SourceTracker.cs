namespace Kalshi.Daemon.Dedup.Reading;

/// <summary>Who saw each change of a market: asked in order of key. One thread.</summary>
internal sealed class SourceTracker
{
    private readonly List<(ChangeKey After, ChangeKey Last, int Gatherer)> _vouches = [];
    private readonly List<(ChangeKey Last, int Gatherer)> _active = [];
    private int _next;
    private uint _mask;

    /// <summary>Up to this key the mask stays.</summary>
    private ChangeKey _until = ChangeKey.None;

    /// <summary>
    /// A vouch that goes on says nothing of what its gatherer has not been read up to: one that returns late would be named for changes it is still to confirm.
    /// </summary>
    public SourceTracker(ProductionMarket market, ProductionFacts facts)
    {
        foreach (var vouch in market.Vouches)
        {
            if (market.Reach(vouch) is { } reach)
            {
                var read = new ChangeKey(facts.Positions[vouch.Gatherer] + facts.Margin, int.MaxValue);
                _vouches.Add((vouch.After, vouch.IsOpen && read < reach.Last ? read : reach.Last, vouch.Gatherer));
            }
        }

        _vouches.Sort(static (a, b) => a.After.CompareTo(b.After));
    }

    /// <summary>Bits by gatherer.</summary>
    public uint At(ChangeKey key)
    {
        if (key > _until)
        {
            Advance(key);
        }

        return _mask;
    }

    /// <summary>Bits of those who vouch for a place between the two.</summary>
    public uint Between(ChangeKey from, ChangeKey to)
    {
        var mask = 0u;
        foreach (var (after, last, gatherer) in _vouches)
        {
            mask |= after < to && last >= from ? 1u << gatherer : 0;
        }

        return mask;
    }

    private void Advance(ChangeKey key)
    {
        for (; _next < _vouches.Count && _vouches[_next].After < key; _next++)
        {
            _active.Add((_vouches[_next].Last, _vouches[_next].Gatherer));
        }

        _active.RemoveAll(vouch => vouch.Last < key);
        (_mask, _until) = (0, _next < _vouches.Count ? _vouches[_next].After : ProductionMarket.End);
        foreach (var (last, gatherer) in _active)
        {
            _mask |= 1u << gatherer;
            _until = last < _until ? last : _until;
        }
    }
}
