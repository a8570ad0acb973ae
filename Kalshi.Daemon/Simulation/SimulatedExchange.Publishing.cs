using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>From what was produced to the frames of those who subscribed: one encoding of `msg`, one frame a subscriber.</summary>
internal sealed partial class SimulatedExchange
{
    private void PublishDelta(Subscription[] subscribers, SimulatedMarket market, Side side, int price, long delta, long at)
    {
        _msg.Clear();
        _msgYesUnits.Clear();
        if (_faults.TouchesFrames)
        {
            _faults.BeginMessage(subscribers.Length);
        }

        foreach (var subscriber in subscribers)
        {
            var turned = subscriber.UseYesPrice && side == Side.No;
            var msg = turned ? _msgYesUnits : _msg;
            if (msg.Length == 0)
            {
                FrameEncoder.Delta(msg, market, side, turned ? SimulatedBook.Dollar - price : price, delta, at);
            }

            Send(subscriber, "orderbook_delta"u8, 0, numbered: true, msg.Span);
        }
    }

    private void Publish(Channel channel, ReadOnlySpan<byte> type, int market, WireText msg, bool numbered)
    {
        if (_faults.TouchesFrames)
        {
            _faults.BeginMessage(_globals.Count(subscriber => Receives(subscriber, channel, market)));
        }

        for (var i = _globals.Count - 1; i >= 0; i--)
        {
            var subscriber = _globals[i];
            if (Receives(subscriber, channel, market))
            {
                Send(subscriber, type, 0, numbered, msg.Span);
            }
        }
    }

    private static bool Receives(Subscription subscriber, Channel channel, int market) => subscriber.Channel == channel && (market < 0 || subscriber.Covers(market));

    private void SendSnapshot(Subscription to, SimulatedMarket market, long id)
    {
        if (!to.IsOpen)
        {
            return;
        }

        if (market.Status == MarketStatus.Finalized)
        {
            SendDeadSnapshot(to, System.Text.Encoding.UTF8.GetString(market.Ticker), id);
            return;
        }

        var book = Peek(market);
        Counters.Snapshots++;
        _truth?.Snapshot(market.Ticker, ExchangeAt, book.Yes, book.No);
        FrameEncoder.Snapshot(_msg.Clear(), market, book.Yes, book.No, to.UseYesPrice);
        Send(to, "orderbook_snapshot"u8, id, numbered: true, _msg.Span);
    }

    private void SendDeadSnapshot(Subscription to, string ticker, long id)
    {
        if (!to.IsOpen)
        {
            return;
        }

        Counters.Snapshots++;
        _truth?.Snapshot(System.Text.Json.JsonEncodedText.Encode(ticker).EncodedUtf8Bytes, ExchangeAt, [], []);
        FrameEncoder.DeadSnapshot(_msg.Clear(), ticker);
        Send(to, "orderbook_snapshot"u8, id, numbered: true, _msg.Span);
    }

    /// <summary>One data frame of a sid, through the faults; a refused frame ends the sid with error 25.</summary>
    private void Send(Subscription to, ReadOnlySpan<byte> type, long id, bool numbered, ReadOnlySpan<byte> msg)
    {
        if (!to.IsOpen)
        {
            return;
        }

        if (_faults.TouchesFrames)
        {
            SendThroughFaults(to, type, id, numbered, msg);
            return;
        }

        FrameEncoder.Frame(_frame.Clear(), type, id, to.Sid, numbered ? to.NextSeq() : 0, msg, SendingMs, StampLast());
        Put(to, _frame.Span);
    }

    private void Put(Subscription to, ReadOnlySpan<byte> frame)
    {
        if (to.Session.Wire.TrySend(frame))
        {
            Counters.FramesSent++;
            Counters.BytesSent += frame.Length;
        }
        else
        {
            Counters.Overflows++;
            EndWithError(to, ErrorCode.BufferOverflow);
        }
    }

    private long SendingMs => (Now + _faults.ClockSkew) / Micros.PerMillisecond;

    private bool StampLast() => (_positions.Next() & 1) == 0;

    private void Detach(Subscription subscription)
    {
        subscription.IsOpen = false;
        subscription.Session.Subscriptions.Remove(subscription);
        _globals.Remove(subscription);
        if (subscription.Channel == Channel.OrderbookDelta)
        {
            foreach (var index in subscription.Markets!)
            {
                var market = Markets[index];
                market.BookSubscribers = _sets.Remove(market.BookSubscribers, subscription);
            }

            subscription.Session.BookMarkets -= subscription.Markets.Count;
        }
    }
}
