using System.Text;
using System.Threading.Channels;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon;

/// <summary>
/// Takes what capture says to those who act on it.
///
/// In:        <see cref="CaptureEvent"/>s.
/// Out:       replies and gaps to sessions, lifecycle to the registry, trades of dormant markets to the shards.
/// Thread:    one asynchronous loop.
/// Bound:     the channel's capacity; <see cref="GapLogsPerSecond"/> log lines.
/// When full: capture drops events and counts them; a dropped reply is a command's time-out, a dropped lifecycle message the next
///            sweep's find.
/// </summary>
internal sealed class ControlLoop(ChannelReader<CaptureEvent> events, SessionDirectory sessions, MarketRegistry registry, Shards shards, ILogger log)
{
    private const int GapLogsPerSecond = 5;

    private readonly FrameDecoder _decoder = new();
    private long _gapLogTicks;
    private int _gapLogs;
    private long _age;

    /// <summary>µs from the exchange's stamp to our receive stamp for the newest sampled frame.</summary>
    public long ExchangeAge => Volatile.Read(ref _age);

    public async Task RunAsync()
    {
        await foreach (var captured in events.ReadAllAsync())
        {
            Handle(captured);
        }
    }

    private void Handle(in CaptureEvent captured)
    {
        if (captured.Kind == CaptureEventKind.Gap)
        {
            OnGap(captured);
            return;
        }

        var verdict = _decoder.Decode(captured.Bytes, useYesPrice: true);
        var message = _decoder.Message;
        switch (captured.Kind)
        {
            case CaptureEventKind.Reply:
                var reply = new Reply(message.Type, message.Sid, message.ErrorCode, Encoding.UTF8.GetString(message.ErrorText));
                sessions.Find(captured.Session)?.OnReply(captured.Head.Id, reply);
                break;
            case CaptureEventKind.Lifecycle when verdict == DecodeVerdict.Decoded:
                registry.OnLifecycle(message);
                break;
            case CaptureEventKind.Lifecycle:
                registry.RequestSweep();
                break;
            case CaptureEventKind.Trade when verdict == DecodeVerdict.Decoded:
                shards.OnTrade(Encoding.UTF8.GetString(message.Ticker));
                break;
            case CaptureEventKind.Sample when verdict == DecodeVerdict.Decoded && message.ExchangeAt != Message.Absent:
                Volatile.Write(ref _age, captured.ReceivedAt - message.ExchangeAt);
                break;
        }
    }

    private void OnGap(in CaptureEvent captured)
    {
        sessions.Find(captured.Session)?.OnGap(captured.Head.Sid);
        var now = Environment.TickCount64;
        if (now - _gapLogTicks > 1_000)
        {
            (_gapLogTicks, _gapLogs) = (now, 0);
        }

        if (++_gapLogs <= GapLogsPerSecond)
        {
            log.GapSeen(captured.Session, captured.Head.Sid, Encoding.UTF8.GetString(captured.Bytes));
        }
    }
}
