using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// What the exchange produced, whether or not anyone received it: one JSON object a line, in the order of production.
/// <code>
/// {"kind":"delta","ticker":T,"exchange_at":µs,"side":"yes"|"no","price":µ$,"delta":hundredths}
/// {"kind":"trade","ticker":T,"exchange_at":µs,"trade_id":S,"yes_price":µ$,"no_price":µ$,"count":hundredths,
///  "taker_side":"yes"|"no","taker_book_side":"bid"|"ask","is_block_trade":bool}
/// {"kind":"ticker","ticker":T,"exchange_at":µs,"last_price":µ$,"yes_bid":µ$,"yes_ask":µ$,"yes_bid_size":h,"yes_ask_size":h,
///  "last_trade_size":h,"volume":h,"open_interest":h,"dollar_volume":$,"dollar_open_interest":$}
/// {"kind":"lifecycle","type":"market_lifecycle_v2","event_type":"created","ticker":T,"exchange_at":µs}
///  ("event_ticker" instead of "ticker" for event_lifecycle and event_fee_update, which have no event_type)
/// {"kind":"snapshot","ticker":T,"exchange_at":µs,"yes":[[µ$,hundredths],…],"no":[…]}   one per snapshot put on a session's
///  stream, even if a fault dropped it on the wire; own-leg prices, ascending
/// </code>
/// µ$ = micro-dollars in the side's own leg. Trades and tickers are stamped to the millisecond, as their frames are
/// (`ts_ms`); deltas to the microsecond.
/// In: the exchange's events. Out: the file. Thread: the exchange's. Bound: 1 MiB of text, then it is written. When the disk
/// refuses: the process stops with the reason, because a truth with holes is worthless.
/// </summary>
internal sealed class TruthFile(string path) : ITruth, IDisposable
{
    private const int WriteAt = 1 << 20;

    private readonly FileStream _file = new(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
    private readonly WireText _text = new(WriteAt + 65_536);

    public void Delta(ReadOnlySpan<byte> ticker, long at, Side side, int price, long delta)
    {
        Begin("delta"u8, ticker, at).Raw(side == Side.Yes ? ",\"side\":\"yes\",\"price\":"u8 : ",\"side\":\"no\",\"price\":"u8)
            .Integer(price).Raw(",\"delta\":"u8).Integer(delta);
        End();
    }

    public void Trade(ReadOnlySpan<byte> ticker, in SimulatedTrade trade)
    {
        Begin("trade"u8, ticker, trade.At / Micros.PerMillisecond * Micros.PerMillisecond)
            .Raw(",\"trade_id\":\""u8).Uuid(trade.Id).Raw("\",\"yes_price\":"u8).Integer(trade.YesPrice)
            .Raw(",\"no_price\":"u8).Integer(SimulatedBook.Dollar - trade.YesPrice).Raw(",\"count\":"u8).Integer(trade.Count)
            .Raw(trade.TakerYes ? ",\"taker_side\":\"yes\",\"taker_book_side\":\"bid\""u8 : ",\"taker_side\":\"no\",\"taker_book_side\":\"ask\""u8)
            .Raw(trade.IsBlock == true ? ",\"is_block_trade\":true"u8 : ",\"is_block_trade\":false"u8);
        End();
    }

    public void Ticker(ReadOnlySpan<byte> ticker, in SimulatedTicker state)
    {
        Begin("ticker"u8, ticker, state.At / Micros.PerMillisecond * Micros.PerMillisecond)
            .Raw(",\"last_price\":"u8).Integer(state.LastPrice)
            .Raw(",\"yes_bid\":"u8).Integer(state.YesBid).Raw(",\"yes_ask\":"u8).Integer(state.YesAsk)
            .Raw(",\"yes_bid_size\":"u8).Integer(state.YesBidSize).Raw(",\"yes_ask_size\":"u8).Integer(state.YesAskSize)
            .Raw(",\"last_trade_size\":"u8).Integer(state.LastTradeSize).Raw(",\"volume\":"u8).Integer(state.Volume)
            .Raw(",\"open_interest\":"u8).Integer(state.OpenInterest).Raw(",\"dollar_volume\":"u8).Integer(state.DollarVolume)
            .Raw(",\"dollar_open_interest\":"u8).Integer(state.DollarOpenInterest);
        End();
    }

    public void Lifecycle(ReadOnlySpan<byte> type, ReadOnlySpan<byte> eventType, ReadOnlySpan<byte> ticker, bool isEvent, long at)
    {
        _text.Raw("{\"kind\":\"lifecycle\",\"type\":"u8).Quoted(type);
        if (!eventType.IsEmpty)
        {
            _text.Raw(",\"event_type\":"u8).Quoted(eventType);
        }

        _text.Raw(isEvent ? ",\"event_ticker\":"u8 : ",\"ticker\":"u8).Quoted(ticker).Raw(",\"exchange_at\":"u8).Integer(at);
        End();
    }

    public void Snapshot(ReadOnlySpan<byte> ticker, long at, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        Begin("snapshot"u8, ticker, at).Raw(",\"yes\":"u8);
        Levels(yes);
        _text.Raw(",\"no\":"u8);
        Levels(no);
        End();
    }

    /// <summary>Hands everything to the operating system.</summary>
    public void Flush()
    {
        if (_text.Length > 0)
        {
            _file.Write(_text.Span);
            _text.Clear();
        }
    }

    public void Dispose()
    {
        Flush();
        _file.Dispose();
    }

    private WireText Begin(ReadOnlySpan<byte> kind, ReadOnlySpan<byte> ticker, long at) =>
        _text.Raw("{\"kind\":"u8).Quoted(kind).Raw(",\"ticker\":"u8).Quoted(ticker).Raw(",\"exchange_at\":"u8).Integer(at);

    private void End()
    {
        _text.Raw("}\n"u8);
        if (_text.Length >= WriteAt)
        {
            Flush();
        }
    }

    private void Levels(ReadOnlySpan<Level> levels)
    {
        _text.Raw("["u8);
        for (var i = 0; i < levels.Length; i++)
        {
            _text.Raw(i == 0 ? "["u8 : ",["u8).Integer(levels[i].Price).Raw(","u8).Integer(levels[i].Quantity).Raw("]"u8);
        }

        _text.Raw("]"u8);
    }
}

/// <summary>Where the truth is written down; see <see cref="TruthFile"/>.</summary>
internal interface ITruth
{
    void Delta(ReadOnlySpan<byte> ticker, long at, Side side, int price, long delta);

    void Trade(ReadOnlySpan<byte> ticker, in SimulatedTrade trade);

    void Ticker(ReadOnlySpan<byte> ticker, in SimulatedTicker state);

    void Lifecycle(ReadOnlySpan<byte> type, ReadOnlySpan<byte> eventType, ReadOnlySpan<byte> ticker, bool isEvent, long at);

    void Snapshot(ReadOnlySpan<byte> ticker, long at, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no);

    void Flush();
}

/// <summary>A trade. `At` in µs; `IsBlock` null when the frame does not say (before August 2026).</summary>
internal readonly record struct SimulatedTrade(int Market, long At, Guid Id, int YesPrice, long Count, bool TakerYes, bool? IsBlock);

/// <summary>A ticker frame's values.</summary>
internal readonly record struct SimulatedTicker(
    long At, int LastPrice, int YesBid, int YesAsk, long YesBidSize, long YesAskSize, long LastTradeSize,
    long Volume, long OpenInterest, long DollarVolume, long DollarOpenInterest);
