using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// What one gatherer covers of a channel for all markets (trade, ticker, market_lifecycle_v2, …): <see cref="Coverage"/> without a ticker. Times are
/// received_at of that gatherer, µs. Identity: (Gatherer, Channel, FromAt, EpochId).
/// </summary>
/// <param name="ToAt">`long.MaxValue` while it goes on; equal to FromAt: a gap that turned out to be none.</param>
/// <param name="EpochId">0 for a gap, also a repaired one.</param>
/// <param name="Reason">Why a gap began; empty for `Whole`, unless the gatherer's store was replaced.</param>
internal readonly record struct ChannelCoverage(int Gatherer, string Channel, long FromAt, long ToAt, long EpochId, CoverageState State, string Reason);
