using System.Runtime.InteropServices;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// Instants of a market where no merge can know every place: a run begins or ends within the instant, and the book is the same at two of its places; or a run lies within
/// it altogether. There production must hold every change as often as some gatherer saw it, and never more often than the exchange made it.
/// </summary>
internal sealed class SoftInstants
{
    private readonly MarketTruth _truth;
    private readonly HashSet<int> _instants = [];

    public SoftInstants(MarketTruth truth, IEnumerable<TruthRun> runs)
    {
        _truth = truth;
        foreach (var run in runs)
        {
            Consider(run);
        }
    }

    public bool Contains(int instant) => _instants.Contains(instant);

    public int Count => _instants.Count;

    /// <summary>How often each different change is among [begin, end).</summary>
    public Dictionary<(Side, int, long), int> Tally(int begin, int end)
    {
        var tally = new Dictionary<(Side, int, long), int>();
        for (var i = begin; i < end; i++)
        {
            var change = _truth.ChangeAt(i, 0);
            CollectionsMarshal.GetValueRefOrAddDefault(tally, (change.Side, change.Price, change.Delta), out _)++;
        }

        return tally;
    }

    private void Consider(TruthRun run)
    {
        if (run.End == run.Begin)
        {
            ConsiderBorder(run.Begin);
            return;
        }

        var (first, last) = (_truth.InstantOf(run.Begin), _truth.InstantOf(run.End - 1));
        if (first == last && run.End - run.Begin < _truth.EndOf(first) - _truth.BeginOf(first))
        {
            _instants.Add(first);
        }

        ConsiderBorder(run.Begin);
        ConsiderBorder(run.End);
    }

    private void ConsiderBorder(int position)
    {
        if (position > 0 && position < _truth.Changes.Count && _truth.InstantOf(position) == _truth.InstantOf(position - 1) && _truth.HasRepeats(_truth.InstantOf(position)))
        {
            _instants.Add(_truth.InstantOf(position));
        }
    }
}
