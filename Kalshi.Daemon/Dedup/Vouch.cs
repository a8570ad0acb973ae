namespace Kalshi.Daemon.Dedup;

/// <summary>
/// A gatherer saw every change of a market behind `After`, and nothing between them, until <see cref="IBookOutput.OnVouchEnded"/> says up to which change that held.
/// </summary>
/// <param name="Number">Unique within the market, from 1; identity of the row.</param>
/// <param name="FromAt">received_at of that gatherer, µs: since when it watched.</param>
/// <param name="After">The change it saw first has a greater key; its ordinal may be −1. <see cref="ChangeKey.None"/> while it opened a stretch and has seen no change: told again then.</param>
internal readonly record struct Vouch(int Market, int Number, int Gatherer, long EpochId, long FromAt, ChangeKey After);
