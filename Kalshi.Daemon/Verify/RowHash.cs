using System.IO.Hashing;
using System.Runtime.InteropServices;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// All values of a trade but its id. They are compared as far as stream and REST both say them: the stamp to the millisecond,
/// a taker's book side that is not said as the one its side implies, an unsaid block trade as none.
/// </summary>
internal readonly record struct TradeValues(long ExchangeAt, int YesPrice, int NoPrice, long Count, Side TakerSide, TakerBookSide TakerBookSide, bool IsBlockTrade);

/// <summary>128-bit hashes by which rows of truth and capture are compared: equal rows, equal hashes; chance equality is below 10⁻²⁰.</summary>
internal static class RowHash
{
    public static UInt128 Text(ReadOnlySpan<byte> text) => XxHash128.HashToUInt128(text);

    public static UInt128 Trade(ReadOnlySpan<byte> ticker, in TradeValues trade)
    {
        var bookSide = trade.TakerBookSide != TakerBookSide.None ? trade.TakerBookSide : trade.TakerSide == Side.Yes ? TakerBookSide.Bid : TakerBookSide.Ask;
        return Row(ticker,
        [
            trade.ExchangeAt / Micros.PerMillisecond, trade.YesPrice, trade.NoPrice, trade.Count, (int)trade.TakerSide, (int)bookSide, trade.IsBlockTrade ? 1 : 0,
        ]);
    }

    /// <summary>`values` in the order of the columns: last_price, yes_bid, yes_ask, yes_bid_size, yes_ask_size, last_trade_size, volume, open_interest, dollar_volume, dollar_open_interest.</summary>
    public static UInt128 Ticker(ReadOnlySpan<byte> ticker, long exchangeAt, ReadOnlySpan<long> values) => Row(ticker, [exchangeAt, .. values]);

    /// <summary>Of a decoded ticker.</summary>
    public static UInt128 Ticker(ReadOnlySpan<byte> ticker, Message message) => Row(ticker,
    [
        message.ExchangeAt, message.LastPrice, message.YesBid, message.YesAsk, message.YesBidSize, message.YesAskSize, message.LastTradeSize, message.Volume,
        message.OpenInterest, message.DollarVolume, message.DollarOpenInterest,
    ]);

    /// <summary>Lifecycle frames carry no stamp of their own, so they are known by what they say of whom.</summary>
    public static UInt128 Lifecycle(ReadOnlySpan<byte> type, ReadOnlySpan<byte> eventType, ReadOnlySpan<byte> subject)
    {
        Span<byte> text = stackalloc byte[Math.Min(512, type.Length + eventType.Length + subject.Length + 2)];
        if (text.Length < type.Length + eventType.Length + subject.Length + 2)
        {
            text = new byte[type.Length + eventType.Length + subject.Length + 2];
        }

        type.CopyTo(text);
        eventType.CopyTo(text[(type.Length + 1)..]);
        subject.CopyTo(text[(type.Length + eventType.Length + 2)..]);
        return XxHash128.HashToUInt128(text);
    }

    private static UInt128 Row(ReadOnlySpan<byte> ticker, ReadOnlySpan<long> values) =>
        XxHash128.HashToUInt128(ticker, (long)XxHash3.HashToUInt64(MemoryMarshal.AsBytes(values)))
        ^ XxHash128.HashToUInt128(MemoryMarshal.AsBytes(values));
}
