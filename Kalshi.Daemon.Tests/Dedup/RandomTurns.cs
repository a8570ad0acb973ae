using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// Turns out of one seed, without end: everything that can be written, in any mixture, with corrections of what the turn itself and earlier ones
/// wrote, and rows of days ago. They need not make sense as books. Each can be told again, and the last ones can be taken back.
/// </summary>
internal sealed class RandomTurns(Random random, int rows = 60, int markets = 12)
{
    public const long Start = 1_790_000_000_000_000;
    public const int Gatherers = 3;

    private readonly List<List<Action<ITurn>>> _turns = [];
    private readonly FrameDecoder _decoder = new();
    private readonly RegistryObject _item = new();
    private int _ids;

    public int Count => _turns.Count;

    /// <summary>Adds a turn.</summary>
    public void Add()
    {
        var turn = new List<Action<ITurn>>();
        // Where a ticker gets its id is the turn's business as well.
        for (var market = MarketsAt(_turns.Count); market < MarketsAt(_turns.Count + 1); market++)
        {
            var (id, seenAt) = (market + 1, Start + _turns.Count);
            turn.Add(to => to.AddMarket(id, $"KX-{id}", seenAt));
        }

        for (var i = random.Next(rows); i >= 0; i--)
        {
            turn.Add(Row());
        }

        _turns.Add(turn);
    }

    public void Tell(int turn, ITurn to) => _turns[turn].ForEach(row => row(to));

    /// <summary>Forgets the turns behind the first `count`.</summary>
    public void Truncate(int count) => _turns.RemoveRange(count, _turns.Count - count);

    public static long WatermarkOf(long turn) => Start + (turn * 250_000);

    /// <summary>Gatherers move in some turns only.</summary>
    public static long PositionOf(int gatherer, long turn) => turn < gatherer ? 0 : WatermarkOf(turn - (turn % (gatherer + 1))) - gatherer;

    private int MarketsAt(int turn) => turn == 0 ? 0 : Math.Min(markets, 3 + turn);

    private Action<ITurn> Row()
    {
        var (market, number, key, other) = (Market(), random.Next(1, 5), Key(), Key());
        switch (random.Next(112))
        {
            case < 40:
                var change = new MarketChange(key.At, key.At + random.Next(1_000_000), AnySide(), random.Next(1, 999) * 1_000, random.Next(-9_000, 9_000));
                return to => to.OnChange(market, key, change);
            case < 48:
                var after = random.Next(3) == 0 ? ChangeKey.None : key;
                Level[] yes = [.. Enumerable.Range(1, random.Next(4)).Select(i => new Level { Price = i * 10_000, Quantity = random.Next(1, 5_000) })];
                // Received behind its place, and behind the begin of its coverage row.
                var at = Math.Max(key.At, FromAt(number)) + random.Next(1_000_000);
                return to => to.OnSnapshot(market, number, after, at, yes, []);
            case < 55:
                var coverage = new ProductionCoverage(
                    market, number, (CoverageState)random.Next(3), FromAt(number), Pick(long.MaxValue, key.At), Pick(ChangeKey.None, key), Pick(ChangeKey.None, other), Pick("", "gap"));
                return to => to.OnCoverage(coverage);
            case < 57:
                return to => to.OnCoverageRemoved(market, number);
            case < 63:
                var vouch = new Vouch(market, number, random.Next(Gatherers), Start + random.Next(9), key.At, Pick(ChangeKey.None, key with { Ordinal = key.Ordinal - 1 }));
                return to => to.OnVouch(vouch);
            case < 67:
                var last = Pick(ChangeKey.None, key);
                return to => to.OnVouchEnded(market, number, other.At, last, "ended");
            case < 69:
                var held = random.Next(3) == 0 ? default : new MarketChange(key.At, 1, AnySide(), 5, 6);
                var disagreement = new Disagreement(market, number, key.At, Pick(ChangeKey.None, key), held, (uint)random.Next(8), new MarketChange(other.At, 2, AnySide(), 7, 8), random.Next(Gatherers), Pick(0, other.At), Pick("", "held"));
                return to => to.OnDisagreement(disagreement);
            case < 73:
                var (first, count, by) = (random.Next(3), random.Next(1, 4), random.Next(1, 4));
                return to => to.OnRenumbered(market, key.At, first, count, by);
            case < 77:
                var into = random.Next(1, 5);
                var opening = Pick(ChangeKey.None, key);
                return to => to.OnJoined(market, number, into, opening);
            case < 79:
                var (low, high) = key < other ? (key, other) : (other, key);
                low = Pick(low, low, ChangeKey.None);
                return to => to.OnWithdrawn(market, low, high);
            case < 81:
                var exchangeId = new Guid(random.Next(), 0, 0, new byte[8]);
                return to => to.AddExchangeId(market, exchangeId);
            default:
                return Stream(market, key.At);
        }
    }

