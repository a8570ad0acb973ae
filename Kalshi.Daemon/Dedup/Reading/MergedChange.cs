using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Dedup.Reading;

/// <summary>A row of production's orderbook_deltas.</summary>
internal readonly record struct MergedChange(int Market, ChangeKey Key, long ReceivedAt, Side Side, int Price, long Delta);
