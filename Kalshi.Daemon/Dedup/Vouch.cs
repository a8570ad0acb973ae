namespace Kalshi.Daemon.Dedup;

/// <summary>
/// A gatherer saw every change of a market with After &lt; key ≤ Last, and nothing between them. Times are received_at of that gatherer, µs.
/// </summary>
/// <param name="Number">Unique within the market, from 1; identity of the row.</param>
/// <param name="ToAt">`long.MaxValue` while it goes on, and then `Last` is not known yet (<see cref="ChangeKey.None"/>).</param>
internal readonly record struct Vouch(int Market, int Number, int Gatherer, long EpochId, long FromAt, long ToAt, ChangeKey After, ChangeKey Last, string Reason);
