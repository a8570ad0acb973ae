using System.IO.Hashing;
using System.Runtime.InteropServices;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Tickers of all gatherers → one row for each that the exchange sent. They have no id: rows equal in market, stamp and every value are instances, and
/// production holds as many as the gatherer that has most. A ticker without a stamp is matched by when it was received, within the margin.
/// <b>Bound</b>: see <see cref="InstanceWindow"/>; by default one minute of tickers, 2 million at most. Allocates nothing per row.
/// </summary>
internal sealed class TickerMerge
{
    public static readonly WindowBounds DefaultBounds = new(Span: 10 * Micros.PerSecond, Keep: Micros.PerMinute, CountMax: 2_000_000);

    private const int ValuesMax = 11;

    private readonly IStreamOutput _output;
    private readonly StreamCounters _counters;
    private readonly long _margin;

    public TickerMerge(MergeSettings settings, WindowBounds bounds, IStreamOutput output, IStreamRecall recall, StreamCounters counters)
    {
        (_output, _counters, _margin) = (output, counters, settings.Margin);
        Window = new InstanceWindow(bounds, settings.Margin, (fromAt, toAt) => recall.RecallTickers(fromAt, toAt, new RecalledRows(Window!.Restore)));
    }

    public InstanceWindow Window { get; }

    public static ulong KeyOf(int market, Message ticker, bool isStamped)
    {
        Span<long> values = stackalloc long[ValuesMax];
        values[0] = market;
        values[1] = ticker.LastPrice;
        values[2] = ticker.YesBid;
        values[3] = ticker.YesAsk;
        values[4] = ticker.YesBidSize;
        values[5] = ticker.YesAskSize;
        values[6] = ticker.LastTradeSize;
        values[7] = ticker.Volume;
        values[8] = ticker.OpenInterest;
        values[9] = ticker.DollarVolume;
        values[10] = ticker.DollarOpenInterest;
        return XxHash3.HashToUInt64(MemoryMarshal.AsBytes(values), isStamped ? 0 : 1);
    }

    /// <summary>Hot.</summary>
    public void Tell(int gatherer, int market, long receivedAt, Message ticker)
    {
        _counters.Tickers++;
        var isStamped = ticker.ExchangeAt != Message.Absent;
        var exchangeAt = isStamped ? ticker.ExchangeAt : receivedAt;
        if (Window.Tell(gatherer, KeyOf(market, ticker, isStamped), exchangeAt, isStamped ? 0 : _margin))
        {
            _counters.TickersProduced++;
            _output.OnTicker(market, exchangeAt, receivedAt, ticker);
        }
    }
}
