using System.IO.Hashing;
using System.Text;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Lifecycle messages of all gatherers → one row for each that the exchange sent. They have neither id nor stamp: messages of equal content are
/// instances when the gatherers received them within the margin of the first one's, matched in order; production holds as many as the
/// gatherer that has most.
/// <b>Bound</b>: see <see cref="InstanceWindow"/>; by default ten minutes of messages, half a million at most.
/// </summary>
internal sealed class LifecycleMerge
{
    public static readonly WindowBounds DefaultBounds = new(Span: Micros.PerMinute, Keep: 10 * Micros.PerMinute, CountMax: 500_000);

    private readonly IStreamOutput _output;
    private readonly StreamCounters _counters;
    private readonly long _margin;

    public LifecycleMerge(MergeSettings settings, WindowBounds bounds, IStreamOutput output, IStreamRecall recall, StreamCounters counters)
    {
        (_output, _counters, _margin) = (output, counters, settings.Margin);
        Window = new InstanceWindow(bounds, settings.Margin, (fromAt, toAt) => recall.RecallLifecycle(fromAt, toAt, new RecalledRows(Window!.Restore)));
    }

    public InstanceWindow Window { get; }

    public static ulong KeyOf(int market, Message message, ReadOnlySpan<byte> payload)
    {
        var key = XxHash3.HashToUInt64(payload, market);
        key = XxHash3.HashToUInt64(message.EventTicker, (long)key);
        key = XxHash3.HashToUInt64(message.EventType, (long)key);
        Span<byte> type = stackalloc byte[64];
        return XxHash3.HashToUInt64(type[..Encoding.UTF8.GetBytes(FrameTypes.Name(message.Type), type)], (long)key);
    }

    public void Tell(int gatherer, int market, long receivedAt, Message message, ReadOnlySpan<byte> payload)
    {
        _counters.Lifecycle++;
        if (Window.Tell(gatherer, KeyOf(market, message, payload), receivedAt, _margin))
        {
            _counters.LifecycleProduced++;
            _output.OnLifecycle(market, receivedAt, message, payload);
        }
    }
}
