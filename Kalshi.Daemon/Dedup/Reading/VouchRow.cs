namespace Kalshi.Daemon.Dedup.Reading;

/// <summary>A row of kalshid.vouches: the gatherer saw every change with After &lt; key ≤ Last. Times are received_at of that gatherer, µs.</summary>
/// <param name="ToAt">`long.MaxValue` while it goes on.</param>
/// <param name="After"><see cref="ChangeKey.None"/>: before the first change of its stretch.</param>
/// <param name="Last"><see cref="ChangeKey.None"/> while it goes on, or when it saw no change.</param>
internal readonly record struct VouchRow(int Number, int Gatherer, long EpochId, long FromAt, long ToAt, ChangeKey After, ChangeKey Last)
{
    public bool IsOpen => ToAt == long.MaxValue;
}
