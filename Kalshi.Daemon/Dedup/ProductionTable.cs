namespace Kalshi.Daemon.Dedup;

/// <summary>The tables a turn copies rows into, whatever it says of the books.</summary>
internal enum ProductionTable : byte
{
    Markets,
    Trades,
    Tickers,
    LifecycleEvents,
    RejectedFrames,

    // staged, and merged before the turn commits
    ExchangeIds,
    MarketChanges,
    EventChanges,
    SeriesChanges,
    ChannelChanges,
    DisagreementChanges,
}

/// <summary>The tables of the books: copied step by step, since a correction applies to what was told before it (<see cref="BookStep"/>).</summary>
internal enum BookTable : byte
{
    Deltas,
    Snapshots,

    // staged, and merged at the end of the step
    CoverageChanges,
    VouchChanges,

    // corrections, staged and applied after that
    Renumberings,
    Joins,
    Withdrawals,
}
