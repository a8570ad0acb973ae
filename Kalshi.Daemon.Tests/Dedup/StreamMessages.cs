using System.Globalization;
using System.Text;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Rows ↔ messages. A ticker's content is one number, which all its values follow; the other contents are trade_id and payload.</summary>
internal static class StreamMessages
{
    /// <summary>As the merge is told, from one message that is used again and again, as sources do.</summary>
    public static void Tell(this StreamRow row, IStreamInput input, int gatherer, Message message)
    {
        Fill(row, message);
        var bytes = Encoding.UTF8.GetBytes(row.Content);
        switch (row.StreamKind)
        {
            case StreamKind.Trade:
                input.OnTrade(gatherer, row.Market, row.ReceivedAt, message, isBackfilled: row.Flag);
                break;
            case StreamKind.Ticker:
                input.OnTicker(gatherer, row.Market, row.ReceivedAt, message);
                break;
            case StreamKind.Lifecycle:
                input.OnLifecycle(gatherer, row.Market, row.ReceivedAt, message, bytes);
                break;
            default:
                input.OnObject(gatherer, ObjectKind.Market, row.Market, row.ReceivedAt, ItemOf(row.Market), bytes, "rest"u8);
                break;
        }
    }

    /// <summary>As production tells it again.</summary>
    public static void Recall(this StreamRow row, IStreamOutput into, Message message)
    {
        Fill(row, message);
        var bytes = Encoding.UTF8.GetBytes(row.Content);
        switch (row.StreamKind)
        {
            case StreamKind.Trade:
                into.OnTrade(row.Market, row.At, row.ReceivedAt, message, isBackfilled: false);
                break;
            case StreamKind.Ticker:
                into.OnTicker(row.Market, row.At, row.ReceivedAt, message);
                break;
            case StreamKind.Lifecycle:
                into.OnLifecycle(row.Market, row.ReceivedAt, message, bytes);
                break;
            default:
                into.OnObject(ObjectKind.Market, row.Market, row.ReceivedAt, ItemOf(row.Market), bytes, "rest"u8, isNewest: false);
                break;
        }
    }

    public static string ContentOf(Message ticker) => ticker.Volume.ToString(CultureInfo.InvariantCulture);

    private static RegistryObject ItemOf(int market)
    {
        var item = new RegistryObject();
        item.Clear();
        item.Ticker.Set(Encoding.UTF8.GetBytes($"KX-{market}"));
        return item;
    }

    private static void Fill(StreamRow row, Message message)
    {
        message.ExchangeAt = row.At;
        switch (row.StreamKind)
        {
            case StreamKind.Trade:
                message.Type = FrameType.Trade;
                message._tradeId.Set(Encoding.UTF8.GetBytes(row.Content));
                break;
            case StreamKind.Ticker:
                message.Type = FrameType.Ticker;
                message.Volume = long.Parse(row.Content, CultureInfo.InvariantCulture);
                message.LastPrice = message.YesBid = message.YesAsk = (int)message.Volume * 10_000;
                message.YesBidSize = message.YesAskSize = message.LastTradeSize = Message.Absent;
                message.OpenInterest = message.DollarVolume = message.DollarOpenInterest = message.Volume * 3;
                break;
            case StreamKind.Lifecycle:
                message.Type = FrameType.MarketLifecycle;
                message._eventType.Set("activated"u8);
                message._eventTicker.Clear();
                break;
        }
    }
}
