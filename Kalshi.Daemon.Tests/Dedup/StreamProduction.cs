using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// A production in memory. It tells again what earlier turns brought and nothing of the turn under way, as the merges may expect no more.
/// </summary>
internal sealed class StreamProduction : IStreamOutput, IStreamRecall
{
    private readonly Message _message = new();
    private int _committed;

    public List<StreamRow> Rows { get; } = [];

    public List<ChannelCoverage> Channels { get; } = [];

    public List<(int Gatherer, string Reason)> Rejected { get; } = [];

    public int Recalls { get; private set; }

    public IEnumerable<StreamRow> Of(StreamKind stream) => Rows.Where(row => row.StreamKind == stream);

    public void EndTurn() => _committed = Rows.Count;

    public void OnTrade(int market, long exchangeAt, long receivedAt, Message trade, bool isBackfilled) =>
        Rows.Add(new StreamRow(StreamKind.Trade, market, exchangeAt, receivedAt, Encoding.UTF8.GetString(trade.TradeId)));

    public void OnTicker(int market, long exchangeAt, long receivedAt, Message ticker) =>
        Rows.Add(new StreamRow(StreamKind.Ticker, market, exchangeAt, receivedAt, StreamMessages.ContentOf(ticker)));

    public void OnLifecycle(int market, long receivedAt, Message message, ReadOnlySpan<byte> payload) =>
        Rows.Add(new StreamRow(StreamKind.Lifecycle, market, Message.Absent, receivedAt, Encoding.UTF8.GetString(payload)));

    public void OnRejected(int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame) => Rejected.Add((gatherer, reason));

    public void OnObject(
        ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin, bool isNewest) =>
        Rows.Add(new StreamRow(StreamKind.Object, market, Message.Absent, receivedAt, Encoding.UTF8.GetString(payload)) { Flag = isNewest });

    public void OnChannelCoverage(in ChannelCoverage coverage) => Channels.Add(coverage);

    public void RecallTrades(long fromAt, long toAt, IStreamOutput into) => Recall(StreamKind.Trade, row => row.At >= fromAt && row.At < toAt, into);

    public void RecallTickers(long fromAt, long toAt, IStreamOutput into) => Recall(StreamKind.Ticker, row => row.At >= fromAt && row.At < toAt, into);

    public void RecallLifecycle(long fromAt, long toAt, IStreamOutput into) =>
        Recall(StreamKind.Lifecycle, row => row.ReceivedAt >= fromAt && row.ReceivedAt < toAt, into);

    public void RecallObject(ObjectKind kind, int market, ReadOnlySpan<byte> ticker, IStreamOutput into) =>
        Recall(StreamKind.Object, row => row.Market == market, into);

    private void Recall(StreamKind stream, Predicate<StreamRow> isWanted, IStreamOutput into)
    {
        Recalls++;
        foreach (var row in Rows.Take(_committed).Where(row => row.StreamKind == stream && isWanted(row)))
        {
            row.Recall(into, _message);
        }
    }
}
