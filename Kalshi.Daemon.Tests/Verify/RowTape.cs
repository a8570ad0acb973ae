using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Verify;

namespace Kalshi.Daemon.Tests.Verify;

/// <summary>A delta row as a store holds it.</summary>
internal sealed record DeltaRow(string Ticker, RowKey Key, long ExchangeAt, Side Side, int Price, long Delta);

/// <summary>The rows of a replay, kept, so that a test can take one away, double, alter or swap it before they are audited.</summary>
internal sealed class RowTape : IReplaySink
{
    /// <summary>In stream order: <see cref="DeltaRow"/>s, and for everything else what it does to the audit.</summary>
    public readonly List<object> Items = [];

    public static RowTape Of(Tests.Books.Script script)
    {
        var tape = new RowTape();
        var replay = new Replay(tape);
        script.FeedTo(replay, 0, script.Records.Count);
        replay.Finish();
        return tape;
    }

    public static void Play(IEnumerable<object> items, Audit audit)
    {
        foreach (var item in items)
        {
            if (item is DeltaRow row)
            {
                audit.OnDelta(audit.Market(Encoding.UTF8.GetBytes(row.Ticker)), row.Key, row.ExchangeAt, row.Side, row.Price, row.Delta);
            }
            else
            {
                ((Action<Audit>)item)(audit);
            }
        }
    }

    public void OnRow(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        var (key, ticker) = (new RowKey(origin.EpochId, origin.Seq, origin.ReceivedAt), message.Ticker.ToArray());
        switch (message.Type)
        {
            case FrameType.OrderbookDelta:
                Items.Add(new DeltaRow(Encoding.UTF8.GetString(ticker), key, message.ExchangeAt, message.Side, message.Price, message.Delta));
                break;
            case FrameType.OrderbookSnapshot:
                var (yes, no) = (message.Yes.ToArray(), message.No.ToArray());
                Items.Add((Action<Audit>)(audit => audit.OnSnapshot(audit.Market(ticker), key, yes, no)));
                break;
            default:
                AddTrade(origin, message);
                break;
        }
    }

    public void OnBackfilledTrade(in RowOrigin origin, Message message) => AddTrade(origin, message);

    public void OnRejected(in RowOrigin origin, Message message, string reason, ReadOnlySpan<byte> frame)
    {
        var (ticker, type, epoch, at) = (message.Ticker.ToArray(), message.Type, origin.EpochId, origin.ReceivedAt);
        Items.Add((Action<Audit>)(audit => audit.OnRejected(ticker.Length == 0 ? null : audit.Market(ticker), type, epoch, at, reason)));
    }

    public void OnUnknown(in RowOrigin origin, ReadOnlySpan<byte> frame) => Items.Add((Action<Audit>)(audit => audit.UnknownFrames++));

    public void OnEpoch(Epoch epoch) => Items.Add((Action<Audit>)(audit => audit.OnEpoch(epoch)));

    public void OnCoverage(in Coverage coverage)
    {
        var copy = coverage;
        Items.Add((Action<Audit>)(audit => audit.OnCoverage(copy)));
    }

    public void OnRestPage(long receivedAt, RestPage page, ReadOnlySpan<byte> body)
    {
    }

    private void AddTrade(in RowOrigin origin, Message m)
    {
        var (ticker, id, epoch, at) = (m.Ticker.ToArray(), m.TradeId.ToArray(), origin.EpochId, origin.ReceivedAt);
        var values = new TradeValues(m.ExchangeAt, m.YesPrice, m.NoPrice, m.Count, m.TakerSide, m.TakerBookSide, m.IsBlockTrade == 1);
        Items.Add((Action<Audit>)(audit => audit.OnTrade(ticker, id, values, epoch, at)));
    }
}
