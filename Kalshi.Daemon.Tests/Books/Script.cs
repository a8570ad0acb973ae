using System.Globalization;
using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;

namespace Kalshi.Daemon.Tests.Books;

/// <summary>Journal records in memory, written as a test reads: each call is the next record, stamped 10 µs after the one before.</summary>
internal sealed class Script
{
    public const long StepMicros = 10;

    public readonly List<(long At, int Session, RecordKind Kind, byte[] Bytes, bool IsDamage)> Records = [];

    /// <summary>Stamp of the last record.</summary>
    public long At { get; private set; }

    public Script Add(RecordKind kind, int session, string text)
    {
        At += StepMicros;
        Records.Add((At, session, kind, Encoding.UTF8.GetBytes(text), false));
        return this;
    }

    public Script Damage()
    {
        Records.Add((At, 0, RecordKind.Frame, [], true));
        return this;
    }

    public Script Frame(string text, int session = 1) => Add(RecordKind.Frame, session, text);

    public Script Command(string text, int session = 1) => Add(RecordKind.Command, session, text);

    public Script SubscribeBooks(int session = 1, int sid = 1, long id = 1, bool useYesPrice = false, params string[] tickers) =>
        Command($$$"""{"id":{{{id}}},"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":[{{{List(tickers)}}}],"use_yes_price":{{{(useYesPrice ? "true" : "false")}}}}}""", session)
            .Subscribed("orderbook_delta", session, sid, id);

    public Script SubscribeGlobal(string channel, int session = 1, int sid = 2, long id = 2) =>
        Command($$$"""{"id":{{{id}}},"cmd":"subscribe","params":{"channels":["{{{channel}}}"]}}""", session).Subscribed(channel, session, sid, id);

    public Script Subscribed(string channel, int session, int sid, long id) =>
        Frame($$$"""{"type":"subscribed","id":{{{id}}},"msg":{"channel":"{{{channel}}}","sid":{{{sid}}}}}""", session);

    public Script Snapshot(long seq, string ticker, string yes = "", string no = "", int session = 1, int sid = 1) =>
        Frame($$$"""{"type":"orderbook_snapshot","sid":{{{sid}}},"seq":{{{seq}}},"msg":{"market_ticker":"{{{ticker}}}","market_id":""{{{Side("yes", yes)}}}{{{Side("no", no)}}}}}""", session);

    public Script Delta(long seq, string ticker, string side = "yes", string price = "0.5000", string delta = "1.00", long exchangeAt = 0, int session = 1, int sid = 1) =>
        Frame(DeltaText(seq, ticker, side, price, delta, exchangeAt == 0 ? At : exchangeAt, sid), session);

    public Script Trade(long seq, string ticker, string id, long exchangeAt = 0, int session = 1, int sid = 2) =>
        Frame($$$"""{"type":"trade","sid":{{{sid}}},"seq":{{{seq}}},"msg":{"trade_id":"{{{id}}}","market_ticker":"{{{ticker}}}","yes_price_dollars":"0.6800","no_price_dollars":"0.3200","count_fp":"46.02","taker_side":"yes","taker_outcome_side":"yes","taker_book_side":"bid","ts":{{{exchangeAt / 1_000_000}}},"ts_ms":{{{exchangeAt / 1_000}}}}}""", session);

    public Script Ok(long seq, long id, int session = 1, int sid = 1) =>
        Frame($$$"""{"type":"ok","id":{{{id}}},"sid":{{{sid}}},"seq":{{{seq}}},"msg":{"market_tickers":[]}}""", session);

    public Script DeleteMarkets(long id, params string[] tickers) =>
        Command($$$"""{"id":{{{id}}},"cmd":"update_subscription","params":{"sids":[1],"action":"delete_markets","market_tickers":[{{{List(tickers)}}}]}}""");

    public Script BackfillPage(long fromAt, long toAt, bool last, string trades = "", string path = "/markets/trades", int status = 200) =>
        Add(RecordKind.RestPage, 0, $$$"""{"path":"{{{path}}}","status":{{{status}}},"purpose":"trades_backfill","from_at":{{{fromAt}}},"to_at":{{{toAt}}},"last":{{{(last ? "true" : "false")}}}}""" + "\n"
            + $$$"""{"cursor":"","trades":[{{{trades}}}]}""");

    public Script SessionClosed(int session, string reason) =>
        Add(RecordKind.SessionClosed, session, $$$"""{"session":{{{session}}},"reason":"{{{reason}}}"}""");

    public Script ProcessStarted() => Add(RecordKind.ProcessStarted, 0, """{"gatherer":"g","version":"0"}""");

    public static string DeltaText(long seq, string ticker, string side, string price, string delta, long exchangeAt, int sid = 1) =>
        $$$"""{"type":"orderbook_delta","sid":{{{sid}}},"seq":{{{seq}}},"msg":{"market_ticker":"{{{ticker}}}","market_id":"","price_dollars":"{{{price}}}","delta_fp":"{{{delta}}}","side":"{{{side}}}","ts":"{{{Kalshi.Daemon.Primitives.Micros.Format(exchangeAt)}}}","ts_ms":{{{exchangeAt / 1_000}}}}}""";

    public static string Dollars(int price) => (price / 1_000_000m).ToString("0.0000##", CultureInfo.InvariantCulture);

    public static string Contracts(long quantity) => (quantity / 100m).ToString("0.00", CultureInfo.InvariantCulture);

    public static string Levels(IEnumerable<Level> levels) =>
        string.Join(',', levels.Select(level => $"[\"{Dollars(level.Price)}\",\"{Contracts(level.Quantity)}\"]"));

    /// <summary>Feeds every record and finishes.</summary>
    public RecordingSink Run()
    {
        var sink = new RecordingSink();
        var replay = new Replay(sink);
        FeedTo(replay, 0, Records.Count);
        replay.Finish();
        return sink;
    }

    public void FeedTo(Replay replay, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            var (at, session, kind, bytes, isDamage) = Records[i];
            if (isDamage)
            {
                replay.Feed(new Damage("segment", 0, 1, at, at + 1, "test"));
            }
            else
            {
                replay.Feed(new JournalRecord(at, session, kind, bytes));
            }
        }
    }

    private static string List(string[] tickers) => string.Join(',', tickers.Select(ticker => $"\"{ticker}\""));

    private static string Side(string name, string levels) => levels.Length == 0 ? "" : $",\"{name}_dollars_fp\":[{levels}]";
}
