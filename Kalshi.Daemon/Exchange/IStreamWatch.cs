namespace Kalshi.Daemon.Exchange;

/// <summary>Whoever makes up for what a global channel loses. Called from the subscription's loop.</summary>
internal interface IStreamWatch
{
    /// <summary>The stream may have lost something since it was last good: a gap, an ended sid, an ended session.</summary>
    void Lost();

    /// <summary>The stream runs (again).</summary>
    void Live();

    /// <summary>The stream is whole up to `until` (µs). About once a second.</summary>
    void Good(long until);
}
