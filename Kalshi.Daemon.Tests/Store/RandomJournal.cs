using System.Globalization;
using System.Text;
using Kalshi.Daemon.Journal;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>
/// Records as a gatherer writes them, without end and out of one seed: sessions that open, subscribe, gap, fail and close, markets that
/// are dropped and come back, processes that end, trades that come by stream, by page and twice. One thread.
/// </summary>
internal sealed class RandomJournal(Random random, int markets = 40)
{
    private const long Start = 1_790_000_000_000_000;

    private readonly List<Session> _sessions = [];
    private readonly Queue<(RecordKind Kind, int Session, byte[] Bytes)> _next = [];
    private readonly List<(string Id, string Ticker)> _trades = [];
    private int _sessionCount;
    private int _commandId;
    private long _now = Start;

    /// <summary>Exchange time that the records speak of, µs.</summary>
    public long Now => _now;

    public (RecordKind Kind, int Session, byte[] Bytes) Next()
    {
        _now += random.Next(1, 40_000);
        while (_next.Count == 0)
        {
            Move();
        }

        return _next.Dequeue();
    }

    /// <summary>Ends everything in order, as a clean stop does.</summary>
    public IEnumerable<(RecordKind Kind, int Session, byte[] Bytes)> End()
    {
        foreach (var session in _sessions.ToArray())
        {
            Close(session, "stop");
        }

        Add(RecordKind.ProcessStopped, 0, """{"reason":"test"}""");
        while (_next.TryDequeue(out var record))
        {
            yield return record;
        }
    }

    private void Move()
    {
        if (_sessions.Count < 3)
        {
            Open();
            return;
        }

        var session = _sessions[random.Next(_sessions.Count)];
        var sid = session.Sids[random.Next(session.Sids.Count)];
        switch (random.Next(1_000))
        {
            case 0: Restart(); break;
            case < 4: Close(session, Pick("half open", "EOF \u00fc \\u0000", "")); break;
            case < 7: EndSid(session, sid); break;
            case < 25: sid.Seq += random.Next(1, 4); break;
            case < 35: Delete(session, sid); break;
            case < 55: Reject(session, sid); break;
            case < 65: Frame(session, $$$"""{"type":"{{{Pick("odd", "pyth_value", "")}}}","sid":{{{sid.Number}}},"seq":{{{++sid.Seq}}},"msg":{}}"""); break;
            case < 70: Frame(session, Pick("no json", "{}", """{"type":"odd"}""", """{"type":"error","msg":{"code":6,"msg":"x"}}""")); break;
            case < 75: Frame(session, $$$"""{"type":"error","id":{{{_commandId}}},"sid":{{{sid.Number}}},"seq":{{{++sid.Seq}}},"msg":{"code":{{{Pick("6", "25", "10")}}},"msg":"x"}}"""); break;
            case < 95: Registry(); break;
            case < 105: Backfill(); break;
            case < 108: Add(RecordKind.GapSeen, session.Number, "{}"); break;
            default: Data(session, sid); break;
        }
    }

    private void Data(Session session, Sid sid)
    {
        switch (sid.Channel)
        {
            case "orderbook_delta" when sid.Fresh.Count > 0 || random.Next(40) == 0:
                var ticker = sid.Fresh.Count > 0 ? sid.Fresh.Dequeue() : Ticker();
                Frame(session, $$$"""{"type":"orderbook_snapshot","sid":{{{sid.Number}}},"seq":{{{++sid.Seq}}},"msg":{"market_ticker":"{{{ticker}}}","market_id":"{{{MarketId(ticker)}}}"{{{Levels("yes")}}}{{{Levels("no")}}}}}""");
                break;
            case "orderbook_delta":
                Frame(session, Delta(sid, Ticker()));
                break;
            case "trade":
                Trade(session, sid);
                break;
            case "ticker":
                var numbered = random.Next(50) == 0 ? $",\"seq\":{++sid.Seq}" : "";
                Frame(session, $$$"""{"type":"ticker","sid":{{{sid.Number}}}{{{numbered}}},"msg":{"market_ticker":"{{{Ticker()}}}","price_dollars":"{{{Price()}}}","yes_bid_dollars":"{{{Price()}}}","volume_fp":"759.86","dollar_volume":{{{random.Next(1_000)}}},"ts":{{{_now / 1_000_000}}},"ts_ms":{{{_now / 1_000}}}}}""");
                break;
            default:
                Lifecycle(session, sid);
                break;
        }
    }

