namespace Kalshi.Daemon.Dedup;

/// <summary>What an <see cref="ObjectMerge"/> holds.</summary>
/// <param name="Keep">Versions older than this (µs) are forgotten, but for an object's newest two.</param>
/// <param name="CountMax">More objects than this are forgotten, those that changed the longest ago first.</param>
internal readonly record struct ObjectBounds(long Keep, int CountMax);
