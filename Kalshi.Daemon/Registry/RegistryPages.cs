using System.Text.Json;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Registry;

/// <summary>
/// REST pages and lifecycle messages → versions of markets, events and series. One thread. Cold next to the stream: a sweep of
/// the whole exchange is some hundred pages every quarter of an hour.
/// </summary>
internal sealed class RegistryPages(ObjectVersions versions, RegistryOutput output)
{
    /// <summary>Longer texts are not promoted; the payload has them whole.</summary>
    private const int TextBytesMax = 4_096;

    private readonly byte[] _scratch = new byte[TextBytesMax];
    private readonly RegistryObject _item = new();

    /// <summary>Every market, event and series of the page, nested ones included; false when the body is not JSON.</summary>
    public bool Read(long receivedAt, ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                ReadProperty(receivedAt, body, ref reader);
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>What a market_lifecycle_v2 message says of its market, or an event_lifecycle of its event.</summary>
    public void ReadLifecycle(long receivedAt, ReadOnlySpan<byte> payload, bool isMarket)
    {
        try
        {
            var reader = new Utf8JsonReader(payload);
            if (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
            {
                ReadObject(receivedAt, payload, ref reader, isMarket ? ObjectKind.Market : ObjectKind.Event, "lifecycle"u8);
            }
        }
        catch (JsonException)
        {
            // The frame was decoded, so this is a value of an unexpected type: the event has its row in lifecycle_events.
        }
    }

    /// <summary>The reader stands on a property name: an array or object of the registry is read, anything else skipped.</summary>
    private void ReadProperty(long receivedAt, ReadOnlySpan<byte> body, ref Utf8JsonReader reader)
    {
        var kind = reader.ValueTextEquals("markets"u8) || reader.ValueTextEquals("market"u8) ? ObjectKind.Market
            : reader.ValueTextEquals("events"u8) || reader.ValueTextEquals("event"u8) ? ObjectKind.Event
            : reader.ValueTextEquals("series"u8) ? ObjectKind.Series
            : ObjectKind.None;
        reader.Read();
        if (kind == ObjectKind.None || reader.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject))
        {
            reader.Skip();
            return;
        }

        if (reader.TokenType == JsonTokenType.StartObject)
        {
            ReadObject(receivedAt, body, ref reader, kind, "rest"u8);
            return;
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                ReadObject(receivedAt, body, ref reader, kind, "rest"u8);
            }
            else
            {
                reader.Skip();
            }
        }
    }

