using System.Globalization;
using System.Text;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Tests.Books;

namespace Kalshi.Daemon.Tests.Verify;

/// <summary>
/// An exchange, its faults and a gatherer in one loop: a seed makes journal records, the truth beside them, and the numbers a
/// verification must come to. One book sid and one trade sid a session; faults as <see cref="Step"/> names them.
/// </summary>
internal sealed class MiniExchange
{
    private const int MarketCount = 6;

    private readonly Random _random;
    private readonly Script _script = new();
    private readonly StringBuilder _truth = new();
    private readonly SortedDictionary<(Side Side, int Price), long>[] _books = new SortedDictionary<(Side, int), long>[MarketCount];
    private readonly bool[] _subscribed = new bool[MarketCount];
    private readonly List<(string Id, int Market, long At)> _trades = [];
    private int _session;
    private long _bookSeq;
    private long _tradeSeq;
    private long _commandId;
    private long _clock = 1_000_000_000;
    private bool _isConnected;
    private long _backfillFrom;

    public MiniExchange(int seed, int steps, bool withFaults = true)
    {
        _random = new Random(seed);
        for (var market = 0; market < MarketCount; market++)
        {
            _books[market] = [];
        }

        _script.ProcessStarted();
        for (var i = 0; i < steps; i++)
        {
            Step(withFaults);
        }

        Connect("end");
        Backfill();
    }

    public Script Script => _script;

    public string Truth => _truth.ToString();

    public long Produced { get; private set; }

    public long Captured { get; private set; }

    public long Rejected { get; private set; }

    public long TradesProduced => _trades.Count;

    private void Step(bool withFaults)
    {
        if (!_isConnected && _random.Next(5) == 0)
        {
            Connect("");
        }

        switch (_random.Next(withFaults ? 100 : 83))
        {
            case < 70: Change(isDropped: false, isRejected: false); break;
            case < 80: Trade(isDropped: false); break;
            case < 82: Snapshot(_random.Next(MarketCount)); break;
            case < 83: Close(_random.Next(MarketCount)); break;
            case < 88: Change(isDropped: true, isRejected: false); break;
            case < 90: Trade(isDropped: true); break;
            case < 91: Change(isDropped: false, isRejected: true); break;
            case < 92: Disconnect(isKilled: false); break;
            case < 93: Disconnect(isKilled: true); break;
            case < 94: Overflow(); break;
            case < 96: DeleteOrAdd(); break;
            default: Recover(); break;
        }
    }

    private void Change(bool isDropped, bool isRejected)
    {
        var market = _random.Next(MarketCount);
        var book = _books[market];
        var side = _random.Next(2) == 0 ? Side.Yes : Side.No;
        var price = _random.Next(1, 9) * 10_000;
        var held = book.GetValueOrDefault((side, price));

        // Small numbers, and a clock that often stands still: equal deltas at equal stamps must be common.
        var delta = held > 0 && _random.Next(2) == 0 ? -Math.Min(held, 100 * _random.Next(1, 3)) : 100 * _random.Next(1, 3);
        _clock += _random.Next(3) == 0 ? _random.Next(1, 50) : 0;
        Apply(book, side, price, delta);
        Produced++;
        _truth.Append(CultureInfo.InvariantCulture, $$"""{"kind":"delta","ticker":"{{Name(market)}}","exchange_at":{{_clock}},"side":"{{Word(side)}}","price":{{price}},"delta":{{delta}}}""").Append('\n');
        if (!_isConnected || !_subscribed[market])
        {
            return;
        }

        var text = Script.DeltaText(++_bookSeq, Name(market), Word(side), Script.Dollars(price), Script.Contracts(delta), _clock);
        if (isRejected)
        {
            Rejected++;
            _script.Frame(text.Replace("price_dollars", "renamed_price", StringComparison.Ordinal), _session);
        }
        else if (!isDropped)
        {
            Captured++;
            _script.Frame(text, _session);
        }
    }

    private void Trade(bool isDropped)
    {
        var market = _random.Next(MarketCount);
        _clock += _random.Next(0, 2_000);
        var at = _clock / 1_000 * 1_000;
        var id = Guid.NewGuid().ToString();
        _trades.Add((id, market, at));
        _truth.Append(CultureInfo.InvariantCulture, $$"""{"kind":"trade","ticker":"{{Name(market)}}","exchange_at":{{at}},"trade_id":"{{id}}","yes_price":680000,"no_price":320000,"count":4602,"taker_side":"yes","taker_book_side":"bid","is_block_trade":false}""").Append('\n');
        if (!_isConnected)
        {
            return;
        }

        _tradeSeq++;
        if (!isDropped)
        {
            _script.Trade(_tradeSeq, Name(market), id, at, _session);
        }
    }

