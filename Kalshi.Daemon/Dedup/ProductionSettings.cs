using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Dedup;

/// <summary>What the writing of production is told once.</summary>
/// <param name="Gatherers">Names of the gatherers in the configuration, in order.</param>
/// <param name="Timescale">auto, on or off: whether a new database uses the extension.</param>
/// <param name="Writers">Connections that write at once, from 1: turns that may be under way beside the one that is merged.</param>
/// <param name="Timeout">Of one turn, from its first byte to its commit, at its first try: see <see cref="Store.BatchPatience"/>.</param>
/// <param name="Margin">As <see cref="MergeSettings.Margin"/>, µs: told to those who read production.</param>
internal sealed record ProductionSettings(IReadOnlyList<string> Gatherers, string Timescale, int Writers, TimeSpan Timeout, long Margin)
{
    public static ProductionSettings Of(Options options) => new(
        [.. options.Gatherers.Select(gatherer => gatherer.Name)], options.ProductionTimescale, Writers: 1, options.DedupTimeout, Micros.FromTimeSpan(options.DedupMargin));
}
