namespace Kalshi.Daemon.Dedup;

/// <summary>What one gatherer's store told since the start. Written by the thread of the turns, read by any: numbers may be a turn old.</summary>
internal sealed class SourceCounters
{
    public long Deltas;

    /// <summary>Rows of frames other than changes, and versions of objects.</summary>
    public long Others;

    /// <summary>Times that rows were missing in an epoch.</summary>
    public long Missing;

    /// <summary>Rows that were there twice; not told again.</summary>
    public long Doubled;

    /// <summary>Rows of markets that the store does not know; not told.</summary>
    public long UnknownMarkets;

    /// <summary>µs of rows that retention dropped before they were read.</summary>
    public long LostMicros;

    public long Rows => Deltas + Others;
}