    /// <summary>The reader stands on the object's `{`; it is left on its `}`.</summary>
    private void ReadObject(long receivedAt, ReadOnlySpan<byte> body, ref Utf8JsonReader reader, ObjectKind kind, ReadOnlySpan<byte> origin)
    {
        var start = (int)reader.TokenStartIndex;
        var end = reader;
        end.Skip();
        _item.Clear();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("additional_metadata"u8))
            {
                // Texts of a created market stand one level deeper; its fields join those around it.
                reader.Read();
                if (reader.TokenType == JsonTokenType.StartObject)
                {
                    while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                    {
                        ReadField(ref reader, kind);
                    }
                }
            }
            else if (kind == ObjectKind.Event && reader.ValueTextEquals("markets"u8))
            {
                reader.Read();
                reader.Skip();
            }
            else
            {
                ReadField(ref reader, kind);
            }
        }

        Store(receivedAt, body[start..(int)end.BytesConsumed], kind, origin);
    }

    private void ReadField(ref Utf8JsonReader reader, ObjectKind kind)
    {
        switch (FieldOf(ref reader, kind))
        {
            case Field.Ticker: Text(ref reader, ref _item.Ticker); break;
            case Field.EventTicker: Text(ref reader, ref _item.EventTicker); break;
            case Field.SeriesTicker: Text(ref reader, ref _item.SeriesTicker); break;
            case Field.Title: Text(ref reader, ref _item.Title); break;
            case Field.Category: Text(ref reader, ref _item.Category); break;
            case Field.Kind: Text(ref reader, ref _item.Kind); break;
            case Field.Status: Text(ref reader, ref _item.Status); break;
            case Field.EventType: Text(ref reader, ref _item.Status); _item.Status.Set(StatusAfter(_item.Status.Span)); break;
            case Field.Result: Text(ref reader, ref _item.Result); break;
            case Field.OpenAt: _item.OpenAt = Time(ref reader); break;
            case Field.CloseAt: _item.CloseAt = Time(ref reader); break;
            default:
                reader.Read();
                reader.Skip();
                break;
        }
    }

    private static Field FieldOf(ref Utf8JsonReader reader, ObjectKind kind)
    {
        if (reader.ValueTextEquals("title"u8))
        {
            return Field.Title;
        }

        if (reader.ValueTextEquals("category"u8))
        {
            return Field.Category;
        }

        return kind switch
        {
            ObjectKind.Market => reader.ValueTextEquals("ticker"u8) || reader.ValueTextEquals("market_ticker"u8) ? Field.Ticker
                : reader.ValueTextEquals("event_ticker"u8) ? Field.EventTicker
                : reader.ValueTextEquals("market_type"u8) ? Field.Kind
                : reader.ValueTextEquals("status"u8) ? Field.Status
                : reader.ValueTextEquals("event_type"u8) ? Field.EventType
                : reader.ValueTextEquals("result"u8) ? Field.Result
                : reader.ValueTextEquals("open_time"u8) || reader.ValueTextEquals("open_ts"u8) ? Field.OpenAt
                : reader.ValueTextEquals("close_time"u8) || reader.ValueTextEquals("close_ts"u8) ? Field.CloseAt
                : Field.None,
            ObjectKind.Event => reader.ValueTextEquals("event_ticker"u8) ? Field.Ticker
                : reader.ValueTextEquals("series_ticker"u8) ? Field.SeriesTicker
                : Field.None,
            _ => reader.ValueTextEquals("ticker"u8) ? Field.Ticker
                : reader.ValueTextEquals("frequency"u8) ? Field.Kind
                : Field.None,
        };
    }

    /// <summary>The value as text with its escapes resolved; left empty when it is no text, half a surrogate pair, or longer than <see cref="TextBytesMax"/>.</summary>
    private void Text(ref Utf8JsonReader reader, ref TextBuffer target)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
        }
        else if (reader.ValueSpan.Length <= TextBytesMax && JsonText.TryUnescape(reader.ValueSpan, _scratch, out var length))
        {
            target.Set(_scratch.AsSpan(0, length));
        }
    }

    /// <summary>RFC 3339 text or unix seconds, as µs; <see cref="Message.Absent"/> for what is no time of this exchange.</summary>
    private static long Time(ref Utf8JsonReader reader)
    {
        reader.Read();
        switch (reader.TokenType)
        {
            case JsonTokenType.String:
                return Times.FromText(reader.ValueSpan);
            case JsonTokenType.Number:
                return reader.TryGetInt64(out var seconds) ? Times.FromSeconds(seconds) : Message.Absent;
            default:
                reader.Skip();
                return Message.Absent;
        }
    }

    /// <summary>The status a market has after a lifecycle event, in the exchange's own words.</summary>
    private static ReadOnlySpan<byte> StatusAfter(ReadOnlySpan<byte> eventType) =>
        eventType.SequenceEqual("created"u8) ? "initialized"u8
        : eventType.SequenceEqual("activated"u8) ? "active"u8
        : eventType.SequenceEqual("deactivated"u8) ? "inactive"u8
        : eventType.SequenceEqual("determined"u8) ? "determined"u8
        : eventType.SequenceEqual("settled"u8) ? "finalized"u8
        : default;

    private void Store(long receivedAt, ReadOnlySpan<byte> payload, ObjectKind kind, ReadOnlySpan<byte> origin)
    {
        if (!_item.Ticker.Span.IsEmpty && versions.IsNew((byte)kind, _item.Ticker.Span, payload))
        {
            output(kind, receivedAt, _item, payload, origin);
        }
    }

    private enum Field : byte
    {
        None,
        Ticker,
        EventTicker,
        SeriesTicker,
        Title,
        Category,
        Kind,
        Status,
        EventType,
        Result,
        OpenAt,
        CloseAt,
    }
}
