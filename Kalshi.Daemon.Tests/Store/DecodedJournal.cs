using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>
/// What a journal says, decoded in memory without the loader's code, held row by row against what a store has of it: multisets of lines,
/// markets by their tickers. Rules of its own: the first stream copy of a trade is its row, or else the first backfilled one.
/// </summary>
internal sealed class DecodedJournal : IReplaySink
{
    private const string Deleted = "deleted";

    private readonly Action<string, string> _row;
    private readonly Dictionary<string, string> _backfilled = [];
    private readonly HashSet<string> _streamed = [];
    private readonly Dictionary<(long, int), string[]> _sessions = [];
    private readonly HashSet<string> _tickers = [];

    private DecodedJournal(Action<string, string> row) => _row = row;

    /// <summary>Table and, for each row, one text; null is ~.</summary>
    private static readonly (string Table, string From, string[] Columns)[] _queries =
    [
        ("deltas", "kalshid.orderbook_deltas r JOIN kalshid.markets m USING (market_id)", [At("received_at"), At("exchange_at"), At("epoch_id"), "seq", "delta", "ticker", "price", "side"]),
        ("snapshots", "kalshid.orderbook_snapshots r JOIN kalshid.markets m USING (market_id)", [At("received_at"), At("epoch_id"), "seq", "ticker", "yes_prices", "yes_sizes", "no_prices", "no_sizes"]),
        ("trades", "kalshid.trades r JOIN kalshid.markets m USING (market_id)",
            [At("received_at"), At("exchange_at"), At("epoch_id"), "seq", "count", "ticker", "yes_price", "no_price", "taker_side", "taker_book_side", "is_block_trade", "trade_id", "origin"]),
        ("tickers", "kalshid.tickers r JOIN kalshid.markets m USING (market_id)",
            [At("received_at"), At("exchange_at"), "yes_bid_size", "yes_ask_size", "last_trade_size", "volume", "open_interest", "dollar_volume", "dollar_open_interest", "ticker", "last_price", "yes_bid", "yes_ask"]),
        ("lifecycle", "kalshid.lifecycle_events r LEFT JOIN kalshid.markets m USING (market_id)", [At("received_at"), At("epoch_id"), "seq", "ticker", "type", "event_type", "r.event_ticker", "r.payload"]),
        ("other frames", "kalshid.other_frames", [At("received_at"), At("epoch_id"), "seq", "session", "sid", "type"]),
        ("rejected", "kalshid.rejected_frames r LEFT JOIN kalshid.markets m USING (market_id)", [At("received_at"), At("epoch_id"), "seq", "session", "sid", "ticker", "type", "reason", "encode(frame, 'hex')"]),
        ("epochs", "kalshid.epochs WHERE end_reason IS NOT NULL",
            [At("epoch_id"), "session", "sid", "channel", "first_seq", "last_seq", At("from_at"), At("to_at"), "deltas", "snapshots", "trades", "lifecycle", "acks", "unknown", "rejected", "end_reason"]),
        ("open epochs", "kalshid.epochs WHERE end_reason IS NULL", [At("epoch_id"), "session", "sid", "channel", "first_seq", At("from_at")]),
        ("coverage", $"kalshid.coverage r LEFT JOIN kalshid.markets m USING (market_id) WHERE NOT (to_at = 'infinity' AND reason = '{Deleted}')",
            ["channel", "coalesce(ticker, '')", At("from_at"), At("to_at"), At("epoch_id"), "from_seq", "state", "reason"]),
        ("sessions", "kalshid.sessions", [At("opened_at"), "session", "purpose", "url", At("closed_at"), "reason"]),
        ("markets", "kalshid.markets", ["ticker"]),
    ];

    /// <summary>The store holds exactly what the journal up to `until` says.</summary>
    public static async Task AssertLoadedAsync(string journal, string dsn, long until = long.MaxValue)
    {
        var surplus = new Dictionary<(string, UInt128), long>();
        foreach (var (table, from, columns) in _queries)
        {
            await foreach (var line in RowsAsync(dsn, from, columns))
            {
                CollectionsMarshal.GetValueRefOrAddDefault(surplus, Key(table, line), out _)++;
            }
        }

        Decode(journal, until, (table, line) => CollectionsMarshal.GetValueRefOrAddDefault(surplus, Key(table, line), out _)--);
        foreach (var key in surplus.Where(pair => pair.Value == 0).Select(pair => pair.Key).ToArray())
        {
            surplus.Remove(key);
        }

        if (surplus.Count > 0)
        {
            Assert.Fail(await DescribeAsync(surplus, journal, dsn, until));
        }
    }

