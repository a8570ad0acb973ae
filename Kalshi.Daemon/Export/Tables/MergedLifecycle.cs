using System.Text;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>lifecycle_events of production; `payload` is the frame's `msg` as JSON text.</summary>
internal sealed class MergedLifecycle : Table
{
    private readonly IntegerColumn _receivedAt;
    private readonly SymbolColumn _type, _eventType, _ticker, _eventTicker;
    private readonly TextColumn _payload;

    public MergedLifecycle(Symbols symbols)
        : base("lifecycle_events", symbols)
    {
        _receivedAt = Stamp("received_at");
        _type = Symbol("type");
        _eventType = Symbol("event_type", isNullable: true);
        _ticker = Key("ticker", isNullable: true);
        _eventTicker = Symbol("event_ticker", isNullable: true);
        _payload = Text("payload");
    }

    public void Append(long receivedAt, ReadOnlySpan<byte> ticker, Message message, ReadOnlySpan<byte> payload)
    {
        _receivedAt.Append(receivedAt);
        _type.Append(Encoding.UTF8.GetBytes(FrameTypes.Name(message.Type)));
        _eventType.Append(message.EventType);
        _ticker.Append(ticker);
        _eventTicker.Append(message.EventTicker);
        _payload.Append(payload);
    }
}
