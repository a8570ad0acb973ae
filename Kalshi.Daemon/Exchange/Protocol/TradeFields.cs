namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>A trade out of its fields, from the stream or from REST, which name the ticker and the time differently.</summary>
internal sealed class TradeFields
{
    public static readonly TradeFields Stream = new("trade", "market_ticker", MessageKey.MarketTicker);
    public static readonly TradeFields Rest = new("rest trade", "ticker", MessageKey.Ticker);

    private readonly Field _ticker;
    private readonly Field _tradeId;
    private readonly Field _yesPrice;
    private readonly Field _noPrice;
    private readonly Field _count;
    private readonly Field _takerSide;
    private readonly Field _takerOutcomeSide;
    private readonly Field _takerBookSide;
    private readonly Field _isBlockTrade;

    private TradeFields(string frame, string ticker, MessageKey tickerKey)
    {
        _ticker = new Field(frame, ticker, tickerKey);
        _tradeId = new Field(frame, "trade_id", MessageKey.TradeId);
        _yesPrice = new Field(frame, "yes_price_dollars", MessageKey.YesPriceDollars, "yes_price", MessageKey.YesPrice);
        _noPrice = new Field(frame, "no_price_dollars", MessageKey.NoPriceDollars, "no_price", MessageKey.NoPrice);
        _count = new Field(frame, "count_fp", MessageKey.CountFp, "count", MessageKey.Count);
        _takerSide = new Field(frame, "taker_side", MessageKey.TakerSide);
        _takerOutcomeSide = new Field(frame, "taker_outcome_side", MessageKey.TakerOutcomeSide);
        _takerBookSide = new Field(frame, "taker_book_side", MessageKey.TakerBookSide);
        _isBlockTrade = new Field(frame, "is_block_trade", MessageKey.IsBlockTrade);
    }

    public bool Read(ref FieldReader fields, Message message)
    {
        message.MarketId = fields.Uuid(MessageKey.MarketId);
        message.ExchangeAt = fields.ExchangeAt();
        return fields.Text(_ticker, ref message._ticker)
            && fields.Text(_tradeId, ref message._tradeId)
            && ReadPrices(ref fields, message)
            && fields.Size(_count, out message.Count) && fields.Required(message.Count != Message.Absent, _count)
            && ReadTaker(ref fields, message)
            && fields.Flag(_isBlockTrade, out message.IsBlockTrade);
    }

    /// <summary>Either leg gives the other.</summary>
    private bool ReadPrices(ref FieldReader fields, Message message)
    {
        if (!fields.Price(_yesPrice, out message.YesPrice) || !fields.Price(_noPrice, out message.NoPrice))
        {
            return false;
        }

        if (message.NoPrice == Message.AbsentPrice && message.YesPrice != Message.AbsentPrice)
        {
            message.NoPrice = FieldReader.PriceMax - message.YesPrice;
        }
        else if (message.YesPrice == Message.AbsentPrice && message.NoPrice != Message.AbsentPrice)
        {
            message.YesPrice = FieldReader.PriceMax - message.NoPrice;
        }

        return fields.Required(message.YesPrice != Message.AbsentPrice, _yesPrice);
    }

    /// <summary>Three fields, one bit: `bid` is yes, `ask` is no, and taker_side is the old name of taker_outcome_side.</summary>
    private bool ReadTaker(ref FieldReader fields, Message message)
    {
        if (!fields.YesOrNo(_takerSide, out var takerSide) || !fields.YesOrNo(_takerOutcomeSide, out var outcomeSide)
            || !fields.BidOrAsk(_takerBookSide, out var bookSide))
        {
            return false;
        }

        var side = outcomeSide != Side.None ? outcomeSide : takerSide;
        message.TakerSide = side != Side.None ? side
            : bookSide switch { TakerBookSide.Bid => Side.Yes, TakerBookSide.Ask => Side.No, _ => Side.None };
        message.TakerBookSide = bookSide != TakerBookSide.None ? bookSide
            : side switch { Side.Yes => TakerBookSide.Bid, Side.No => TakerBookSide.Ask, _ => TakerBookSide.None };
        return fields.Required(message.TakerSide != Side.None, _takerOutcomeSide);
    }
}
