namespace Kalshi.Daemon.Dedup;

/// <summary>What an <see cref="InstanceWindow"/> holds. Times in µs.</summary>
/// <param name="Span">Of a bucket: what is forgotten, and recalled, at once.</param>
/// <param name="Keep">What is further behind the newest row and the watermark than this is forgotten.</param>
/// <param name="CountMax">More instances than this are forgotten earlier, the oldest first.</param>
internal readonly record struct WindowBounds(long Span, long Keep, int CountMax);
