using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Dedup.Reading;

/// <summary>Rows of production, in the column orders of <see cref="ProductionQueries"/>. Each method reads the row the buffer stands on.</summary>
internal static class ProductionDecoder
{
    /// <summary>`exchangeAt`: the first column, which has been read.</summary>
    public static MergedChange Change(CopyRows rows, long exchangeAt)
    {
        var (ordinal, receivedAt, delta, market, price) = (rows.Int32(), rows.Time(), rows.Int64(), rows.Int32(), rows.Int32());
        return new MergedChange(market, new ChangeKey(exchangeAt, ordinal), receivedAt, RowMessages.SideOf(rows.Byte()), price, delta);
    }

    /// <summary>`receivedAt`: the first column, which has been read.</summary>
    public static (int Market, MergedSnapshot Snapshot) Snapshot(CopyRows rows, long receivedAt)
    {
        var (yes, no) = (new LevelBuffer(), new LevelBuffer());
        var (market, number, after) = (rows.Int32(), rows.Int32(), Key(rows));
        RowMessages.ReadLevels(rows, ref yes);
        RowMessages.ReadLevels(rows, ref no);
        return (market, new MergedSnapshot(number, after, receivedAt, yes.Span.ToArray(), no.Span.ToArray()));
    }

    public static ProductionCoverage Coverage(CopyRows rows)
    {
        var (market, number) = (rows.Int32(), rows.Int32());
        var state = rows.Bytes() switch { [(byte)'w', ..] => CoverageState.Whole, [(byte)'g', ..] => CoverageState.Gap, _ => CoverageState.Repaired };
        return new ProductionCoverage(market, number, state, rows.Time(), rows.Time(), Key(rows), Key(rows), string.Intern(Encoding.UTF8.GetString(rows.Bytes())));
    }

    public static (int Market, VouchRow Vouch) Vouch(CopyRows rows)
    {
        var (market, number, gatherer) = (rows.Int32(), rows.Int32(), rows.Int32());
        return (market, new VouchRow(number, gatherer, rows.Time(), rows.Time(), rows.Time(), Key(rows), Key(rows)));
    }

    /// <summary>Behind exchange_at, which is the buffer's key. Returns the market, when it was received, and whether REST told it.</summary>
    public static (int Market, long ReceivedAt, bool IsBackfilled) Trade(CopyRows rows, Message into)
    {
        into.Type = FrameType.Trade;
        into.ExchangeAt = rows.Key;
        var receivedAt = rows.Time();
        into.Count = rows.Int64();
        var market = rows.Int32();
        (into.YesPrice, into.NoPrice) = (rows.Int32(), rows.Int32());
        into.TakerSide = RowMessages.SideOf(rows.Byte());
        into.TakerBookSide = rows.Byte() switch { (byte)'b' => TakerBookSide.Bid, (byte)'a' => TakerBookSide.Ask, _ => TakerBookSide.None };
        var isBackfilled = rows.Byte() == 'b';
        into.IsBlockTrade = rows.Bool();
        into._tradeId.Set(rows.Bytes());
        return (market, receivedAt, isBackfilled);
    }

    /// <summary>As <see cref="Trade"/>.</summary>
    public static (int Market, long ReceivedAt) Ticker(CopyRows rows, Message into)
    {
        into.Type = FrameType.Ticker;
        into.ExchangeAt = rows.Key;
        var receivedAt = rows.Time();
        into.YesBidSize = rows.Int64(Message.Absent);
        into.YesAskSize = rows.Int64(Message.Absent);
        into.LastTradeSize = rows.Int64(Message.Absent);
        into.Volume = rows.Int64(Message.Absent);
        into.OpenInterest = rows.Int64(Message.Absent);
        into.DollarVolume = rows.Int64(Message.Absent);
        into.DollarOpenInterest = rows.Int64(Message.Absent);
        var market = rows.Int32();
        into.LastPrice = rows.Int32(Message.AbsentPrice);
        into.YesBid = rows.Int32(Message.AbsentPrice);
        into.YesAsk = rows.Int32(Message.AbsentPrice);
        return (market, receivedAt);
    }

    /// <summary>Behind received_at, which is the buffer's key. Market 0: none. The payload is returned.</summary>
    public static ReadOnlySpan<byte> Lifecycle(CopyRows rows, Message into, out int market)
    {
        market = rows.Int32(0);
        into.Type = FrameTypes.Find(rows.Bytes());
        into._eventType.Set(rows.Bytes());
        into._eventTicker.Set(rows.Bytes());
        into.ExchangeAt = Message.Absent;
        var payload = rows.Bytes();
        into.Payload = (0, payload.Length);
        return payload;
    }

    private static ChangeKey Key(CopyRows rows)
    {
        var at = rows.Time(long.MinValue);
        var ordinal = rows.Int32(0);
        return at == long.MinValue ? ChangeKey.None : new ChangeKey(at, ordinal);
    }
}
