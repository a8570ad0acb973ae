namespace Kalshi.Daemon.Dedup;

/// <summary>What is to be done about a market: kept beside it, so that it holds for one that is bytes as well.</summary>
[Flags]
internal enum MarketMarks : byte
{
    /// <summary>Something is to be decided at the end of the turn.</summary>
    Touched = 1,

    /// <summary>It is among those that are looked at again later.</summary>
    Waiting = 2,

    /// <summary>Changed since it was saved last.</summary>
    Dirty = 4,
}
