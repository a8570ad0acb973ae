using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Dedup;

/// <summary>What production knew when it was opened: all of the same turn.</summary>
/// <param name="Turn">The last turn; 0 in a new database.</param>
/// <param name="Watermark">µs; 0 before the first turn.</param>
/// <param name="Gatherers">
/// Every gatherer that production knows, by index: those of the configuration, and others that it met earlier (nobody tells of them now). The
/// merges' gatherers are these, and as many.
/// </param>
/// <param name="Markets">Those that production knows.</param>
/// <param name="State">The merges' whole memory as of <paramref name="StateTurn"/>; null when none was ever stored.</param>
/// <param name="Log">What each turn after that one changed, in order, up to <paramref name="Turn"/>.</param>
internal sealed record ProductionStart(
    long Turn, long Watermark, IReadOnlyList<KnownGatherer> Gatherers, ProductionMarkets Markets, PackedState? State, long StateTurn, IReadOnlyList<PackedState> Log)
{
    /// <summary>
    /// Tells the merges' memory: the whole state once, if there is one, then each turn's log, as they were written. Throws what those throw, and
    /// <see cref="InvalidDataException"/> for damaged bytes.
    /// </summary>
    public void Restore(Action<Stream> readState, Action<Stream> readLog)
    {
        if (State is { } packed)
        {
            using var state = packed.Open();
            readState(state);
        }

        foreach (var turn in Log)
        {
            using var log = turn.Open();
            readLog(log);
        }
    }
}

/// <summary>A gatherer as production knows it: its place in the list is its index.</summary>
internal sealed record KnownGatherer(string Name, GathererPosition Position);