    private string Delta(Sid sid, string ticker) =>
        $$$"""{"type":"orderbook_delta","sid":{{{sid.Number}}},"seq":{{{++sid.Seq}}},"msg":{"market_ticker":"{{{ticker}}}","market_id":"{{{MarketId(ticker)}}}","price_dollars":"{{{Price()}}}","delta_fp":"{{{Size(random.Next(-50_000, 50_000))}}}","side":"{{{Pick("yes", "no")}}}"{{{Stamp()}}}}}""";

    // Some without a stamp.
    private string Stamp() => random.Next(20) == 0 ? "" : $",\"ts\":\"{Kalshi.Daemon.Primitives.Micros.Format(_now)}\",\"ts_ms\":{_now / 1_000}";

    private void Trade(Session session, Sid sid)
    {
        // One in twenty is told again.
        var (id, ticker) = _trades.Count > 0 && random.Next(20) == 0 ? _trades[random.Next(_trades.Count)] : NewTrade();
        Frame(session, $$$"""{"type":"trade","sid":{{{sid.Number}}},"seq":{{{++sid.Seq}}},"msg":{"trade_id":"{{{id}}}","market_ticker":"{{{ticker}}}","yes_price_dollars":"0.6800","no_price_dollars":"0.3200","count_fp":"{{{Size(random.Next(1, 9_000))}}}"{{{Pick("", ",\"taker_side\":\"yes\"", ",\"taker_side\":\"no\",\"taker_book_side\":\"ask\",\"is_block_trade\":true")}}},"ts":{{{_now / 1_000_000}}},"ts_ms":{{{_now / 1_000}}}}}""");
    }

    /// <summary>A trade keeps its market wherever it is told again.</summary>
    private (string Id, string Ticker) NewTrade()
    {
        var trade = (string.Create(CultureInfo.InvariantCulture, $"trade-{_trades.Count + 1}"), Ticker());
        _trades.Add(trade);
        return trade;
    }

    private void Lifecycle(Session session, Sid sid)
    {
        var ticker = Ticker();
        Frame(session, Pick(
            $$$"""{"type":"market_lifecycle_v2","sid":{{{sid.Number}}},"seq":{{{++sid.Seq}}},"msg":{"market_ticker":"{{{ticker}}}","open_ts":1795442440,"close_ts":{{{1795442440 + random.Next(100)}}},"additional_metadata":{"name":"Ü {1}","title":"\"rain\" {{{random.Next(3)}}}?"},"event_type":"created"}}""",
            $$$"""{"type":"market_lifecycle_v2","sid":{{{sid.Number}}},"seq":{{{sid.Seq}}},"msg":{"market_ticker":"{{{ticker}}}","result":"{{{Pick("yes", "no")}}}","event_type":"{{{Pick("determined", "settled", "activated")}}}"}}""",
            $$$"""{"type":"event_lifecycle","sid":{{{sid.Number}}},"seq":{{{sid.Seq}}},"msg":{"event_ticker":"EV-{{{random.Next(9)}}}","title":"t {{{random.Next(3)}}}","series_ticker":"SERIES"}}""",
            $$$"""{"type":"event_fee_update","sid":{{{sid.Number}}},"seq":{{{sid.Seq}}},"msg":{"event_ticker":"EV-1","fee_multiplier_override":1.5}}"""));
    }

