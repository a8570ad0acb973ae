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
        into.ExchangeAt = rows.Key;
        var receivedAt = rows.Time();
        return (RowMessages.ReadTradeValues(rows, into, out var isBackfilled), receivedAt, isBackfilled);
    }

    /// <summary>As <see cref="Trade"/>.</summary>
    public static (int Market, long ReceivedAt) Ticker(CopyRows rows, Message into)
    {
        into.ExchangeAt = rows.Key;
        var receivedAt = rows.Time();
        return (RowMessages.ReadTickerValues(rows, into), receivedAt);
    }

    private static ChangeKey Key(CopyRows rows)
    {
        var at = rows.Time(long.MinValue);
        var ordinal = rows.Int32(0);
        return at == long.MinValue ? ChangeKey.None : new ChangeKey(at, ordinal);
    }
}
