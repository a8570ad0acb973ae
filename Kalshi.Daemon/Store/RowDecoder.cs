using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Store;

/// <summary>
/// Rows of a store's stream tables → messages as decoding their frames gave them. Each method reads the row the buffer stands on. Allocates nothing per row once the message's buffers have grown. One thread.
/// </summary>
internal sealed class RowDecoder(IReplaySink sink, StoreTickers tickers, StoreEpochs epochs, StoreFaults faults)
{
    private readonly Message _message = new();
    private readonly Message _elsewhere = new();

    /// <summary>Rows told.</summary>
    public long Count { get; private set; }

    /// <summary>received_at of the last frame told; 0 before.</summary>
    public long LastFrameAt { get; private set; }

    /// <summary>Hot: all deltas before a position.</summary>
    public void TellDeltas(CopyRows rows, long before)
    {
        _message.Type = FrameType.OrderbookDelta;
        for (; rows.Key < before; rows.MoveNext())
        {
            var (epochId, seq) = (rows.Time(), rows.Int64());
            _message.ExchangeAt = rows.Time(Message.Absent);
            _message.Delta = rows.Int64();
            _message._ticker.Set(tickers.Bytes(rows.Int32()));
            _message.Price = rows.Int32();
            _message.Side = RowMessages.SideOf(rows.Byte());
            sink.OnRow(Numbered(rows.Key, epochId, seq, FrameType.OrderbookDelta), _message, default);
        }
    }

    public void TellSnapshot(CopyRows rows)
    {
        var (epochId, seq, market) = RowMessages.ReadSnapshot(rows, _message);
        _message._ticker.Set(tickers.Bytes(market));
        sink.OnRow(Numbered(rows.Key, epochId, seq, FrameType.OrderbookSnapshot), _message, default);
    }

    public void TellTrade(CopyRows rows)
    {
        var (epochId, seq, market) = RowMessages.ReadTrade(rows, _message, out var isBackfilled);
        _message._ticker.Set(tickers.Bytes(market));
        if (isBackfilled)
        {
            Count++;
            sink.OnBackfilledTrade(new RowOrigin(rows.Key, 0, 0, 0, 0), _message);
        }
        else
        {
            sink.OnRow(Numbered(rows.Key, epochId, seq, FrameType.Trade), _message, default);
        }
    }

    public void TellTicker(CopyRows rows)
    {
        _message._ticker.Set(tickers.Bytes(RowMessages.ReadTicker(rows, _message)));
        sink.OnRow(Unnumbered(rows.Key, 0, 0), _message, default);
    }

    /// <summary>The frame that a sink is given is the payload alone.</summary>
    public void TellLifecycle(CopyRows rows)
    {
        var (epochId, seq, market) = RowMessages.ReadNumberedLifecycle(rows, _message, out var payload);
        _message._ticker.Set(tickers.Bytes(market));
        sink.OnRow(epochId == 0 ? Unnumbered(rows.Key, 0, 0) : Numbered(rows.Key, epochId, seq, _message.Type), _message, payload);
    }

    /// <summary>Frames that have no row elsewhere, and numbers of rows that have none themselves.</summary>
    public void TellOther(CopyRows rows)
    {
        var (epochId, seq, session, sid) = (rows.Time(0), rows.Int64(0), rows.Int32(), rows.Int32());
        var type = FrameTypes.Find(rows.Bytes());
        if (type == FrameType.Ticker)
        {
            // A ticker that was numbered after all: its row stands in tickers, at the same position.
            epochs.Count(epochId, seq, rows.Key, type);
            return;
        }

        var origin = epochId == 0 ? Unnumbered(rows.Key, session, sid) : Numbered(rows.Key, epochId, seq, type);
        switch (type)
        {
            case FrameType.Unknown:
                sink.OnUnknown(origin, default);
                break;
            case FrameType.Trade:
                sink.OnKnownTrade(origin);
                break;
            default:
                _elsewhere.Type = type;
                sink.OnNumberedReply(origin, _elsewhere);
                break;
        }
    }

    public void TellRejected(CopyRows rows)
    {
        var (epochId, seq, session, sid) = (rows.Time(0), rows.Int64(0), rows.Int32(), rows.Int32());
        _message._ticker.Set(tickers.Bytes(rows.Int32(0)));
        _message.Type = FrameTypes.Find(rows.Bytes());
        var reason = string.Intern(Encoding.UTF8.GetString(rows.Bytes()));
        var origin = epochId != 0 ? Numbered(rows.Key, epochId, seq, _message.Type, isRejected: true)
            : session != 0 ? Unnumbered(rows.Key, session, sid) : new RowOrigin(rows.Key, 0, 0, 0, 0);
        sink.OnRejected(origin, _message, reason, rows.Bytes());
    }

    private RowOrigin Numbered(long receivedAt, long epochId, long seq, FrameType type, bool isRejected = false)
    {
        var epoch = epochs.Count(epochId, seq, receivedAt, type, isRejected);
        CheckRising(receivedAt);
        return new RowOrigin(receivedAt, epoch.Session, epoch.Sid, epochId, seq);
    }

    private RowOrigin Unnumbered(long receivedAt, int session, int sid)
    {
        CheckRising(receivedAt);
        return new RowOrigin(receivedAt, session, sid, 0, 0);
    }

    /// <summary>received_at is a frame's identity: no two rows of frames have the same, in whatever tables.</summary>
    private void CheckRising(long receivedAt)
    {
        Count++;
        if (receivedAt <= LastFrameAt)
        {
            faults.Add("rows", () => $"two rows are of a frame received {Micros.Format(receivedAt)}");
        }

        LastFrameAt = receivedAt;
    }
}