    private void Registry()
    {
        var objects = Enumerable.Range(0, random.Next(1, 8)).Select(_ => Ticker()).Select(ticker =>
            $$$"""{"ticker":"{{{ticker}}}","event_ticker":"EV-{{{random.Next(9)}}}","market_type":"binary","title":"{{{Pick("Rain", "Snow \\u0000", "\u00fcber")}}}","status":"{{{Pick("active", "finalized")}}}","result":"","open_time":"2026-01-01T00:00:00Z","close_time":"2027-01-0{{{random.Next(1, 9)}}}T00:00:00Z","volume_fp":"{{{random.Next(99)}}}.00"}""");
        Page("registry", Pick(
            $$$"""{"cursor":"","markets":[{{{string.Join(',', objects)}}}]}""",
            $$$"""{"events":[{"event_ticker":"EV-{{{random.Next(9)}}}","series_ticker":"SERIES","category":"{{{Pick("Weather", "Politics")}}}","title":"Event","markets":[]}]}""",
            $$$"""{"series":[{"ticker":"SERIES","category":"Weather","frequency":"{{{Pick("daily", "hourly")}}}","title":"Series"}]}""",
            """{"broken":"""));
    }

    private void Backfill()
    {
        var trades = Enumerable.Range(0, random.Next(0, 6)).Select(_ => _trades.Count > 0 && random.Next(2) == 0 ? _trades[random.Next(_trades.Count)] : NewTrade()).Select(trade =>
            $$$"""{"trade_id":"{{{trade.Id}}}","ticker":"{{{trade.Ticker}}}","yes_price_dollars":"0.6800","no_price_dollars":"0.3200","count_fp":"1.00","taker_side":"yes","created_time":"{{{Kalshi.Daemon.Primitives.Micros.Format(_now)}}}"}""");
        var (from, to) = (_now - random.Next(60_000_000), _now + random.Next(60_000_000));
        Add(RecordKind.RestPage, 0, $$$"""{"path":"/markets/trades","status":{{{Pick("200", "200", "429")}}},"purpose":"trades_backfill","from_at":{{{from}}},"to_at":{{{to}}},"last":{{{Pick("true", "false")}}}}""" + "\n"
            + $$$"""{"cursor":"","trades":[{{{string.Join(',', trades)}}}]}""");
    }

    private void Page(string purpose, string body) =>
        Add(RecordKind.RestPage, 0, $$$"""{"path":"/{{{purpose}}}","status":200,"purpose":"{{{purpose}}}"}""" + "\n" + body);

    private void Reject(Session session, Sid sid) =>
        Frame(session, Pick(
            $$$"""{"type":"orderbook_delta","sid":{{{sid.Number}}},"seq":{{{++sid.Seq}}},"msg":{"market_ticker":"{{{Ticker()}}}"}}""",
            $$$"""{"type":"orderbook_delta","sid":{{{sid.Number}}},"seq":{{{sid.Seq}}},"msg":{}}""",
            $$$"""{"type":"trade","sid":{{{sid.Number}}},"seq":{{{sid.Seq}}},"msg":{"trade_id":"x"}}"""));

    private void Open()
    {
        var session = new Session(++_sessionCount);
        _sessions.Add(session);
        Add(RecordKind.SessionOpened, session.Number, $$$"""{"session":{{{session.Number}}},"url":"ws://x/{{{session.Number}}}","purpose":"{{{Pick("books", "trades")}}}"}""");
        var channels = random.Next(2) == 0 ? ["orderbook_delta"] : new[] { "orderbook_delta", "trade", "ticker", "market_lifecycle_v2" };
        foreach (var channel in channels)
        {
            Subscribe(session, channel);
        }
    }

    private void Subscribe(Session session, string channel)
    {
        var sid = new Sid(session.Sids.Count == 0 ? 1 : session.Sids.Max(each => each.Number) + 1, channel);
        session.Sids.Add(sid);
        var tickers = channel == "orderbook_delta" ? Enumerable.Range(0, random.Next(1, 10)).Select(_ => Ticker()).Distinct().ToArray() : [];
        var named = tickers.Length == 0 ? "" : $",\"market_tickers\":[{Quoted(tickers)}],\"use_yes_price\":true";
        Add(RecordKind.Command, session.Number, $$$"""{"id":{{{++_commandId}}},"cmd":"subscribe","params":{"channels":["{{{channel}}}"]{{{named}}}}}""");
        Frame(session, $$$"""{"type":"subscribed","id":{{{_commandId}}},"msg":{"channel":"{{{channel}}}","sid":{{{sid.Number}}}}}""");
        Array.ForEach(tickers, sid.Fresh.Enqueue);
    }

