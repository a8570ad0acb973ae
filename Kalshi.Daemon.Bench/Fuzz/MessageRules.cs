using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Bench.Fuzz;

/// <summary>What must hold of every decoded message, whatever the frame was.</summary>
internal static class MessageRules
{
    /// <summary>Null, or what is wrong.</summary>
    public static string? Broken(Message message) => message.Type switch
    {
        FrameType.OrderbookDelta => IsPrice(message.Price) && message.Side != Side.None && message.Delta != Message.Absent && message.Ticker.Length > 0
            ? null : "decodes to a delta out of range",
        FrameType.OrderbookSnapshot => AreLevels(message.Yes) && AreLevels(message.No) && message.Ticker.Length > 0 ? null : "decodes to levels out of range or order",
        FrameType.Trade => IsPrice(message.YesPrice) && IsPrice(message.NoPrice) && message.Count >= 0 && message.TakerSide != Side.None
            && message.TakerBookSide != TakerBookSide.None && message.TradeId.Length > 0 && message.Ticker.Length > 0 && message.IsBlockTrade is >= -1 and <= 1
            ? null : "decodes to a trade out of range",
        FrameType.Ticker => IsPriceOrAbsent(message.LastPrice) && IsPriceOrAbsent(message.YesBid) && IsPriceOrAbsent(message.YesAsk)
            && message.Volume is >= 0 or Message.Absent && message.YesBidSize is >= 0 or Message.Absent ? null : "decodes to a ticker out of range",
        _ => message.ExchangeAt is Message.Absent or (> -62_135_596_800_000_000 and < 253_402_387_200_000_000) ? null : "decodes to a time out of range",
    };

    /// <summary>A number that differs when any value does (but for bad luck).</summary>
    public static ulong Fingerprint(Message message)
    {
        var sum = 14_695_981_039_346_656_037UL;
        Add(ref sum, (long)message.Type);
        Add(ref sum, message.Sid);
        Add(ref sum, message.Seq);
        Add(ref sum, message.Id);
        Add(ref sum, message.SentAt);
        Add(ref sum, message.ExchangeAt);
        Add(ref sum, message.MarketId.GetHashCode());
        Add(ref sum, message.Payload.Start);
        Add(ref sum, message.Payload.Length);
        Add(ref sum, message.Ticker);
        switch (message.Type)
        {
            case FrameType.OrderbookDelta:
                Add(ref sum, (long)message.Side);
                Add(ref sum, message.Price);
                Add(ref sum, message.Delta);
                break;
            case FrameType.OrderbookSnapshot:
                Add(ref sum, message.Yes);
                Add(ref sum, message.No);
                break;
            case FrameType.Trade:
                Add(ref sum, message.TradeId);
                Add(ref sum, message.YesPrice);
                Add(ref sum, message.NoPrice);
                Add(ref sum, message.Count);
                Add(ref sum, (long)message.TakerSide);
                Add(ref sum, (long)message.TakerBookSide);
                Add(ref sum, message.IsBlockTrade);
                break;
        }

        return sum;
    }

    private static bool IsPrice(int price) => price is >= 0 and <= Decimals.MicroDollarsPerDollar;

    private static bool IsPriceOrAbsent(int price) => IsPrice(price) || price == Message.AbsentPrice;

    private static bool AreLevels(ReadOnlySpan<Level> levels)
    {
        for (var i = 0; i < levels.Length; i++)
        {
            if (!IsPrice(levels[i].Price) || levels[i].Quantity < 0 || (i > 0 && levels[i].Price <= levels[i - 1].Price))
            {
                return false;
            }
        }

        return true;
    }

    private static void Add(ref ulong sum, long value) => sum = (sum ^ (ulong)value) * 0x9E37_79B9_7F4A_7C15;

    private static void Add(ref ulong sum, ReadOnlySpan<byte> text)
    {
        Add(ref sum, text.Length);
        foreach (var letter in text)
        {
            Add(ref sum, letter);
        }
    }

    private static void Add(ref ulong sum, ReadOnlySpan<Level> levels)
    {
        Add(ref sum, levels.Length);
        foreach (var level in levels)
        {
            Add(ref sum, level.Price);
            Add(ref sum, level.Quantity);
        }
    }
}
