using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Bench.Pipeline;

/// <summary>Folds what a reader read into one number, in the units of the system, so that readers can be held against each other.</summary>
internal static class Checksum
{
    public static long Head(long sum, int type, long sid, long seq, long id) => Add(Add(Add(Add(sum, type), sid), seq), id);

    public static long Text(long sum, int length, int first, int last) => Add(Add(Add(sum, length), first), last);

    public static long Message(long sum, Message message)
    {
        var ticker = message.Ticker;
        sum = Head(sum, (int)message.Type, message.Sid, message.Seq, message.Id);
        sum = Text(sum, ticker.Length, ticker[0], ticker[^1]);
        switch (message.Type)
        {
            case FrameType.OrderbookDelta:
                return Delta(sum, message.Side, message.Price, message.Delta, message.ExchangeAt, message.MarketId);
            case FrameType.OrderbookSnapshot:
                return Levels(Levels(sum, message.Yes), message.No);
            default:
                var id = message.TradeId;
                sum = Text(sum, id.Length, id[0], id[^1]);
                return Trade(sum, message.YesPrice, message.NoPrice, message.Count, message.TakerSide, message.TakerBookSide, message.ExchangeAt);
        }
    }

    public static long Delta(long sum, Side side, long price, long delta, long exchangeAt, Guid marketId) =>
        Add(Add(Add(Add(Add(sum, (int)side), price), delta), exchangeAt), marketId.GetHashCode());

    public static long Trade(long sum, long yesPrice, long noPrice, long count, Side takerSide, TakerBookSide bookSide, long exchangeAt) =>
        Add(Add(Add(Add(Add(Add(sum, yesPrice), noPrice), count), (int)takerSide), (int)bookSide), exchangeAt);

    public static long Level(long sum, long price, long quantity) => Add(Add(sum, price), quantity);

    private static long Levels(long sum, ReadOnlySpan<Level> levels)
    {
        foreach (var level in levels)
        {
            sum = Level(sum, level.Price, level.Quantity);
        }

        return sum;
    }

    private static long Add(long sum, long value) => unchecked((sum ^ value) * 0x9E37_79B9_7F4A_7C1);
}