    /// <summary>Sometimes the same markets twice, sometimes with frames and a gap between the command and its reply.</summary>
    private void Delete(Session session, Sid sid)
    {
        var tickers = Enumerable.Range(0, random.Next(1, 6)).Select(_ => Ticker()).ToArray();
        Add(RecordKind.Command, session.Number, $$$"""{"id":{{{++_commandId}}},"cmd":"update_subscription","params":{"sids":[{{{sid.Number}}}],"action":"delete_markets","market_tickers":[{{{Quoted(tickers)}}}]}}""");
        var id = _commandId;
        for (var between = random.Next(3); between > 0; between--)
        {
            sid.Seq += random.Next(4) == 0 ? 2 : 0;
            Data(session, sid);
        }

        Frame(session, $$$"""{"type":"ok","id":{{{id}}},"sid":{{{sid.Number}}},"seq":{{{++sid.Seq}}},"msg":{"market_tickers":[]}}""");
    }

    private void EndSid(Session session, Sid sid)
    {
        if (random.Next(2) == 0)
        {
            Frame(session, $$$"""{"type":"unsubscribed","id":{{{++_commandId}}},"sid":{{{sid.Number}}},"seq":{{{++sid.Seq}}}}""");
        }

        Subscribe(session, sid.Channel);
        session.Sids.Remove(sid);
    }

    private void Close(Session session, string reason)
    {
        _sessions.Remove(session);
        Add(RecordKind.SessionClosed, session.Number, $$$"""{"session":{{{session.Number}}},"reason":"{{{reason}}}"}""");
    }

    /// <summary>A kill leaves sessions open; one time in three the journal is new as well, and sessions are numbered from 1 again.</summary>
    private void Restart()
    {
        _sessions.Clear();
        _sessionCount = random.Next(3) == 0 ? 0 : _sessionCount;
        Add(RecordKind.ProcessStarted, 0, """{"gatherer":"test","version":"0"}""");
    }

    private void Frame(Session session, string text) => Add(RecordKind.Frame, session.Number, text);

    private void Add(RecordKind kind, int session, string text) => _next.Enqueue((kind, session, Encoding.UTF8.GetBytes(text)));

    private string Ticker()
    {
        // The low numbers are busier.
        var number = random.Next(random.Next(1, markets + 1));
        return string.Create(CultureInfo.InvariantCulture, $"KX-{number}");
    }

    private string MarketId(string ticker) =>
        random.Next(3) == 0 ? "" : $"4f5c2e39-5132-4147-ba3f-{int.Parse(ticker.AsSpan(3), CultureInfo.InvariantCulture):x12}";

    private string Levels(string side)
    {
        var levels = Enumerable.Range(1, 98).Where(_ => random.Next(10) == 0).Select(cents => $"[\"0.{cents:00}00\",\"{Size(random.Next(1, 99_999))}\"]").ToArray();
        return levels.Length == 0 ? "" : $",\"{side}_dollars_fp\":[{string.Join(',', levels)}]";
    }

    private string Price() => string.Create(CultureInfo.InvariantCulture, $"0.{random.Next(1, 99):00}00");

    private static string Size(int hundredths) => (hundredths / 100m).ToString("0.00", CultureInfo.InvariantCulture);

    private static string Quoted(string[] tickers) => string.Join(',', tickers.Select(ticker => $"\"{ticker}\""));

    private string Pick(params string[] choices) => choices[random.Next(choices.Length)];

    private sealed record Session(int Number)
    {
        public List<Sid> Sids { get; } = [];
    }

    private sealed class Sid(int number, string channel)
    {
        public int Number => number;

        public string Channel => channel;

        public long Seq;

        /// <summary>Subscribed markets whose snapshot has not come.</summary>
        public readonly Queue<string> Fresh = [];
    }
}
