using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Dedup;

/// <summary>One change of a market's book as one gatherer received it. `At`: the exchange's stamp, µs, never <see cref="Message.Absent"/>; `ReceivedAt`: µs of that gatherer's clock.</summary>
internal readonly record struct MarketChange(long At, long ReceivedAt, Side Side, int Price, long Delta)
{
    /// <summary>Whether the exchange said the same: everything but when it was received.</summary>
    public bool IsSame(in MarketChange other) => At == other.At && Side == other.Side && Price == other.Price && Delta == other.Delta;
}
