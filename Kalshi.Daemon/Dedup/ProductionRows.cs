using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Dedup;

/// <summary>Rows of production: fields in the column order of <see cref="ProductionTables"/>. Stateless.</summary>
internal static class ProductionRows
{
    public static void NewMarket(CopyBuffer to, int market, ReadOnlySpan<byte> ticker, long seenAt)
    {
        to.BeginRow(4);
        to.Int(market);
        to.Text(ticker);
        to.Time(seenAt);
        to.Time(seenAt);
    }

    public static void ExchangeId(CopyBuffer to, int place, int market, Guid exchangeId)
    {
        to.BeginRow(3);
        to.Int(place);
        to.Int(market);
        to.Uuid(exchangeId);
    }

    public static void Snapshot(CopyBuffer to, int market, int number, ChangeKey after, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        to.BeginRow(9);
        to.Time(receivedAt);
        to.Int(market);
        to.Int(number);
        Key(to, after);
        to.Prices(yes);
        to.Sizes(yes);
        to.Prices(no);
        to.Sizes(no);
    }

    public static void Trade(CopyBuffer to, int market, long exchangeAt, long receivedAt, Message trade, bool isBackfilled)
    {
        to.BeginRow(11);
        to.Time(exchangeAt);
        to.Time(receivedAt);
        RowEncoder.TradeValues(to, trade, market, isBackfilled);
    }

    public static void Ticker(CopyBuffer to, int market, long exchangeAt, long receivedAt, Message ticker)
    {
        to.BeginRow(13);
        to.Time(exchangeAt);
        to.Time(receivedAt);
        RowEncoder.TickerValues(to, ticker, market);
    }

    public static void Lifecycle(CopyBuffer to, int market, long receivedAt, Message message, ReadOnlySpan<byte> payload)
    {
        to.BeginRow(6);
        to.Time(receivedAt);
        RowEncoder.LifecycleValues(to, message, market, payload);
    }

    public static void Rejected(CopyBuffer to, int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame)
    {
        to.BeginRow(6);
        to.Time(receivedAt);
        to.Short(gatherer);
        RowEncoder.RejectedValues(to, type, market, reason, frame);
    }

    public static void Coverage(CopyBuffer to, int place, in ProductionCoverage coverage)
    {
        to.BeginRow(12);
        to.Int(place);
        to.Flag(false);
        to.Int(coverage.Market);
        to.Int(coverage.Number);
        to.Text(RowEncoder.StateText(coverage.State));
        to.Time(coverage.FromAt);
        to.Time(coverage.ToAt);
        Key(to, coverage.First);
        Key(to, coverage.Last);
        to.Text(coverage.Reason);
    }

    public static void CoverageRemoved(CopyBuffer to, int place, int market, int number)
    {
        to.BeginRow(12);
        to.Int(place);
        to.Flag(true);
        to.Int(market);
        to.Int(number);
        Nulls(to, 8);
    }

    public static void Vouch(CopyBuffer to, int place, in Vouch vouch)
    {
        to.BeginRow(13);
        to.Int(place);
        to.Flag(false);
        to.Int(vouch.Market);
        to.Int(vouch.Number);
        to.Short(vouch.Gatherer);
        to.Time(vouch.EpochId);
        to.Time(vouch.FromAt);
        Key(to, vouch.After);
        Nulls(to, 4);
    }

    public static void VouchEnded(CopyBuffer to, int place, int market, int number, long toAt, ChangeKey last, string reason)
    {
        to.BeginRow(13);
        to.Int(place);
        to.Flag(true);
        to.Int(market);
        to.Int(number);
        Nulls(to, 5);
        to.Time(toAt);
        Key(to, last);
        to.Text(reason);
    }

    public static void Disagreement(CopyBuffer to, int place, in Disagreement disagreement, string heldBy, string otherBy)
    {
        to.BeginRow(18);
        to.Int(place);
        to.Int(disagreement.Market);
        to.Int(disagreement.Number);
        to.Time(disagreement.FoundAt);
        Key(to, disagreement.After);
        Change(to, disagreement.Held);
        to.Text(heldBy);
        Change(to, disagreement.Other);
        to.Text(otherBy);
        if (disagreement.SettledAt == 0)
        {
            to.Null();
        }
        else
        {
            to.Time(disagreement.SettledAt);
        }

        to.Text(disagreement.Verdict);
    }

    public static void Channel(CopyBuffer to, int place, in ChannelCoverage coverage)
    {
        to.BeginRow(8);
        to.Int(place);
        to.Short(coverage.Gatherer);
        to.Text(coverage.Channel);
        to.Time(coverage.FromAt);
        to.Time(coverage.ToAt);
        if (coverage.EpochId == 0)
        {
            to.Null();
        }
        else
        {
            to.Time(coverage.EpochId);
        }

        to.Text(RowEncoder.StateText(coverage.State));
        to.Text(coverage.Reason);
    }

    public static void Renumbering(CopyBuffer to, int market, long at, int first, int count, int by)
    {
        to.BeginRow(5);
        to.Int(market);
        to.Time(at);
        to.Int(first);
        to.Int(count);
        to.Int(by);
    }

    public static void Join(CopyBuffer to, int market, int number, int into, ChangeKey opening)
    {
        to.BeginRow(5);
        to.Int(market);
        to.Int(number);
        to.Int(into);
        Key(to, opening);
    }

    public static void Withdrawal(CopyBuffer to, int market, ChangeKey after, ChangeKey last)
    {
        to.BeginRow(5);
        to.Int(market);
        Bound(to, after);
        Bound(to, last);
    }

    /// <summary>Time and ordinal; both null for <see cref="ChangeKey.None"/>.</summary>
    private static void Key(CopyBuffer to, ChangeKey key)
    {
        if (key.IsNone)
        {
            Nulls(to, 2);
            return;
        }

        Bound(to, key);
    }

    /// <summary>As <see cref="Key"/>; <see cref="ChangeKey.None"/> is before every time.</summary>
    private static void Bound(CopyBuffer to, ChangeKey key)
    {
        to.Time(key.At);
        to.Int(key.Ordinal);
    }

    /// <summary>Nulls for a change that is none.</summary>
    private static void Change(CopyBuffer to, in MarketChange change)
    {
        if (change.At == 0)
        {
            Nulls(to, 4);
            return;
        }

        to.Time(change.At);
        to.Char(RowEncoder.SideChar(change.Side));
        to.Int(change.Price);
        to.Long(change.Delta);
    }

    private static void Nulls(CopyBuffer to, int count)
    {
        for (var i = 0; i < count; i++)
        {
            to.Null();
        }
    }
}
