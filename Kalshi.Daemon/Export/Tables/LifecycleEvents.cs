using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>lifecycle_events: what happened to markets and events; `payload` is the frame's `msg` as JSON text.</summary>
internal sealed class LifecycleEvents : Table
{
    private readonly IntegerColumn _receivedAt, _epochId, _seq;
    private readonly SymbolColumn _type, _eventType, _ticker, _eventTicker;
    private readonly TextColumn _payload;

    public LifecycleEvents(Symbols symbols)
        : base("lifecycle_events", symbols)
    {
        _receivedAt = Stamp("received_at");
        _type = Symbol("type");
        _eventType = Symbol("event_type", isNullable: true);
        _ticker = Key("ticker", isNullable: true);
        _eventTicker = Symbol("event_ticker", isNullable: true);
        _payload = Text("payload");
        _epochId = Reference("epoch_id");
        _seq = Long("seq");
    }

    public void Append(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        _receivedAt.Append(origin.ReceivedAt);
        _type.Append(Encoding.UTF8.GetBytes(FrameTypes.Name(message.Type)));
        _eventType.Append(message.EventType);
        _ticker.Append(message.Ticker);
        _eventTicker.Append(message.EventTicker);
        _payload.Append(frame.Slice(message.Payload.Start, message.Payload.Length));
        _epochId.Append(origin.EpochId);
        _seq.Append(origin.Seq);
    }
}
