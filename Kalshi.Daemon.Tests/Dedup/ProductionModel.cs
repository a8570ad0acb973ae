using System.Globalization;
using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>What production is to hold after what it was told, one call after another: the plain reading of <see cref="IBookOutput"/> and <see cref="IStreamOutput"/>.</summary>
internal sealed class ProductionModel : ITurn
{
    private readonly List<(int Market, ChangeKey Key, MarketChange Change)> _changes = [];
    private readonly List<(int Market, int Number, ChangeKey After, long ReceivedAt, string Levels)> _snapshots = [];
    private readonly Dictionary<(int, int), ProductionCoverage> _coverage = [];
    private readonly Dictionary<(int, int), (Vouch Vouch, long ToAt, ChangeKey Last, string Reason)> _vouches = [];
    private readonly Dictionary<(int, int), Disagreement> _disagreements = [];
    private readonly Dictionary<(int, string, long, long), ChannelCoverage> _channels = [];
    private readonly List<string> _rows = [];
    private readonly Dictionary<string, (string Title, string Status, long ChangedAt, string Payload)> _objects = [];

    private readonly Dictionary<string, Guid> _exchangeIds = [];

    /// <summary>Every row as a line, in the spelling of <see cref="ProductionContents"/>, sorted.</summary>
    public IEnumerable<string> Lines() => All().Order(StringComparer.Ordinal);

    private IEnumerable<string> All()
    {
        foreach (var (market, key, change) in _changes)
        {
            yield return Line("delta", market, key, change.ReceivedAt, Spell(change.Side), change.Price, change.Delta);
        }

        foreach (var (market, number, after, receivedAt, levels) in _snapshots)
        {
            yield return Line("snapshot", market, number, after, receivedAt, levels);
        }

        foreach (var row in _coverage.Values)
        {
            yield return Line("coverage", row.Market, row.Number, RowEncoder.StateText(row.State), row.FromAt, row.ToAt, row.First, row.Last, row.Reason);
        }

        foreach (var (vouch, toAt, last, reason) in _vouches.Values)
        {
            yield return Line("vouch", vouch.Market, vouch.Number, vouch.Gatherer, vouch.EpochId, vouch.FromAt, toAt, vouch.After, last, reason);
        }

        foreach (var row in _disagreements.Values)
        {
            yield return Line("disagreement", row.Market, row.Number, row.FoundAt, row.After, Spell(row.Held), Names(row.HeldBy), Spell(row.Other), $"g{row.OtherBy}", row.SettledAt == 0 ? "-" : row.SettledAt, row.Verdict);
        }

        foreach (var row in _channels.Values)
        {
            yield return Line("channel", row.Gatherer, row.Channel, row.FromAt, row.ToAt, row.EpochId == 0 ? "-" : row.EpochId, RowEncoder.StateText(row.State), row.Reason);
        }

        foreach (var (ticker, id) in _exchangeIds)
        {
            yield return Line("exchange id", ticker, id);
        }

        foreach (var (name, state) in _objects)
        {
            yield return Line("object", name, state.Title, state.Status, state.ChangedAt, state.Payload);
        }

        foreach (var row in _rows)
        {
            yield return row;
        }
    }

    /// <summary>Tickers in order of their ids.</summary>
    public List<string> Markets { get; } = [];

    public void AddMarket(int market, string ticker, long seenAt)
    {
        Markets.Add(ticker);
        _objects.Add(ticker, ("-", "-", seenAt, "-"));
    }

    public void AddExchangeId(int market, Guid exchangeId) => _exchangeIds.TryAdd(Markets[market - 1], exchangeId);

    public void OnChange(int market, ChangeKey key, in MarketChange change) => _changes.Add((market, key, change));

    public void OnSnapshot(int market, int number, ChangeKey after, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        var levels = new StringBuilder();
        foreach (var level in yes)
        {
            levels.Append(CultureInfo.InvariantCulture, $"{level.Price}:{level.Quantity},");
        }

        _snapshots.Add((market, number, after, receivedAt, levels.ToString()));
    }

    public void OnCoverage(in ProductionCoverage coverage) => _coverage[(coverage.Market, coverage.Number)] = coverage;

    public void OnCoverageRemoved(int market, int number) => _coverage.Remove((market, number));

    public void OnVouch(in Vouch vouch) => _vouches[(vouch.Market, vouch.Number)] = (vouch, long.MaxValue, ChangeKey.None, "");

    public void OnVouchEnded(int market, int number, long toAt, ChangeKey last, string reason)
    {
        if (_vouches.TryGetValue((market, number), out var known))
        {
            _vouches[(market, number)] = (known.Vouch, toAt, last, reason);
        }
    }

    public void OnDisagreement(in Disagreement disagreement) => _disagreements[(disagreement.Market, disagreement.Number)] = disagreement;

