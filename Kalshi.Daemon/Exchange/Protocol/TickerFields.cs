namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>ticker out of its fields.</summary>
internal static class TickerFields
{
    private const string Name = "ticker";

    private static readonly Field Ticker = new(Name, "market_ticker", MessageKey.MarketTicker);
    private static readonly Field LastPrice = new(Name, "price_dollars", MessageKey.PriceDollars, "price", MessageKey.Price);
    private static readonly Field YesBid = new(Name, "yes_bid_dollars", MessageKey.YesBidDollars, "yes_bid", MessageKey.YesBid);
    private static readonly Field YesAsk = new(Name, "yes_ask_dollars", MessageKey.YesAskDollars, "yes_ask", MessageKey.YesAsk);
    private static readonly Field YesBidSize = new(Name, "yes_bid_size_fp", MessageKey.YesBidSizeFp);
    private static readonly Field YesAskSize = new(Name, "yes_ask_size_fp", MessageKey.YesAskSizeFp);
    private static readonly Field LastTradeSize = new(Name, "last_trade_size_fp", MessageKey.LastTradeSizeFp);
    private static readonly Field Volume = new(Name, "volume_fp", MessageKey.VolumeFp, "volume", MessageKey.Volume);
    private static readonly Field OpenInterest =
        new(Name, "open_interest_fp", MessageKey.OpenInterestFp, "open_interest", MessageKey.OpenInterest);
    private static readonly Field DollarVolume = new(Name, "dollar_volume", MessageKey.DollarVolume);
    private static readonly Field DollarOpenInterest = new(Name, "dollar_open_interest", MessageKey.DollarOpenInterest);

    public static bool Read(ref FieldReader fields, Message message)
    {
        message.MarketId = fields.Uuid(MessageKey.MarketId);
        message.ExchangeAt = fields.ExchangeAt();
        return fields.Text(Ticker, ref message._ticker)
            && Price(ref fields, LastPrice, out message.LastPrice)
            && Price(ref fields, YesBid, out message.YesBid)
            && Price(ref fields, YesAsk, out message.YesAsk)
            && fields.Size(YesBidSize, out message.YesBidSize)
            && fields.Size(YesAskSize, out message.YesAskSize)
            && fields.Size(LastTradeSize, out message.LastTradeSize)
            && fields.Size(Volume, out message.Volume)
            && fields.Size(OpenInterest, out message.OpenInterest)
            && fields.Whole(DollarVolume, out message.DollarVolume)
            && fields.Whole(DollarOpenInterest, out message.DollarOpenInterest);
    }

    /// <summary>A price may be blank, but one whose key is gone while a key we do not know is there has been renamed.</summary>
    private static bool Price(ref FieldReader fields, Field field, out int price)
    {
        var table = fields.Table;
        return fields.Price(field, out price)
            && fields.Required(table.UnknownKeys == 0 || table.Has(field.Key) || table.Has(field.OldKey), field);
    }
}