    /// <summary>Cold: both sides once more, for the texts.</summary>
    private static async Task<string> DescribeAsync(Dictionary<(string, UInt128), long> surplus, string journal, string dsn, long until)
    {
        const int examples = 12;
        var text = new StringBuilder($"{surplus.Count} rows differ\n");
        var said = 0;
        Decode(journal, until, (table, line) =>
        {
            if (said < examples && surplus.GetValueOrDefault(Key(table, line)) < 0)
            {
                said++;
                text.Append($"not stored: {table}: {line}\n");
            }
        });
        foreach (var (table, from, columns) in _queries)
        {
            await foreach (var line in RowsAsync(dsn, from, columns))
            {
                if (surplus.GetValueOrDefault(Key(table, line)) > 0 && said++ < 2 * examples)
                {
                    text.Append($"too much:   {table}: {line}\n");
                }
            }
        }

        return text.ToString();
    }

    private static (string, UInt128) Key(string table, string line) => (table, XxHash128.HashToUInt128(Encoding.UTF8.GetBytes(line)));

    private static async IAsyncEnumerable<string> RowsAsync(string dsn, string from, string[] columns)
    {
        await using var connection = await Sql.OpenAsync(dsn);
        var line = string.Join(", ", columns.Select(column => $"coalesce(({column})::text, '~')"));
        await using var command = new Npgsql.NpgsqlCommand($"SELECT concat_ws('|', {line}) FROM {from}", connection) { CommandTimeout = 0 };
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            yield return reader.GetString(0);
        }
    }

    private static string At(string column) =>
        $"CASE WHEN isfinite({column}) THEN (extract(epoch FROM {column}) * 1000000)::int8 ELSE {long.MaxValue} + 0 * length({column}::text) END";

    private static void Decode(string journal, long until, Action<string, string> row)
    {
        var sink = new DecodedJournal(row);
        var replay = new Replay(sink);
        JournalReplay.Run(journal, replay, until: until);
        foreach (var line in sink._backfilled.Values)
        {
            row("trades", line);
        }

        foreach (var session in sink._sessions.Values)
        {
            row("sessions", string.Join('|', session));
        }

        sink._tickers.UnionWith(replay.Tickers.Names.Select(Clean));
        foreach (var ticker in sink._tickers)
        {
            row("markets", ticker);
        }
    }

    public void OnRow(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        var (at, ticker) = (origin.ReceivedAt, TickerOf(message));
        switch (message.Type)
        {
            case FrameType.OrderbookDelta:
                _row("deltas", Line(at, Or(message.ExchangeAt), Id(origin), message.Delta, ticker, message.Price, message.Side == Side.Yes ? "y" : "n"));
                break;
            case FrameType.OrderbookSnapshot:
                _row("snapshots", Line(at, Id(origin), ticker,
                    Array(message.Yes, level => level.Price), Array(message.Yes, level => level.Quantity), Array(message.No, level => level.Price), Array(message.No, level => level.Quantity)));
                break;
            case FrameType.Trade:
                OnStreamTrade(origin, message);
                break;
            case FrameType.Ticker:
                _row("tickers", Line(at, Or(message.ExchangeAt), Or(message.YesBidSize), Or(message.YesAskSize), Or(message.LastTradeSize), Or(message.Volume), Or(message.OpenInterest),
                    Or(message.DollarVolume), Or(message.DollarOpenInterest), ticker, OrPrice(message.LastPrice), OrPrice(message.YesBid), OrPrice(message.YesAsk)));
                if (origin.EpochId > 0)
                {
                    _row("other frames", Line(at, Id(origin), origin.Session, origin.Sid, "ticker"));
                }

                break;
            default:
                var payload = Clean(frame.Slice(message.Payload.Start, message.Payload.Length));
                _row("lifecycle", Line(at, Id(origin), Or(ticker), FrameTypes.Name(message.Type), Or(Clean(message.EventType)), Or(Clean(message.EventTicker)), payload));
                break;
        }
    }

    private void OnStreamTrade(in RowOrigin origin, Message message)
    {
        var id = Clean(message.TradeId);
        _backfilled.Remove(id);
        if (_streamed.Add(id))
        {
            _row("trades", Trade(origin.ReceivedAt, Id(origin), message, id, "s"));
        }
        else
        {
            _row("other frames", Line(origin.ReceivedAt, Id(origin), origin.Session, origin.Sid, "trade"));
        }
    }

    public void OnBackfilledTrade(in RowOrigin origin, Message message)
    {
        var id = Clean(message.TradeId);
        if (!_streamed.Contains(id))
        {
            _backfilled.TryAdd(id, Trade(origin.ReceivedAt, "~|~", message, id, "b"));
        }
    }

    private string Trade(long at, string epochAndSeq, Message message, string id, string origin) => Line(
        at, Or(message.ExchangeAt), epochAndSeq, message.Count, TickerOf(message), message.YesPrice, message.NoPrice,
        message.TakerSide switch { Side.Yes => "y", Side.No => "n", _ => "~" }, message.TakerBookSide switch { TakerBookSide.Bid => "b", TakerBookSide.Ask => "a", _ => "~" },
        message.IsBlockTrade switch { 0 => "false", 1 => "true", _ => "~" }, id, origin);

    public void OnRejected(in RowOrigin origin, Message message, string reason, ReadOnlySpan<byte> frame) => _row("rejected", Line(
        origin.ReceivedAt, Id(origin), origin.Session, origin.Sid, Or(TickerOf(message)), FrameTypes.Name(message.Type), reason, Convert.ToHexStringLower(frame)));

    public void OnUnknown(in RowOrigin origin, ReadOnlySpan<byte> frame)
    {
        var type = "unknown";
        try
        {
            using var json = JsonDocument.Parse(frame.ToArray());
            type = json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("type", out var said) && said.ValueKind == JsonValueKind.String ? said.GetString()! : type;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JSON, or text that is none.
        }

        _row("other frames", Line(origin.ReceivedAt, Id(origin), origin.Session, origin.Sid, Clean(type)));
    }

    public void OnNumberedReply(in RowOrigin origin, Message message) =>
        _row("other frames", Line(origin.ReceivedAt, Id(origin), origin.Session, origin.Sid, FrameTypes.Name(message.Type)));

    public void OnEpoch(Epoch epoch)
    {
        if (epoch.EndReason is null)
        {
            _row("open epochs", Line(epoch.EpochId, epoch.Session, epoch.Sid, Clean(epoch.Channel), epoch.FirstSeq, epoch.FromAt));
            return;
        }

        _row("epochs", Line(
            epoch.EpochId, epoch.Session, epoch.Sid, Clean(epoch.Channel), epoch.FirstSeq, epoch.LastSeq, epoch.FromAt, epoch.ToAt, epoch.Deltas, epoch.Snapshots, epoch.Trades, epoch.Lifecycle,
            epoch.Acks, epoch.Unknown, epoch.Rejected, Clean(epoch.EndReason)));
    }

    public void OnCoverage(in Coverage coverage)
    {
        Note(coverage.Ticker);
        var isGap = coverage.EpochId == 0;
        _row("coverage", Line(
            Clean(coverage.Channel), Clean(coverage.Ticker), coverage.FromAt, coverage.ToAt, isGap ? "~" : coverage.EpochId, isGap ? "~" : coverage.FromSeq,
            coverage.State.ToString().ToLowerInvariant(), Clean(coverage.Reason)));
    }

    public void OnSessionOpened(long receivedAt, int session, SessionOpened? opened) =>
        _sessions[(receivedAt, session)] = [Line(receivedAt, session, Clean(opened?.Purpose ?? ""), Clean(opened?.Url ?? "")), "~", "~"];

    public void OnSessionClosed(long receivedAt, int session, string reason)
    {
        foreach (var (_, columns) in _sessions.Where(each => each.Key.Item2 == session && each.Value[1] == "~"))
        {
            (columns[1], columns[2]) = (Line(receivedAt), Clean(reason));
        }
    }

    /// <summary>Every market of a page, found without the registry's reader.</summary>
    public void OnRestPage(long receivedAt, RestPage page, ReadOnlySpan<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body.ToArray());
            if (page is { Purpose: "registry", Status: 200 } && json.RootElement.TryGetProperty("markets", out var markets))
            {
                foreach (var market in markets.EnumerateArray())
                {
                    Note(market.GetProperty("ticker").GetString()!);
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            // Not a page of markets.
        }
    }

    private string TickerOf(Message message)
    {
        var ticker = Clean(message.Ticker);
        Note(ticker);
        return ticker;
    }

    private void Note(string ticker)
    {
        if (ticker.Length > 0)
        {
            _tickers.Add(Clean(ticker));
        }
    }

    private static string Id(in RowOrigin origin) => origin.EpochId == 0 ? "~|~" : Line(origin.EpochId, origin.Seq);

    private static string Array(ReadOnlySpan<Level> levels, Func<Level, long> value) => $"{{{string.Join(',', levels.ToArray().Select(value))}}}";

    private static object Or(long value) => value == Message.Absent ? "~" : value;

    private static object OrPrice(int price) => price == Message.AbsentPrice ? "~" : price;

    private static string Or(string text) => text.Length == 0 ? "~" : text;

    private static string Line(params object[] columns) => string.Join('|', columns);

    private static string Clean(ReadOnlySpan<byte> text) => Clean(Encoding.UTF8.GetString(text));

    private static string Clean(string text) => text.Replace('\0', '\uFFFD');
}