    private void Snapshot(int market)
    {
        if (_isConnected && _subscribed[market])
        {
            Levels(market, Side.Yes, out var yes);
            Levels(market, Side.No, out var no);
            _truth.Append(CultureInfo.InvariantCulture, $$"""{"kind":"snapshot","ticker":"{{Name(market)}}","exchange_at":{{_clock}},"yes":[{{Pairs(yes)}}],"no":[{{Pairs(no)}}]}""").Append('\n');
            _script.Snapshot(++_bookSeq, Name(market), Script.Levels(yes), Script.Levels(no), _session);
        }
    }

    /// <summary>The exchange empties the book without deltas, and says so by an empty snapshot to those who listen.</summary>
    private void Close(int market)
    {
        if (_isConnected && _subscribed[market])
        {
            _books[market].Clear();
            Snapshot(market);
        }
    }

    private void Connect(string reason)
    {
        if (_isConnected)
        {
            _script.SessionClosed(_session, reason);
        }

        _session++;
        _isConnected = true;
        (_bookSeq, _tradeSeq) = (0, 0);
        _script.SubscribeGlobal("trade", _session, 2, ++_commandId);
        _script.SubscribeBooks(_session, 1, ++_commandId, false, [.. Enumerable.Range(0, MarketCount).Select(Name)]);
        for (var market = 0; market < MarketCount; market++)
        {
            _subscribed[market] = true;
            Snapshot(market);
        }

        Backfill();
    }

    private void Disconnect(bool isKilled)
    {
        if (!_isConnected)
        {
            return;
        }

        _isConnected = false;
        if (isKilled)
        {
            _script.ProcessStarted();
        }
        else
        {
            _script.SessionClosed(_session, "reset by peer");
        }
    }

    private void Overflow()
    {
        if (_isConnected)
        {
            _script.Frame($$$"""{"type":"error","sid":1,"seq":{{{++_bookSeq}}},"msg":{"code":25,"msg":"Subscription buffer overflow"}}""", _session);
            Array.Clear(_subscribed);
        }
    }

    private void DeleteOrAdd()
    {
        var market = _random.Next(MarketCount);
        if (!_isConnected || !_subscribed.Any(isSubscribed => isSubscribed))
        {
            return;
        }

        if (_subscribed[market])
        {
            _script.Command($$$"""{"id":{{{++_commandId}}},"cmd":"update_subscription","params":{"sids":[1],"action":"delete_markets","market_tickers":["{{{Name(market)}}}"]}}""", _session);
            _subscribed[market] = false;
            _script.Ok(++_bookSeq, _commandId, _session);
        }
        else
        {
            _script.Ok(++_bookSeq, ++_commandId, _session);
            _subscribed[market] = true;
            Snapshot(market);
        }
    }

    private void Recover()
    {
        for (var market = 0; market < MarketCount; market++)
        {
            Snapshot(market);
        }

        Backfill();
    }

    private void Backfill()
    {
        var elements = _trades.Where(trade => trade.At >= _backfillFrom).Select(trade =>
            $$"""{"trade_id":"{{trade.Id}}","ticker":"{{Name(trade.Market)}}","yes_price_dollars":"0.6800","no_price_dollars":"0.3200","count_fp":"46.02","taker_side":"yes","created_time":"{{Kalshi.Daemon.Primitives.Micros.Format(trade.At)}}"}""");
        _script.BackfillPage(_backfillFrom, _clock, last: true, string.Join(',', elements));
        _backfillFrom = Math.Max(0, _clock - 20_000);
    }

    private static void Apply(SortedDictionary<(Side, int), long> book, Side side, int price, long delta)
    {
        var quantity = book.GetValueOrDefault((side, price)) + delta;
        if (quantity == 0)
        {
            book.Remove((side, price));
        }
        else
        {
            book[(side, price)] = quantity;
        }
    }

    private void Levels(int market, Side side, out Level[] levels) =>
        levels = [.. _books[market].Where(pair => pair.Key.Side == side).Select(pair => new Level(pair.Key.Price, pair.Value))];

    private static string Pairs(Level[] levels) => string.Join(',', levels.Select(level => $"[{level.Price},{level.Quantity}]"));

    private static string Name(int market) => $"M{market}";

    private static string Word(Side side) => side == Side.Yes ? "yes" : "no";
}
