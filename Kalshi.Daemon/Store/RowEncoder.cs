using System.Text.Json;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Store;

/// <summary>One message, one row: fields in the column order of <see cref="StoreTables"/>. Stateless.</summary>
internal static class RowEncoder
{
    public static void Delta(CopyBuffer to, in RowOrigin origin, Message message, int marketId) =>
        to.Delta(origin.ReceivedAt, message.ExchangeAt, origin.EpochId, origin.Seq, message.Delta, marketId, message.Price, SideChar(message.Side));

    public static void Snapshot(CopyBuffer to, in RowOrigin origin, Message message, int marketId)
    {
        to.BeginRow(8);
        to.Time(origin.ReceivedAt);
        to.Time(origin.EpochId);
        to.Long(origin.Seq);
        to.Int(marketId);
        to.Prices(message.Yes);
        to.Sizes(message.Yes);
        to.Prices(message.No);
        to.Sizes(message.No);
    }

    public static void Trade(CopyBuffer to, in RowOrigin origin, Message message, int marketId, bool isBackfill)
    {
        to.BeginRow(13);
        to.Time(origin.ReceivedAt);
        to.TimeOrNull(message.ExchangeAt);
        Epoch(to, isBackfill ? default : origin);
        TradeValues(to, message, marketId, isBackfill);
    }

    /// <summary>The last nine columns of a trade, alike in every store.</summary>
    public static void TradeValues(CopyBuffer to, Message message, int marketId, bool isBackfill)
    {
        to.Long(message.Count);
        to.Int(marketId);
        to.Int(message.YesPrice);
        to.Int(message.NoPrice);
        to.Char(SideChar(message.TakerSide));
        to.Char(message.TakerBookSide switch { TakerBookSide.Bid => (byte)'b', TakerBookSide.Ask => (byte)'a', _ => (byte)0 });
        to.Char(isBackfill ? (byte)'b' : (byte)'s');
        if (message.IsBlockTrade < 0)
        {
            to.Null();
        }
        else
        {
            to.Flag(message.IsBlockTrade == 1);
        }

        to.Text(message.TradeId);
    }

    public static void Ticker(CopyBuffer to, in RowOrigin origin, Message message, int marketId)
    {
        to.BeginRow(13);
        to.Time(origin.ReceivedAt);
        to.TimeOrNull(message.ExchangeAt);
        TickerValues(to, message, marketId);
    }

    /// <summary>The last eleven columns of a ticker, alike in every store.</summary>
    public static void TickerValues(CopyBuffer to, Message message, int marketId)
    {
        to.LongOrNull(message.YesBidSize);
        to.LongOrNull(message.YesAskSize);
        to.LongOrNull(message.LastTradeSize);
        to.LongOrNull(message.Volume);
        to.LongOrNull(message.OpenInterest);
        to.LongOrNull(message.DollarVolume);
        to.LongOrNull(message.DollarOpenInterest);
        to.Int(marketId);
        to.PriceOrNull(message.LastPrice);
        to.PriceOrNull(message.YesBid);
        to.PriceOrNull(message.YesAsk);
    }

    /// <summary>`marketId` 0: the message names no market.</summary>
    public static void Lifecycle(CopyBuffer to, in RowOrigin origin, Message message, int marketId, ReadOnlySpan<byte> frame)
    {
        to.BeginRow(8);
        to.Time(origin.ReceivedAt);
        Epoch(to, origin);
        LifecycleValues(to, message, marketId, frame.Slice(message.Payload.Start, message.Payload.Length));
    }

    /// <summary>The last five columns of a lifecycle event, alike in every store.</summary>
    public static void LifecycleValues(CopyBuffer to, Message message, int marketId, ReadOnlySpan<byte> payload)
    {
        IdOrNull(to, marketId);
        to.Text(FrameTypes.Name(message.Type));
        to.TextOrNull(message.EventType);
        to.TextOrNull(message.EventTicker);
        to.Text(payload);
    }

    public static void OtherFrame(CopyBuffer to, in RowOrigin origin, string type)
    {
        to.BeginRow(6);
        to.Time(origin.ReceivedAt);
        Epoch(to, origin);
        to.Int(origin.Session);
        to.Int(origin.Sid);
        to.Text(type);
    }

    public static void Rejected(CopyBuffer to, in RowOrigin origin, FrameType type, int marketId, string reason, ReadOnlySpan<byte> frame)
    {
        to.BeginRow(9);
        to.Time(origin.ReceivedAt);
        Epoch(to, origin);
        to.Int(origin.Session);
        to.Int(origin.Sid);
        RejectedValues(to, type, marketId, reason, frame);
    }

    /// <summary>The last four columns of a rejected frame, alike in every store.</summary>
    public static void RejectedValues(CopyBuffer to, FrameType type, int marketId, string reason, ReadOnlySpan<byte> frame)
    {
        IdOrNull(to, marketId);
        to.Text(FrameTypes.Name(type));
        to.Text(reason);
        to.Raw(frame);
    }

    /// <summary>A market of which only the ticker is known.</summary>
    public static void NewMarket(CopyBuffer to, int marketId, ReadOnlySpan<byte> ticker, long seenAt)
    {
        BeginNewMarket(to, marketId, ticker, seenAt);
        for (var absent = 0; absent < 8; absent++)
        {
            to.Null();
        }
    }

    /// <summary>A market met by its first version. `payload`: as REST told it; empty when something else did.</summary>
    public static void NewMarket(CopyBuffer to, int marketId, RegistryObject item, long seenAt, ReadOnlySpan<byte> payload)
    {
        BeginNewMarket(to, marketId, item.Ticker.Span, seenAt);
        MarketFields(to, item);
        to.TextOrNull(payload);
    }

