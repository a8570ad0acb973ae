namespace Kalshi.Daemon.Dedup;

/// <summary>What a version that a gatherer told means for the object's history.</summary>
internal enum ObjectVerdict : byte
{
    /// <summary>No change: it is there.</summary>
    Known,

    /// <summary>A change, and the present state.</summary>
    Newest,

    /// <summary>A change that came late: later ones are known.</summary>
    Older,
}
