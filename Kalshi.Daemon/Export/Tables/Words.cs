using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>Values of the protocol as the tables spell them; empty is null.</summary>
internal static class Words
{
    public static ReadOnlySpan<byte> Side(Side side) => side switch { Exchange.Protocol.Side.Yes => "yes"u8, Exchange.Protocol.Side.No => "no"u8, _ => default };

    public static ReadOnlySpan<byte> BookSide(TakerBookSide side) => side switch { TakerBookSide.Bid => "bid"u8, TakerBookSide.Ask => "ask"u8, _ => default };

    /// <summary>A price the frame may lack.</summary>
    public static long Price(int price) => price == Message.AbsentPrice ? IntegerColumn.Null : price;
}
