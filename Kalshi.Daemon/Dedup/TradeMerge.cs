using System.IO.Hashing;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Trades of all gatherers → one row a trade_id. Whoever tells it first, by stream or by REST page, tells the row; the rest is known.
/// <b>Bound</b>: see <see cref="InstanceWindow"/>; by default ten minutes of trades, 2 million at most.
/// </summary>
internal sealed class TradeMerge
{
    public static readonly WindowBounds DefaultBounds = new(Span: Micros.PerMinute, Keep: 10 * Micros.PerMinute, CountMax: 2_000_000);

    private readonly IStreamOutput _output;
    private readonly StreamCounters _counters;

    /// <summary>Copies of a trade may be stamped in whole seconds, in milliseconds (stream) and in microseconds (REST), or with the time they were received.</summary>
    private readonly long _slack;

    public TradeMerge(MergeSettings settings, WindowBounds bounds, IStreamOutput output, IStreamRecall recall, StreamCounters counters)
    {
        (_output, _counters) = (output, counters);
        _slack = Math.Max(settings.Margin, Micros.PerSecond);
        Window = new InstanceWindow(bounds, settings.Margin, (fromAt, toAt) => recall.RecallTrades(fromAt, toAt, new RecalledRows(Window!.Restore)));
    }

    public InstanceWindow Window { get; }

    public static ulong KeyOf(Message trade) => XxHash3.HashToUInt64(trade.TradeId);

    public void Tell(int gatherer, int market, long receivedAt, Message trade, bool isBackfilled)
    {
        _counters.Trades++;
        var exchangeAt = trade.ExchangeAt == Message.Absent ? receivedAt : trade.ExchangeAt;
        if (Window.TellOnce(gatherer, KeyOf(trade), exchangeAt, _slack))
        {
            _counters.TradesProduced++;
            _output.OnTrade(market, exchangeAt, receivedAt, trade, isBackfilled);
        }
    }
}
