namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Identity and place of a change within its market: the exchange's stamp (µs), and the how manieth change of the market it is at that
/// instant, from 0. Stamps never step back within a market, so keys are in stream order.
/// </summary>
internal readonly record struct ChangeKey(long At, int Ordinal) : IComparable<ChangeKey>
{
    /// <summary>Before every change.</summary>
    public static readonly ChangeKey None = new(long.MinValue, 0);

    public bool IsNone => At == long.MinValue;

    public int CompareTo(ChangeKey other) => At != other.At ? At.CompareTo(other.At) : Ordinal.CompareTo(other.Ordinal);

    public static bool operator <(ChangeKey left, ChangeKey right) => left.CompareTo(right) < 0;

    public static bool operator >(ChangeKey left, ChangeKey right) => left.CompareTo(right) > 0;

    public static bool operator <=(ChangeKey left, ChangeKey right) => left.CompareTo(right) <= 0;

    public static bool operator >=(ChangeKey left, ChangeKey right) => left.CompareTo(right) >= 0;
}
