using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Dedup;

/// <summary>How turns are cut and who is waited for. Times in µs.</summary>
/// <param name="Settle">A gatherer that is unreachable for longer, or whose loader is further behind the newest one, is not waited for.</param>
/// <param name="Patience">A gatherer that owes an answer for longer is not waited for.</param>
/// <param name="RowsMax">A turn ends at the first position behind so many rows; as many again may come of gatherers that nobody waits for.</param>
/// <param name="LateTime">A turn tells what these have to say for so long: much of it may be of a time that has to be recalled.</param>
internal sealed record TurnSettings(long Settle, long Patience, int RowsMax, long LateTime = Micros.PerSecond / 2)
{
    public static readonly TurnSettings Usual = new(2 * Micros.PerSecond, 5 * Micros.PerSecond, 200_000);
}
