using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Store;

/// <summary>
/// Rows of a store's stream tables → the fields of a <see cref="Message"/>, all but the ticker. Each method reads the row the buffer stands on. Allocates
/// nothing once the message's buffers have grown. Thread-safe as far as its arguments are.
/// </summary>
internal static class RowMessages
{
    public static (long EpochId, long Seq, int Market) ReadSnapshot(CopyRows rows, Message message)
    {
        message.Type = FrameType.OrderbookSnapshot;
        var (epochId, seq, market) = (rows.Time(), rows.Int64(), rows.Int32());
        ReadLevels(rows, ref message._yes);
        ReadLevels(rows, ref message._no);
        return (epochId, seq, market);
    }

    /// <summary>Epoch and number are 0 for a backfilled one.</summary>
    public static (long EpochId, long Seq, int Market) ReadTrade(CopyRows rows, Message message, out bool isBackfilled)
    {
        var (epochId, seq) = (rows.Time(0), rows.Int64(0));
        message.ExchangeAt = rows.Time(Message.Absent);
        return (epochId, seq, ReadTradeValues(rows, message, out isBackfilled));
    }

    /// <summary>Behind exchange_at. Returns the market.</summary>
    public static int ReadTradeValues(CopyRows rows, Message message, out bool isBackfilled)
    {
        message.Type = FrameType.Trade;
        message.Count = rows.Int64();
        var market = rows.Int32();
        (message.YesPrice, message.NoPrice) = (rows.Int32(), rows.Int32());
        message.TakerSide = SideOf(rows.Byte());
        message.TakerBookSide = rows.Byte() switch { (byte)'b' => TakerBookSide.Bid, (byte)'a' => TakerBookSide.Ask, _ => TakerBookSide.None };
        isBackfilled = rows.Byte() == 'b';
        message.IsBlockTrade = rows.Bool();
        message._tradeId.Set(rows.Bytes());
        return market;
    }

    /// <summary>Returns the market.</summary>
    public static int ReadTicker(CopyRows rows, Message message)
    {
        message.ExchangeAt = rows.Time(Message.Absent);
        return ReadTickerValues(rows, message);
    }

    /// <summary>Behind exchange_at. Returns the market.</summary>
    public static int ReadTickerValues(CopyRows rows, Message message)
    {
        message.Type = FrameType.Ticker;
        message.YesBidSize = rows.Int64(Message.Absent);
        message.YesAskSize = rows.Int64(Message.Absent);
        message.LastTradeSize = rows.Int64(Message.Absent);
        message.Volume = rows.Int64(Message.Absent);
        message.OpenInterest = rows.Int64(Message.Absent);
        message.DollarVolume = rows.Int64(Message.Absent);
        message.DollarOpenInterest = rows.Int64(Message.Absent);
        var market = rows.Int32();
        message.LastPrice = rows.Int32(Message.AbsentPrice);
        message.YesBid = rows.Int32(Message.AbsentPrice);
        message.YesAsk = rows.Int32(Message.AbsentPrice);
        return market;
    }

    /// <summary>Epoch, number and market are 0 where there is none. The payload is valid until the rows are filled again; the message's Payload spans it.</summary>
    public static (long EpochId, long Seq, int Market) ReadNumberedLifecycle(CopyRows rows, Message message, out ReadOnlySpan<byte> payload)
    {
        var (epochId, seq) = (rows.Time(0), rows.Int64(0));
        return (epochId, seq, ReadLifecycle(rows, message, out payload));
    }

    /// <summary>Without epoch and number, as production has it. Returns the market, 0 where there is none. The payload as above.</summary>
    public static int ReadLifecycle(CopyRows rows, Message message, out ReadOnlySpan<byte> payload)
    {
        var market = rows.Int32(0);
        message.Type = FrameTypes.Find(rows.Bytes());
        message._eventType.Set(rows.Bytes());
        message._eventTicker.Set(rows.Bytes());
        message.ExchangeAt = Message.Absent;
        payload = rows.Bytes();
        message.Payload = (0, payload.Length);
        return market;
    }

    public static Side SideOf(byte side) => side switch { (byte)'y' => Side.Yes, (byte)'n' => Side.No, _ => Side.None };

    public static void ReadLevels(CopyRows rows, ref LevelBuffer levels)
    {
        var prices = rows.Elements(out var count);
        var sizes = rows.Elements(out var sizeCount);
        levels.Clear();
        for (var i = 0; i < Math.Min(count, sizeCount); i++)
        {
            levels.Add(new Level(CopyRows.Element32(prices, i), CopyRows.Element64(sizes, i)));
        }
    }
}
