using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>What turns tell, one line each, markets by their tickers; or, as the sink of a replay of one store, what they must tell.</summary>
internal sealed class TurnTape(Func<int, string> tickerOf) : IBookInput, IStreamInput
{
    /// <summary>Rows, what ends and what breaks, in order: "gatherer at text".</summary>
    public readonly List<(int Gatherer, long At, string Text)> Calls = [];
    public readonly List<string> Presence = [];
    public readonly Dictionary<(int, string, long, long), ChannelCoverage> Channels = [];
    public readonly List<long> Turns = [];

    /// <summary>So many turns say that they leave something to the next one.</summary>
    public int TurnsLeft;
    public readonly List<(int Gatherer, string Reason)> Endings = [];
    private readonly Dictionary<int, long> _progress = [];

    public IEnumerable<string> Of(int gatherer) => Calls.Where(call => call.Gatherer == gatherer).Select(call => call.Text);

    /// <summary>Backfilled trades that come by the stream afterwards are told or not, as it happens: here they are not.</summary>
    public static List<string> Settled(IEnumerable<string> calls)
    {
        var streamed = calls.Where(IsTrade).Select(IdOf).ToHashSet();
        return [.. calls.Where(text => !text.StartsWith("backfilled ", StringComparison.Ordinal) || !streamed.Contains(IdOf(text)))];
    }

    private static bool IsTrade(string text) => text.StartsWith("trade ", StringComparison.Ordinal);

    private static string IdOf(string text) => text.Split(' ')[3];

    public void OnSnapshot(int gatherer, int market, long epochId, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no) =>
        Add(gatherer, receivedAt, $"snapshot {receivedAt} {tickerOf(market)} {epochId} {Levels(yes)} | {Levels(no)}");

    public void OnChange(int gatherer, int market, long epochId, in MarketChange change) =>
        Add(gatherer, change.ReceivedAt, $"delta {change.ReceivedAt} {tickerOf(market)} {epochId} {change.At} {change.Side} {change.Price} {change.Delta}");

    public void OnCoverageEnded(int gatherer, int market, long epochId, long coveredTo, long receivedAt, string reason)
    {
        Assert.That(reason, Is.Not.Empty);
        Endings.Add((gatherer, reason));
        Add(gatherer, receivedAt, $"ended {tickerOf(market)} {epochId} {coveredTo}");
    }

    public void OnBroken(int gatherer, int market, long epochId, long receivedAt, string reason) =>
        Add(gatherer, receivedAt, $"broken {receivedAt} {tickerOf(market)} {epochId} {reason}");

    void IBookInput.OnReplaced(int gatherer, long receivedAt) => Add(gatherer, receivedAt, "replaced");

    void IBookInput.OnProgress(int gatherer, long receivedAt)
    {
        Assert.That(receivedAt, Is.GreaterThan(_progress.GetValueOrDefault(gatherer)).Or.Matches<long>(_ => Of(gatherer).Contains("replaced")));
        _progress[gatherer] = receivedAt;
    }

    void IBookInput.OnPresence(int gatherer, bool isPresent) => Presence.Add($"{gatherer} {(isPresent ? "present" : "absent")}");

    bool IBookInput.OnTurn(long watermark)
    {
        Turns.Add(watermark);
        return TurnsLeft-- > 0;
    }

    public void OnTrade(int gatherer, int market, long receivedAt, Message trade, bool isBackfilled) => Add(gatherer, receivedAt,
        $"{(isBackfilled ? "backfilled" : "trade")} {receivedAt} {tickerOf(market)} {Text(trade.TradeId)} {trade.ExchangeAt} {trade.Count} {trade.YesPrice} {trade.NoPrice} {trade.TakerSide} {trade.TakerBookSide} {trade.IsBlockTrade}");

    public void OnTicker(int gatherer, int market, long receivedAt, Message ticker) => Add(gatherer, receivedAt,
        $"ticker {receivedAt} {tickerOf(market)} {ticker.ExchangeAt} {ticker.LastPrice} {ticker.YesBid} {ticker.YesAsk} {ticker.YesBidSize} {ticker.Volume} {ticker.DollarVolume}");

    public void OnLifecycle(int gatherer, int market, long receivedAt, Message message, ReadOnlySpan<byte> payload) => Add(gatherer, receivedAt,
        $"lifecycle {receivedAt} {tickerOf(market)} {message.Type} {Text(message.EventType)} {Text(message.EventTicker)} {Text(payload)}");

    public void OnRejected(int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame) =>
        Add(gatherer, receivedAt, $"rejected {receivedAt} {tickerOf(market)} {type} {reason} {Text(frame)}");

    public void OnObject(int gatherer, ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin) => Add(gatherer, receivedAt,
        $"object {kind} {receivedAt} {Text(item.Ticker.Span)} {Text(item.EventTicker.Span)} {Text(item.Title.Span)} {item.CloseAt} {Text(payload)} {Text(origin)}");

    public void OnChannelCoverage(in ChannelCoverage coverage)
    {
        var key = (coverage.Gatherer, coverage.Channel, coverage.FromAt, coverage.EpochId);
        Channels.Remove(key);
        if (coverage.State != CoverageState.Gap || coverage.ToAt > coverage.FromAt)
        {
            Channels.Add(key, coverage);
        }
    }

    void IStreamInput.OnReplaced(int gatherer, long receivedAt)
    {
    }

    void IStreamInput.OnProgress(int gatherer, long receivedAt) => Assert.That(_progress[gatherer], Is.EqualTo(receivedAt));

    void IStreamInput.OnPresence(int gatherer, bool isPresent)
    {
    }

    void IStreamInput.OnTurn(long watermark) => Assert.That(Turns[^1], Is.EqualTo(watermark));

    private void Add(int gatherer, long at, string text) => Calls.Add((gatherer, at, text));

    private static string Text(ReadOnlySpan<byte> text) => Encoding.UTF8.GetString(text);

    private static string Levels(ReadOnlySpan<Level> levels) => string.Join(' ', levels.ToArray());
}
