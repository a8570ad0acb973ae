using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Dedup.Reading;

/// <summary>A row of production's orderbook_snapshots: the book after the change `After` of coverage row `Number`; <see cref="ChangeKey.None"/>: before its first.</summary>
internal sealed record MergedSnapshot(int Number, ChangeKey After, long ReceivedAt, Level[] Yes, Level[] No);
