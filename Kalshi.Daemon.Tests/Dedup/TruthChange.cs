namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>One change of a market as the exchange made it. Times in µs; `Slot`: the level, see <see cref="MarketTruth"/>.</summary>
/// <param name="At">The stamp it carries.</param>
/// <param name="MadeAt">When it was sent; the stamp may be cut.</param>
/// <param name="IsUnstamped">Its frames carry no stamp; `At` is that of the change before.</param>
internal readonly record struct TruthChange(long At, long MadeAt, int Slot, long Delta, bool IsUnstamped = false);
