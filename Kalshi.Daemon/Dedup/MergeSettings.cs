namespace Kalshi.Daemon.Dedup;

/// <summary>What the merge is told once. Times in µs.</summary>
/// <param name="Gatherers">How many are configured, 1 to <see cref="GatherersMax"/>.</param>
/// <param name="Margin">Bound of how much later, by their clocks, one gatherer may be told of a change than another: skew and delay together.</param>
/// <param name="LagBudget">How long a hole waits for a gatherer that is not there.</param>
internal sealed record MergeSettings(int Gatherers, long Margin, long LagBudget)
{
    public const int GatherersMax = 16;
}