    public void OnRenumbered(int market, long at, int first, int count, int by)
    {
        ChangeKey Shift(ChangeKey key, int from) => key.At == at && key.Ordinal >= from && key.Ordinal < first + count ? key with { Ordinal = key.Ordinal + by } : key;
        for (var i = 0; i < _changes.Count; i++)
        {
            var row = _changes[i];
            _changes[i] = row.Market == market ? row with { Key = Shift(row.Key, first) } : row;
        }

        for (var i = 0; i < _snapshots.Count; i++)
        {
            var row = _snapshots[i];
            _snapshots[i] = row.Market == market ? row with { After = Shift(row.After, first) } : row;
        }

        foreach (var (id, row) in _coverage.Where(row => row.Key.Item1 == market).ToArray())
        {
            _coverage[id] = row with { First = Shift(row.First, first), Last = Shift(row.Last, first) };
        }

        foreach (var (id, row) in _vouches.Where(row => row.Key.Item1 == market).ToArray())
        {
            _vouches[id] = row with { Vouch = row.Vouch with { After = Shift(row.Vouch.After, first - 1) }, Last = Shift(row.Last, first) };
        }
    }

    public void OnJoined(int market, int number, int into, ChangeKey opening)
    {
        for (var i = 0; i < _snapshots.Count; i++)
        {
            var row = _snapshots[i];
            if (row.Market == market && row.Number == number)
            {
                _snapshots[i] = row with { Number = into, After = row.After.IsNone ? opening : row.After };
            }
        }
    }

    public void OnWithdrawn(int market, ChangeKey after, ChangeKey last)
    {
        _changes.RemoveAll(row => row.Market == market && row.Key > after && row.Key <= last);
        _snapshots.RemoveAll(row => row.Market == market && !row.After.IsNone && row.After > after && row.After <= last);
    }

    public void OnTrade(int market, long exchangeAt, long receivedAt, Message trade, bool isBackfilled) =>
        _rows.Add(Line("trade", market, exchangeAt, receivedAt, trade.Count, Encoding.UTF8.GetString(trade.TradeId), isBackfilled ? "b" : "s"));

    public void OnTicker(int market, long exchangeAt, long receivedAt, Message ticker) => _rows.Add(Line("ticker", market, exchangeAt, receivedAt, ticker.Volume));

    public void OnLifecycle(int market, long receivedAt, Message message, ReadOnlySpan<byte> payload) =>
        _rows.Add(Line("lifecycle", market == 0 ? "-" : market, receivedAt, Encoding.UTF8.GetString(message.EventType), Encoding.UTF8.GetString(payload)));

    public void OnRejected(int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame) =>
        _rows.Add(Line("rejected", gatherer, market, receivedAt, FrameTypes.Name(type), reason, Encoding.UTF8.GetString(frame)));

    public void OnObject(ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin, bool isNewest)
    {
        var (name, title, status, text) = (Text(item.Ticker.Span), Text(item.Title.Span), Text(item.Status.Span), Text(payload));
        _rows.Add(Line("history", name, receivedAt, title, text));
        if (!isNewest)
        {
            return;
        }

        var isWhole = kind == ObjectKind.Series; // told by REST only, whole
        var known = _objects.GetValueOrDefault(name, ("-", "-", 0, "-"));
        _objects[name] = (
            title == "-" && !isWhole ? known.Item1 : title, kind != ObjectKind.Market ? "-" : status == "-" ? known.Item2 : status,
            receivedAt, isWhole || origin.SequenceEqual("rest"u8) ? text : known.Item4);
    }

    public void OnChannelCoverage(in ChannelCoverage coverage)
    {
        var key = (coverage.Gatherer, coverage.Channel, coverage.FromAt, coverage.EpochId);
        if (coverage.State == CoverageState.Gap && coverage.ToAt <= coverage.FromAt)
        {
            _channels.Remove(key);
        }
        else
        {
            _channels[key] = coverage;
        }
    }

    private static string Text(ReadOnlySpan<byte> text) => text.IsEmpty ? "-" : Encoding.UTF8.GetString(text);

    private static string Names(uint bits) => string.Join(',', Enumerable.Range(0, 32).Where(i => (bits >> i & 1) == 1).Select(i => $"g{i}"));

    private static string Spell(Side side) => side == Side.Yes ? "y" : "n";

    private static string Spell(MarketChange change) => change.At == 0 ? "-|-|-|-" : Line(change.At, Spell(change.Side), change.Price, change.Delta);

    private static string Line(params object[] values) => string.Join('|', values.Select(value => value switch
    {
        ChangeKey { IsNone: true } => "-|-",
        ChangeKey key => string.Create(CultureInfo.InvariantCulture, $"{key.At}|{key.Ordinal}"),
        long.MaxValue => "infinity",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString(),
    }));
}
