using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Tests.Books;

/// <summary>Everything a replay says, one line each, so that two replays are compared as text.</summary>
internal sealed class RecordingSink : IReplaySink
{
    public readonly List<string> Lines = [];
    public readonly List<Coverage> Coverages = [];
    public readonly List<Epoch> Epochs = [];
    public readonly List<RowOrigin> Origins = [];
    public int Rows;
    public int Rejected;
    public int Unknown;

    public void OnRow(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        Rows++;
        Origins.Add(origin);
        var ticker = Encoding.UTF8.GetString(message.Ticker);
        Lines.Add(message.Type switch
        {
            FrameType.OrderbookDelta => $"delta {origin} {ticker} {message.Side} {message.Price} {message.Delta} {message.ExchangeAt}",
            FrameType.OrderbookSnapshot => $"snapshot {origin} {ticker} {string.Join(' ', message.Yes.ToArray())} | {string.Join(' ', message.No.ToArray())}",
            FrameType.Trade => $"trade {origin} {ticker} {Encoding.UTF8.GetString(message.TradeId)}",
            _ => $"{message.Type} {origin} {ticker}",
        });
    }

    public void OnBackfilledTrade(in RowOrigin origin, Message message) =>
        Lines.Add($"backfilled {origin} {Encoding.UTF8.GetString(message.Ticker)} {Encoding.UTF8.GetString(message.TradeId)}");

    public void OnRejected(in RowOrigin origin, Message message, string reason, ReadOnlySpan<byte> frame)
    {
        Rejected++;
        Lines.Add($"rejected {origin} {Encoding.UTF8.GetString(message.Ticker)} {reason}");
    }

    public void OnUnknown(in RowOrigin origin, ReadOnlySpan<byte> frame)
    {
        Unknown++;
        Lines.Add($"unknown {origin}");
    }

    public void OnEpoch(Epoch epoch)
    {
        Epochs.Add(epoch);
        Lines.Add($"epoch {epoch.EpochId} {epoch.Channel} {epoch.FirstSeq}..{epoch.LastSeq} {epoch.FromAt}..{epoch.ToAt} {epoch.Frames} {epoch.EndReason}");
    }

    public void OnCoverage(in Coverage coverage)
    {
        Coverages.Add(coverage);
        Lines.Add(coverage.ToString());
    }

    public void OnRestPage(long receivedAt, RestPage page, ReadOnlySpan<byte> body) => Lines.Add($"page {receivedAt} {page.Path} {body.Length}");

    /// <summary>Coverage of one ticker as `state from..to reason`, `open` for an end that has not come.</summary>
    public string[] CoverageOf(string ticker, string channel = "orderbook_delta") =>
        [.. Coverages.Where(c => c.Ticker == ticker && c.Channel == channel)
            .Select(c => $"{c.State} {c.FromAt}..{(c.ToAt == long.MaxValue ? "open" : c.ToAt)} {c.Reason}".TrimEnd())];
}
