namespace Kalshi.Daemon.Books;

internal enum CoverageState : byte
{
    /// <summary>Every change in the interval is held.</summary>
    Whole,

    /// <summary>Changes in the interval may be missing.</summary>
    Gap,

    /// <summary>A gap that was filled afterwards (trades by REST; books never).</summary>
    Repaired,
}

/// <summary>
/// A market's (or, for global channels, a channel's) interval of coverage or its absence, in received_at µs. For
/// `Whole` book coverage the interval is exact in the stream as well: from the snapshot (FromSeq) to the epoch's last frame.
/// A `Gap` runs from the last covered received_at to the first covered one after it, both outside of it.
/// </summary>
/// <param name="Channel">orderbook_delta, trade, market_lifecycle_v2, …</param>
/// <param name="ToAt">`long.MaxValue` while still open.</param>
/// <param name="EpochId">0 for a gap.</param>
/// <param name="Reason">Why a gap began, as <see cref="Epoch.EndReason"/>, or "rejected: …", "deleted"; empty for `Whole`.</param>
internal readonly record struct Coverage(string Channel, CoveredMarket Market, long FromAt, long ToAt, long EpochId, long FromSeq, CoverageState State, string Reason)
{
    /// <summary>Empty for a channel subscribed for all markets.</summary>
    public string Ticker => Market.Ticker;
}
