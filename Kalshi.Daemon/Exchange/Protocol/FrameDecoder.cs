namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>How a decode ended. `Unknown` (a type we do not know) is harmless; `Rejected` names its reason.</summary>
internal enum DecodeVerdict : byte
{
    Decoded,
    Unknown,
    Rejected,
}

/// <summary>
/// Frames into <see cref="Message"/>s: current decimal strings and the 2025 wire (integer cents, unix seconds) give the same
/// values; where both forms are present the strings win. Unknown fields are skipped and counted. Not thread-safe: one
/// decoder per consumer.
/// </summary>
internal sealed class FrameDecoder
{
    public const string NotJson = "frame: not one JSON object of at most 64 levels";
    public const string Duplicate = "frame: a key stands twice";
    public const string NoPayload = "frame: msg is not an object";

    private readonly FieldTable _table = new();
    private DayStart _day;

    public Message Message { get; } = new();

    /// <summary>
    /// After <see cref="DecodeVerdict.Rejected"/>: a constant sentence such as "orderbook_delta: price_dollars is missing".
    /// </summary>
    public string Reason { get; private set; } = "";

    /// <summary>Fields seen that the decoder does not know, over its life.</summary>
    public long UnknownFields { get; private set; }

    /// <summary>
    /// Decodes one frame. `useYesPrice` is the flag of the subscription the frame belongs to: when true a no price is the
    /// yes price of that level and is turned into its own leg (1 − p). Head fields, Ticker and Payload are set as far as
    /// they could be read even when the frame is rejected. Never throws for any bytes; allocates nothing in steady state.
    /// </summary>
    public DecodeVerdict Decode(ReadOnlySpan<byte> frame, bool useYesPrice)
    {
        FrameHeadReader.Outline(frame, out var outline);
        Message.Begin(outline);
        return IsPlain(outline) && TryScan(frame, outline, useYesPrice) ? DecodeVerdict.Decoded : DecodeAgain(frame, outline, useYesPrice);
    }

    private bool TryScan(ReadOnlySpan<byte> frame, in FrameOutline outline, bool useYesPrice) => outline.Type switch
    {
        FrameType.OrderbookDelta => DeltaScan.TryRead(frame, outline.Payload, useYesPrice, Message, ref _day),
        FrameType.Trade => TradeScan.TryRead(frame, outline.Payload, Message),
        _ => false,
    };

    private static bool IsPlain(in FrameOutline outline) =>
        outline is { IsJson: true, UnknownKeys: 0, HasDuplicate: false, Payload.Kind: JsonKind.Object };

    /// <summary>The same by the general reader alone: slower, the same answer for every frame.</summary>
    public DecodeVerdict DecodeByFields(ReadOnlySpan<byte> frame, bool useYesPrice)
    {
        var outline = FrameHeadReader.Walk(frame);
        Message.Begin(outline);
        return DecodeByFields(frame, outline, useYesPrice);
    }

    /// <summary>After a scan that gave up, and may have left something behind.</summary>
    private DecodeVerdict DecodeAgain(ReadOnlySpan<byte> frame, in FrameOutline outline, bool useYesPrice)
    {
        Message.Begin(outline);
        return DecodeByFields(frame, outline, useYesPrice);
    }

    /// <summary>
    /// Decodes one element of the `trades` array of a GET /markets/trades (or /historical/trades) page into
    /// <see cref="Message"/> as a trade (Type Trade, Sid and Seq 0; `ticker` and `created_time` as REST names them).
    /// </summary>
    public DecodeVerdict DecodeRestTrade(ReadOnlySpan<byte> element)
    {
        var outline = new FrameOutline { Type = FrameType.Trade, Payload = new JsonValue(JsonKind.Object, false, 0, element.Length) };
        Message.Begin(outline);
        if (!_table.TryFill(element, 0, 0, out var end) || !new JsonCursor(element, end).IsAtEnd())
        {
            return Reject(NotJson);
        }

        UnknownFields += _table.UnknownKeys;
        var fields = new FieldReader(element, _table);
        if (_table.HasDuplicate || !TradeFields.Rest.Read(ref fields, Message))
        {
            return Reject(_table.HasDuplicate ? Duplicate : fields.Reason);
        }

        var createdAt = fields.TimeText(MessageKey.CreatedTime);
        Message.ExchangeAt = createdAt != Message.Absent ? createdAt : Message.ExchangeAt;
        return DecodeVerdict.Decoded;
    }

    private DecodeVerdict DecodeByFields(ReadOnlySpan<byte> frame, in FrameOutline outline, bool useYesPrice)
    {
        UnknownFields += outline.UnknownKeys;
        if (!outline.IsJson)
        {
            return Reject(NotJson);
        }

        var payload = outline.Payload;
        if (payload.Kind == JsonKind.Object)
        {
            if (!_table.TryFill(frame, payload.Start, 1, out var end) || end != payload.End)
            {
                return Reject(NotJson);
            }
        }
        else
        {
            _table.Clear();
        }

        if (outline.Type == FrameType.Unknown)
        {
            return DecodeVerdict.Unknown;
        }

        UnknownFields += _table.UnknownKeys;
        var fields = new FieldReader(frame, _table);
        var isRead = Read(ref fields, outline, useYesPrice);
        if (outline.HasDuplicate || _table.HasDuplicate)
        {
            return Reject(Duplicate);
        }

        return isRead ? DecodeVerdict.Decoded : Reject(fields.Reason);
    }

    private bool Read(ref FieldReader fields, in FrameOutline outline, bool useYesPrice)
    {
        switch (outline.Type)
        {
            case FrameType.Subscribed:
                return ReplyFields.ReadSubscribed(ref fields, Message);
            case FrameType.Error:
                return ReplyFields.ReadError(ref fields, Message);
            case FrameType.Ok or FrameType.Unsubscribed:
                return true;
        }

        if (outline.Payload.Kind != JsonKind.Object)
        {
            return fields.Fail(NoPayload);
        }

        return outline.Type switch
        {
            FrameType.OrderbookDelta => OrderbookFields.ReadDelta(ref fields, Message, useYesPrice),
            FrameType.OrderbookSnapshot => OrderbookFields.ReadSnapshot(ref fields, Message, useYesPrice),
            FrameType.Trade => TradeFields.Stream.Read(ref fields, Message),
            FrameType.Ticker => TickerFields.Read(ref fields, Message),
            FrameType.MarketLifecycle => LifecycleFields.ReadMarket(ref fields, Message, isCombo: false),
            FrameType.MultivariateLifecycle => LifecycleFields.ReadMarket(ref fields, Message, isCombo: true),
            FrameType.EventLifecycle => LifecycleFields.ReadEvent(ref fields, Message, isFee: false),
            _ => LifecycleFields.ReadEvent(ref fields, Message, isFee: true),
        };
    }

    private DecodeVerdict Reject(string reason)
    {
        Reason = reason;
        return DecodeVerdict.Rejected;
    }
}
