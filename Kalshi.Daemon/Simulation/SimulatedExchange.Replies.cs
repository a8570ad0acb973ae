using System.Text;

namespace Kalshi.Daemon.Simulation;

/// <summary>Acks and errors. They are urgent: they find room in a queue that refuses data.</summary>
internal sealed partial class SimulatedExchange
{
    private readonly WireText _reply = new();
    private readonly WireText _replyFrame = new();

    private static readonly string[] QuietChannels =
        ["fill", "market_positions", "user_orders", "order_group_updates", "communications"];

    /// <summary>`ok` with the whole list of tickers, sorted, unless the subscription asked to be spared it.</summary>
    private void Acknowledge(Subscription subscription, long id)
    {
        _reply.Clear().Raw("{"u8);
        if (!subscription.SkipTickerAck)
        {
            var tickers = (subscription.Markets ?? []).Select(index => Encoding.UTF8.GetString(Markets[index].Ticker))
                .Concat(subscription.DeadTickers).Order(StringComparer.Ordinal);
            _reply.Raw("\"market_tickers\":["u8);
            var empty = _reply.Length;
            foreach (var ticker in tickers)
            {
                (_reply.Length == empty ? _reply : _reply.Raw(","u8)).Text(ticker);
            }

            _reply.Raw("]"u8);
        }

        _reply.Raw("}"u8);
        Reply(subscription.Session, "ok"u8, id, subscription.Sid, subscription.NextSeq(), _reply.Span);
    }

    private bool IsOverLimit(SimulatedSession session, Channel channel, int tickers) =>
        tickers > _settings.TickersPerCommandMax
        || (channel == Channel.OrderbookDelta && session.BookMarkets + tickers > _settings.BookMarketsMax);

    /// <summary>An error reply; scoped to a sid it carries that sid's next seq (the ticker channel has none).</summary>
    private void Fail(SimulatedSession session, long id, ErrorCode code, Subscription? scope = null)
    {
        Counters.CommandErrors++;
        WriteError(code);
        var seq = scope is null || scope.Channel == Channel.Ticker ? 0 : scope.NextSeq();
        Reply(session, "error"u8, id, scope?.Sid ?? 0, seq, _reply.Span);
    }

    /// <summary>Error 10 or 25: the sid is over; nothing comes after this frame.</summary>
    public void EndWithError(Subscription subscription, ErrorCode code)
    {
        WriteError(code);
        var seq = subscription.Channel == Channel.Ticker ? 0 : subscription.NextSeq();
        Reply(subscription.Session, "error"u8, 0, subscription.Sid, seq, _reply.Span);
        Detach(subscription);
    }

    private void WriteError(ErrorCode code) =>
        _reply.Clear().Raw("{\"code\":"u8).Integer((int)code).Raw(",\"msg\":"u8).Text(code.Sentence()).Raw("}"u8);

    private void Reply(SimulatedSession session, ReadOnlySpan<byte> type, long id, int sid, long seq, ReadOnlySpan<byte> msg)
    {
        FrameEncoder.Frame(_replyFrame.Clear(), type, id, sid, seq, msg, SendingMs, StampLast());
        session.Wire.SendUrgent(_replyFrame.Span);
        Counters.FramesSent++;
        Counters.BytesSent += _replyFrame.Length;
    }

    private static Channel? ChannelOf(string name) => name switch
    {
        "orderbook_delta" => Channel.OrderbookDelta,
        "trade" => Channel.Trade,
        "ticker" => Channel.Ticker,
        "market_lifecycle_v2" => Channel.MarketLifecycle,
        "multivariate_market_lifecycle" => Channel.MultivariateLifecycle,
        _ => Array.IndexOf(QuietChannels, name) >= 0 ? Channel.Quiet : null,
    };
}
