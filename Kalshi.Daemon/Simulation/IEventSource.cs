namespace Kalshi.Daemon.Simulation;

/// <summary>Where events come from: a seed or recordings. Driven by the exchange's thread; offsets are µs since the start.</summary>
internal interface IEventSource
{
    /// <summary>Fills the exchange with its first markets, stamped by the exchange time at which the stream starts.</summary>
    void Populate(SimulatedExchange exchange, long startAt);

    /// <summary>The clock starts to run now (µs UTC): offset 0 of the stream.</summary>
    void Begin(SimulatedExchange exchange, long now);

    /// <summary>When the next thing happens; `long.MaxValue` when the stream is over.</summary>
    long NextAt { get; }

    /// <summary>Does what happens at <see cref="NextAt"/>: one action, usually one to four messages.</summary>
    void Step(SimulatedExchange exchange);

    /// <summary>True when every market that the source wants watched from the beginning is subscribed; see `simulate --start-now`.</summary>
    bool IsWatched(SimulatedExchange exchange);

    /// <summary>Multiplies the rate until the offset (a burst fault).</summary>
    void Burst(double factor, long until);
}
