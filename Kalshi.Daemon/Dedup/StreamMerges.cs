using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Everything beside the books: what N gatherers received → what the exchange sent, once.
/// <code>
///   trades ─▶ TradeMerge · tickers ─▶ TickerMerge · lifecycle ─▶ LifecycleMerge · objects ─▶ ObjectMerge · channels ─▶ ChannelLedger
///   rejected frames: of each gatherer its own, as they are
/// </code>
/// <b>In</b>: <see cref="IStreamInput"/>, any interleaving; nothing waits, the first to tell a row is right. <b>Out</b>: <see cref="IStreamOutput"/>, within the
/// call. <b>Thread</b>: one. <b>Bound</b>: by default some 150 MB at most for the streams, and 100 bytes an object.
/// </summary>
internal sealed class StreamMerges : IStreamInput, IMergeMemory
{
    private readonly IStreamOutput _output;
    private readonly TradeMerge _trades;
    private readonly TickerMerge _tickers;
    private readonly LifecycleMerge _lifecycle;
    private readonly ObjectMerge _objects;
    private readonly ChannelLedger _channels;

    /// <summary>In the order in which they are written.</summary>
    private readonly IMergeMemory[] _parts;

    public StreamMerges(MergeSettings settings, IStreamOutput output, IStreamRecall recall)
        : this(settings, output, recall, TradeMerge.DefaultBounds, TickerMerge.DefaultBounds, LifecycleMerge.DefaultBounds, ObjectMerge.DefaultBounds)
    {
    }

    /// <summary>With other bounds, for tests.</summary>
    public StreamMerges(
        MergeSettings settings, IStreamOutput output, IStreamRecall recall, WindowBounds trades, WindowBounds tickers, WindowBounds lifecycle, ObjectBounds objects)
    {
        _output = output;
        _trades = new TradeMerge(settings, trades, output, recall, Counters);
        _tickers = new TickerMerge(settings, tickers, output, recall, Counters);
        _lifecycle = new LifecycleMerge(settings, lifecycle, output, recall, Counters);
        _objects = new ObjectMerge(settings.Margin, objects, output, recall, Counters);
        _channels = new ChannelLedger(output);
        _parts = [_trades.Window, _tickers.Window, _lifecycle.Window, _objects, _channels];
    }

    public StreamCounters Counters { get; } = new();

    /// <summary>Instances of rows in memory.</summary>
    public int Instances => _trades.Window.Count + _tickers.Window.Count + _lifecycle.Window.Count;

    public void OnTrade(int gatherer, int market, long receivedAt, Message trade, bool isBackfilled) =>
        _trades.Tell(gatherer, market, receivedAt, trade, isBackfilled);

    public void OnTicker(int gatherer, int market, long receivedAt, Message ticker) => _tickers.Tell(gatherer, market, receivedAt, ticker);

    public void OnLifecycle(int gatherer, int market, long receivedAt, Message message, ReadOnlySpan<byte> payload) =>
        _lifecycle.Tell(gatherer, market, receivedAt, message, payload);

    public void OnRejected(int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame) =>
        _output.OnRejected(gatherer, market, receivedAt, type, reason, frame);

    public void OnObject(
        int gatherer, ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin) =>
        _objects.Tell(gatherer, kind, market, receivedAt, item, payload, origin);

    public void OnChannelCoverage(in ChannelCoverage coverage) => _channels.Tell(coverage);

    public void OnReplaced(int gatherer, long receivedAt)
    {
        _trades.Window.OnReplaced(gatherer);
        _tickers.Window.OnReplaced(gatherer);
        _lifecycle.Window.OnReplaced(gatherer);
        _objects.OnReplaced(gatherer);
        _channels.OnReplaced(gatherer, receivedAt);
    }

    public void OnProgress(int gatherer, long receivedAt) => _channels.OnProgress(gatherer, receivedAt);

    /// <summary>Nothing waits here, so it makes no difference.</summary>
    public void OnPresence(int gatherer, bool isPresent)
    {
    }

    public void OnTurn(long watermark)
    {
        _trades.Window.OnTurn(watermark);
        _tickers.Window.OnTurn(watermark);
        _lifecycle.Window.OnTurn(watermark);
        Counters.Recalls = _trades.Window.Recalls + _tickers.Window.Recalls + _lifecycle.Window.Recalls + _objects.Recalls;
    }

    public void WriteAll(StateWriter writer)
    {
        foreach (var part in _parts)
        {
            part.WriteAll(writer);
        }
    }

    public void WriteChanges(StateWriter writer)
    {
        foreach (var part in _parts)
        {
            part.WriteChanges(writer);
        }
    }

    public void ReadAll(StateReader reader)
    {
        foreach (var part in _parts)
        {
            part.ReadAll(reader);
        }
    }

    public void ReadChanges(StateReader reader)
    {
        foreach (var part in _parts)
        {
            part.ReadChanges(reader);
        }
    }
}
