using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// A market's interval of production, in the exchange's time (µs). `Whole`: a stretch of the stream between whose changes nothing lies. `Gap`:
/// between two stretches, or behind the last one, changes may be missing. `Repaired`: it was a gap; what is there replays to
/// the snapshot behind it.
/// </summary>
/// <param name="Number">Unique within the market, from 1; identity of the row.</param>
/// <param name="ToAt">`long.MaxValue` while it goes on.</param>
/// <param name="First">Of a stretch: its first change; <see cref="ChangeKey.None"/> while there is none, and for gaps.</param>
/// <param name="Last">Of a stretch that does not go on: its last change.</param>
/// <param name="Reason">Why a stretch ended or a gap began; empty while it goes on.</param>
internal readonly record struct ProductionCoverage(
    int Market, int Number, CoverageState State, long FromAt, long ToAt, ChangeKey First, ChangeKey Last, string Reason);
