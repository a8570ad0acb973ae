namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>The leg a price belongs to. Both sides are bids; a no bid at 0.54 is (No, 540000).</summary>
internal enum Side : byte
{
    None,
    Yes,
    No,
}

/// <summary>One price level: price in micro-dollars of the side's own leg, quantity in hundredths of a contract.</summary>
internal readonly record struct Level(int Price, long Quantity);

/// <summary>
/// A decoded frame. One instance is reused for every frame a consumer decodes: fields hold the last decode and only those
/// of its <see cref="Type"/> mean anything. Units of the whole system: price int32 micro-dollars, quantity int64 hundredths
/// of a contract, time int64 µs UTC. `Absent` marks a number the frame did not carry. Not thread-safe.
/// </summary>
internal sealed class Message
{
    public const long Absent = long.MinValue;
    public const int AbsentPrice = int.MinValue;

    public FrameType Type;

    /// <summary>0 when absent, as Seq and Id. Of a `subscribed` reply the sid inside its `msg`.</summary>
    public int Sid;
    public long Seq;
    public long Id;

    /// <summary>`sending_ts_ms` as µs, or <see cref="Absent"/> (frames before October 2026).</summary>
    public long SentAt;

    /// <summary>Exchange time in µs: `ts` where it carries microseconds, else `ts_ms`, else seconds; or <see cref="Absent"/>.</summary>
    public long ExchangeAt;

    /// <summary>market_ticker as UTF-8, JSON escapes resolved; empty when the frame has none.</summary>
    public ReadOnlySpan<byte> Ticker => _ticker.Span;

    /// <summary>The exchange's uuid for the market; `Guid.Empty` when absent, empty or not a uuid.</summary>
    public Guid MarketId;

    // orderbook_delta
    public Side Side;
    public int Price;
    public long Delta;

    // orderbook_snapshot: ascending by own-leg price, both.
    public ReadOnlySpan<Level> Yes => _yes.Span;
    public ReadOnlySpan<Level> No => _no.Span;

    // trade
    public ReadOnlySpan<byte> TradeId => _tradeId.Span;
    public int YesPrice;
    public int NoPrice;
    public long Count;
    public Side TakerSide;

    /// <summary>The same bit as <see cref="TakerSide"/> (bid is yes, ask is no): told by the frame, else taken from that.</summary>
    public TakerBookSide TakerBookSide;

    /// <summary>1, 0, or -1 when the frame did not say.</summary>
    public sbyte IsBlockTrade;

    // ticker (prices may be AbsentPrice, the rest Absent); DollarVolume and DollarOpenInterest are whole dollars
    public int LastPrice;
    public int YesBid;
    public int YesAsk;
    public long YesBidSize;
    public long YesAskSize;
    public long LastTradeSize;
    public long Volume;
    public long OpenInterest;
    public long DollarVolume;
    public long DollarOpenInterest;

    // lifecycle
    /// <summary>`msg.event_type` ("created", "settled", …); empty for event_lifecycle and event_fee_update.</summary>
    public ReadOnlySpan<byte> EventType => _eventType.Span;
    public ReadOnlySpan<byte> EventTicker => _eventTicker.Span;

    // subscribed, error
    public ReadOnlySpan<byte> Channel => _channel.Span;
    public int ErrorCode;
    public ReadOnlySpan<byte> ErrorText => _errorText.Span;

    /// <summary>`msg` exactly as it stands in the frame: (start, length) into the decoded bytes; length 0 when absent.</summary>
    public (int Start, int Length) Payload;

    /// <summary>Takes over the head and forgets the texts and levels of the frame before.</summary>
    internal void Begin(in FrameOutline outline)
    {
        Type = outline.Type;
        Sid = outline.Sid;
        Seq = outline.Seq;
        Id = outline.Id;
        SentAt = Times.FromMilliseconds(outline.SendingMs);
        ExchangeAt = Absent;
        MarketId = Guid.Empty;
        Payload = (outline.Payload.Start, outline.Payload.Length);
        ErrorCode = 0;
        _ticker.Clear();
        _tradeId.Clear();
        _eventType.Clear();
        _eventTicker.Clear();
        _channel.Clear();
        _errorText.Clear();
        _yes.Clear();
        _no.Clear();
    }

    internal TextBuffer _ticker, _tradeId, _eventType, _eventTicker, _channel, _errorText;
    internal LevelBuffer _yes, _no;
}

internal enum TakerBookSide : byte
{
    None,
    Bid,
    Ask,
}

/// <summary>A growing byte buffer that belongs to one <see cref="Message"/>.</summary>
internal struct TextBuffer
{
    private byte[]? _bytes;
    private int _length;

    public readonly ReadOnlySpan<byte> Span => _bytes.AsSpan(0, _length);

    public void Set(ReadOnlySpan<byte> text)
    {
        if (_bytes is null || _bytes.Length < text.Length)
        {
            _bytes = new byte[Math.Max(64, text.Length * 2)];
        }

        text.CopyTo(_bytes);
        _length = text.Length;
    }

    public void Clear() => _length = 0;
}

/// <summary>A growing level buffer that belongs to one <see cref="Message"/>.</summary>
internal struct LevelBuffer
{
    private Level[]? _levels;
    private int _count;

    public readonly ReadOnlySpan<Level> Span => _levels.AsSpan(0, _count);

    public void Add(Level level)
    {
        _levels ??= new Level[64];
        if (_count == _levels.Length)
        {
            Array.Resize(ref _levels, _count * 2);
        }

        _levels[_count++] = level;
    }

    /// <summary>
    /// Ascending by price; false when a price stands twice. Sides arrive ascending, or descending when told in the other leg.
    /// </summary>
    public readonly bool TrySortByPrice()
    {
        var levels = _levels.AsSpan(0, _count);
        if (!IsAscending(levels))
        {
            levels.Reverse();
            if (!IsAscending(levels))
            {
                levels.Sort(static (a, b) => a.Price.CompareTo(b.Price));
                return IsAscending(levels);
            }
        }

        return true;
    }

    private static bool IsAscending(ReadOnlySpan<Level> levels)
    {
        for (var i = 1; i < levels.Length; i++)
        {
            if (levels[i].Price <= levels[i - 1].Price)
            {
                return false;
            }
        }

        return true;
    }

    public void Clear() => _count = 0;
}