    private Action<ITurn> Stream(int market, long at)
    {
        var (id, gatherer, isFlag, text) = (++_ids, random.Next(Gatherers), random.Next(2) == 0, Pick("rest", "lifecycle"));
        switch (random.Next(9))
        {
            case 0 or 1:
                return to => to.OnTrade(market, at, at + id, Decode($$$"""{"type":"trade","sid":1,"seq":1,"msg":{"trade_id":"t{{{id}}}","market_ticker":"X","yes_price_dollars":"0.6800","no_price_dollars":"0.3200","count_fp":"{{{id}}}.00","taker_side":"yes","ts":{{{at / 1_000_000}}}}}"""), isFlag);
            case 2:
                return to => to.OnTicker(market, at, at + id, Decode($$$"""{"type":"ticker","sid":1,"msg":{"market_ticker":"X","price_dollars":"0.5000","volume_fp":"{{{id}}}.86","ts":{{{at / 1_000_000}}}}}"""));
            case 3:
                return to => to.OnLifecycle(isFlag ? market : 0, at, Decode($$$"""{"type":"market_lifecycle_v2","sid":1,"seq":2,"msg":{"market_ticker":"X","event_type":"settled"}}"""), Encoding.UTF8.GetBytes($"{{\"n\":{id}}}"));
            case 4:
                return to => to.OnRejected(gatherer, market, at, FrameType.OrderbookDelta, "torn", Encoding.UTF8.GetBytes($"frame {id}"));
            case 5 or 6:
                var kind = (ObjectKind)random.Next(1, 4);
                var (title, status) = (Pick("", $"title {id}"), Pick("", $"status {id}"));
                var ticker = kind == ObjectKind.Market ? $"KX-{market}" : $"{kind}-{random.Next(4)}";
                // Newest ones come in the order of time.
                return to => to.OnObject(kind, kind == ObjectKind.Market ? market : 0, Start + id, Item(ticker, title, status), Encoding.UTF8.GetBytes($"{{\"n\":{id}}}"), Encoding.UTF8.GetBytes(text), isFlag);
            default:
                var from = Start + random.Next(4);
                var coverage = new ChannelCoverage(gatherer, Pick("trade", "ticker"), from, Pick(from, long.MaxValue, from + id), Pick(0, Start), (CoverageState)random.Next(3), Pick("", "lost"));
                return to => to.OnChannelCoverage(coverage);
        }
    }

    private Message Decode(string frame)
    {
        if (_decoder.Decode(Encoding.UTF8.GetBytes(frame), useYesPrice: false) != DecodeVerdict.Decoded)
        {
            throw new InvalidOperationException($"the test's frame is not decoded: {frame}");
        }

        return _decoder.Message;
    }

    private RegistryObject Item(string ticker, string title, string status)
    {
        _item.Clear();
        _item.Ticker.Set(Encoding.UTF8.GetBytes(ticker));
        _item.Title.Set(Encoding.UTF8.GetBytes(title));
        _item.Status.Set(Encoding.UTF8.GetBytes(status));
        return _item;
    }

    private int Market() => random.Next(1, MarketsAt(_turns.Count + 1) + 1);

    /// <summary>Few instants, so that corrections meet rows; some of them days ago.</summary>
    private ChangeKey Key() => new(Start + (random.Next(4) * Micros.PerSecond) - (random.Next(8) == 0 ? random.Next(3) * 20 * Micros.PerDay : 0), random.Next(4));

    private static long FromAt(int number) => Start + (number * Micros.PerMinute);

    private Side AnySide() => random.Next(2) == 0 ? Side.Yes : Side.No;

    private T Pick<T>(params T[] choices) => choices[random.Next(choices.Length)];
}
