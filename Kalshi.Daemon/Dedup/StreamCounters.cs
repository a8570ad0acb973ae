namespace Kalshi.Daemon.Dedup;

/// <summary>What the merges of the streams did since their start: rows told by gatherers, and those that are production's. Written by their thread; read by others for display.</summary>
internal sealed class StreamCounters
{
    public long Trades;
    public long TradesProduced;

    public long Tickers;
    public long TickersProduced;

    public long Lifecycle;
    public long LifecycleProduced;

    public long Objects;
    public long ObjectsProduced;

    /// <summary>Pieces of production that were read again, because a gatherer told of their time.</summary>
    public long Recalls;
}
