namespace Kalshi.Daemon.Simulation;

/// <summary>What a seeded stream is made of.</summary>
/// <param name="Markets">Open markets at the start, combos not counted.</param>
/// <param name="Rate">Messages a second over the whole exchange, on average; 0 = as fast as it is asked.</param>
/// <param name="DurationMicros">Stream length; `long.MaxValue` = endless.</param>
/// <param name="FramesMax">Stops after so many produced messages.</param>
/// <param name="WaveMicros">Distance of the waves of new markets; each wave closes when the next opens.</param>
/// <param name="HugeLevels">Levels a side of the first market's book, for snapshots of megabytes; 0 = an ordinary one.</param>
/// <param name="PinStamps">Stamps count from the time given to Populate even when the clock starts later.</param>
internal sealed record SeededSettings(
    ulong Seed, int Markets, int Combos, long Rate, long DurationMicros, long FramesMax, long WaveMicros, int WaveMarkets, int HugeLevels = 0, bool PinStamps = false);
