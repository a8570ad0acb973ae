using System.Diagnostics;
using System.Text;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Production's own rows, told again to merges that no longer have them in memory: recent changes after a restart, and the streams' rows of a time that a
/// gatherer comes back to. Called by the merge's thread, which waits until turns under way are committed, and while the database fails. Throws as
/// <see cref="ProductionStore.Read"/>.
/// </summary>
internal sealed class ProductionRecall(ProductionStore production, bool hasMarketIndex, CancellationToken stop) : IStreamRecall, IBookRecall
{
    private readonly Message _message = new();
    private readonly RegistryObject _item = new();

    /// <summary>After the books' memory was read: fills their windows.</summary>
    public void RestoreBooks(BookMerge books)
    {
        // Rows of one market are many times fewer than a page; the order is that of an index production has.
        var rows = Read($"select {ChangeColumns} from kalshid.orderbook_deltas where exchange_at >= {StoreReader.Spell(Math.Max(0, books.RecentFrom))} order by market_id, exchange_at, ordinal");
        while (rows.TryRow())
        {
            var (key, market, change) = ReadChange(rows);
            books.Restore(market, key, change);
        }

        books.EndRestore();
    }

    public TimeSpan RecallChanges(int market, ChangeKey from, ChangeKey to, int most, List<(ChangeKey Key, MarketChange Change)> into)
    {
        if (!hasMarketIndex)
        {
            return TimeSpan.Zero; // Looking through all markets for one is too slow for the merge.
        }

        production.Flush(stop); // What turns under way need is not the recall's.
        var begun = Stopwatch.GetTimestamp();
        var (begin, end) = (StoreReader.Spell(from.At), StoreReader.Spell(to.At));
        var rows = Read(
            $"""
            select {ChangeColumns} from kalshid.orderbook_deltas
            where market_id = {StoreReader.Spell(market)} and exchange_at >= {begin} and exchange_at <= {end}
                and (exchange_at, ordinal) >= ({begin}, {from.Ordinal}) and (exchange_at, ordinal) < ({end}, {to.Ordinal})
            order by exchange_at, ordinal limit {StoreReader.Spell(most)}
            """);
        while (rows.TryRow())
        {
            var (key, _, change) = ReadChange(rows);
            into.Add((key, change));
        }

        return Stopwatch.GetElapsedTime(begun);
    }

    public void RecallTrades(long fromAt, long toAt, IStreamOutput into)
    {
        _message.Type = FrameType.Trade;
        var rows = Read($"select exchange_at, received_at, market_id, origin, trade_id from kalshid.trades where {Range("exchange_at", fromAt, toAt)}");
        while (rows.TryRow())
        {
            var (exchangeAt, receivedAt, market) = (rows.Time(), rows.Time(), rows.Int32());
            var isBackfilled = rows.Byte() == 'b';
            _message.ExchangeAt = exchangeAt;
            _message._tradeId.Set(rows.Bytes());
            into.OnTrade(market, exchangeAt, receivedAt, _message, isBackfilled);
        }
    }

    public void RecallTickers(long fromAt, long toAt, IStreamOutput into)
    {
        _message.Type = FrameType.Ticker;
        var rows = Read(
            $"""
            select received_at, exchange_at, yes_bid_size, yes_ask_size, last_trade_size, volume, open_interest, dollar_volume, dollar_open_interest, market_id,
                last_price, yes_bid, yes_ask
            from kalshid.tickers where {Range("exchange_at", fromAt, toAt)}
            """);
        while (rows.TryRow())
        {
            var receivedAt = rows.Time();
            var market = RowMessages.ReadTicker(rows, _message);
            into.OnTicker(market, _message.ExchangeAt, receivedAt, _message);
        }
    }

    public void RecallLifecycle(long fromAt, long toAt, IStreamOutput into)
    {
        var rows = Read($"select received_at, market_id, type, event_type, event_ticker, payload from kalshid.lifecycle_events where {Range("received_at", fromAt, toAt)}");
        while (rows.TryRow())
        {
            var receivedAt = rows.Time();
            var market = RowMessages.ReadLifecycle(rows, _message, out var payload);
            into.OnLifecycle(market, receivedAt, _message, payload);
        }
    }

    public void RecallObject(ObjectKind kind, int market, ReadOnlySpan<byte> ticker, IStreamOutput into)
    {
        var (table, key) = kind switch
        {
            ObjectKind.Market => ("market_history", $"market_id = {StoreReader.Spell(market)}"),
            ObjectKind.Event => ("event_history", $"event_ticker = {StoreReader.Spell(Encoding.UTF8.GetString(ticker))}"),
            _ => ("series_history", $"series_ticker = {StoreReader.Spell(Encoding.UTF8.GetString(ticker))}"),
        };
        _item.Clear();
        _item.Ticker.Set(ticker);
        var rows = Read($"select changed_at, {(kind == ObjectKind.Series ? "'rest'" : "origin")}, payload from kalshid.{table} where {key}");
        while (rows.TryRow())
        {
            var changedAt = rows.Time();
            var origin = rows.Bytes();
            into.OnObject(kind, market, changedAt, _item, rows.Bytes(), origin, isNewest: false);
        }
    }

    private const string ChangeColumns = "exchange_at, ordinal, market_id, received_at, side, price, delta";

    private static (ChangeKey Key, int Market, MarketChange Change) ReadChange(CopyRows rows)
    {
        var key = new ChangeKey(rows.Time(), rows.Int32());
        var (market, receivedAt) = (rows.Int32(), rows.Time());
        var side = RowMessages.SideOf(rows.Byte());
        return (key, market, new MarketChange(key.At, receivedAt, side, rows.Int32(), rows.Int64()));
    }

    private static string Range(string column, long fromAt, long toAt) => $"{column} >= {StoreReader.Spell(fromAt)} and {column} < {StoreReader.Spell(toAt)}";

    private CopyRows Read(string select) => production.Read(select, stop);
}