    private static void BeginNewMarket(CopyBuffer to, int marketId, ReadOnlySpan<byte> ticker, long seenAt)
    {
        to.BeginRow(12);
        to.Int(marketId);
        to.Text(ticker);
        to.Time(seenAt);
        to.Time(seenAt);
    }

    public static void Market(CopyBuffer to, long changedAt, int marketId, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        to.BeginRow(11);
        MarketValues(to, changedAt, marketId, item, payload, origin);
    }

    /// <summary>All columns of a history's row, alike in every store.</summary>
    public static void MarketValues(CopyBuffer to, long changedAt, int marketId, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        to.Time(changedAt);
        to.Int(marketId);
        MarketFields(to, item);
        to.Text(origin);
        to.Text(payload);
    }

    private static void MarketFields(CopyBuffer to, RegistryObject item)
    {
        to.TextOrNull(item.EventTicker.Span);
        to.TextOrNull(item.Kind.Span);
        to.TextOrNull(item.Title.Span);
        to.TextOrNull(item.Status.Span);
        to.TextOrNull(item.Result.Span);
        to.TimeOrNull(item.OpenAt);
        to.TimeOrNull(item.CloseAt);
    }

    public static void Event(CopyBuffer to, long changedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        to.BeginRow(7);
        EventValues(to, changedAt, item, payload, origin);
    }

    /// <summary>All columns of a history's row, alike in every store.</summary>
    public static void EventValues(CopyBuffer to, long changedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        to.Time(changedAt);
        to.Text(item.Ticker.Span);
        to.TextOrNull(item.SeriesTicker.Span);
        to.TextOrNull(item.Category.Span);
        to.TextOrNull(item.Title.Span);
        to.Text(origin);
        to.Text(payload);
    }

    public static void Series(CopyBuffer to, long changedAt, RegistryObject item, ReadOnlySpan<byte> payload)
    {
        to.BeginRow(6);
        SeriesValues(to, changedAt, item, payload);
    }

    /// <summary>All columns of a history's row, alike in every store.</summary>
    public static void SeriesValues(CopyBuffer to, long changedAt, RegistryObject item, ReadOnlySpan<byte> payload)
    {
        to.Time(changedAt);
        to.Text(item.Ticker.Span);
        to.TextOrNull(item.Category.Span);
        to.TextOrNull(item.Kind.Span);
        to.TextOrNull(item.Title.Span);
        to.Text(payload);
    }

    /// <summary>`recordedAt`: position of the record that told this.</summary>
    public static void EpochChange(CopyBuffer to, in EpochRow epoch)
    {
        to.BeginRow(17);
        to.Time(epoch.EpochId);
        to.Int(epoch.Session);
        to.Int(epoch.Sid);
        to.Text(epoch.Channel);
        to.Long(epoch.FirstSeq);
        to.Long(epoch.LastSeq);
        to.Time(epoch.FromAt);
        to.Time(epoch.ToAt);
        foreach (var count in (ReadOnlySpan<long>)[epoch.Deltas, epoch.Snapshots, epoch.Trades, epoch.Lifecycle, epoch.Acks, epoch.Unknown, epoch.Rejected])
        {
            to.Long(count);
        }

        if (epoch.EndReason is { } reason)
        {
            to.Text(reason);
        }
        else
        {
            to.Null();
        }

        to.Time(epoch.RecordedAt);
    }

    public static void Coverage(CopyBuffer to, in CoverageKey key, in CoverageRow row)
    {
        to.BeginRow(10);
        to.Time(row.KnownAt);
        to.Time(row.RecordedAt);
        to.Time(key.FromAt);
        to.Time(row.ToAt);
        TimeOrNull(to, key.EpochId);
        if (key.EpochId == 0)
        {
            to.Null();
        }
        else
        {
            to.Long(row.FromSeq);
        }

        to.Int(key.MarketId);
        to.Text(key.Channel);
        to.Text(StateText(row.State));
        to.Text(row.Reason);
    }

    public static void CoverageChange(CopyBuffer to, in CoverageKey key, in CoverageRow row)
    {
        to.BeginRow(7);
        to.Time(row.RecordedAt);
        to.Time(key.FromAt);
        to.Time(row.ToAt);
        TimeOrNull(to, key.EpochId);
        to.Int(key.MarketId);
        to.Text(key.Channel);
        to.Text(StateText(row.State));
    }

    /// <summary>`type` of a frame of unknown type, as far as it can be read.</summary>
    public static string TypeOf(ReadOnlySpan<byte> frame)
    {
        try
        {
            var reader = new Utf8JsonReader(frame);
            while (reader.Read())
            {
                if (reader.CurrentDepth == 1 && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("type"u8) && reader.Read())
                {
                    return reader.TokenType == JsonTokenType.String ? reader.GetString()! : "unknown";
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Bytes that are no JSON have no type either.
        }

        return "unknown";
    }

    public static string StateText(CoverageState state) => state switch { CoverageState.Whole => "whole", CoverageState.Gap => "gap", _ => "repaired" };

    private static void Epoch(CopyBuffer to, in RowOrigin origin)
    {
        if (origin.EpochId == 0)
        {
            to.Null();
            to.Null();
        }
        else
        {
            to.Time(origin.EpochId);
            to.Long(origin.Seq);
        }
    }

    private static void TimeOrNull(CopyBuffer to, long micros)
    {
        if (micros == 0)
        {
            to.Null();
        }
        else
        {
            to.Time(micros);
        }
    }

    private static void IdOrNull(CopyBuffer to, int marketId)
    {
        if (marketId == 0)
        {
            to.Null();
        }
        else
        {
            to.Int(marketId);
        }
    }

    public static byte SideChar(Side side) => side switch { Side.Yes => (byte)'y', Side.No => (byte)'n', _ => 0 };
}
