using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Rows that production holds already, for a merge that has forgotten them and is told of their time again. Each method tells the rows as
/// <see cref="IStreamOutput"/> told them once, in any order, and returns when all are told. They include all that was told before the
/// last <see cref="IStreamInput.OnTurn"/>: where its transaction is under way, recalling waits for it. Called within the merge's thread, rarely:
/// when a gatherer returns after minutes, some seconds of rows at a time.
/// </summary>
internal interface IStreamRecall
{
    /// <summary>Trades with fromAt ≤ exchange_at &lt; toAt; the message needs no more than ExchangeAt and TradeId.</summary>
    void RecallTrades(long fromAt, long toAt, IStreamOutput into);

    /// <summary>Tickers with fromAt ≤ exchange_at &lt; toAt.</summary>
    void RecallTickers(long fromAt, long toAt, IStreamOutput into);

    /// <summary>Lifecycle events with fromAt ≤ received_at &lt; toAt.</summary>
    void RecallLifecycle(long fromAt, long toAt, IStreamOutput into);

    /// <summary>The whole history of one object; the item needs no more than its ticker, and `isNewest` says nothing.</summary>
    void RecallObject(ObjectKind kind, int market, ReadOnlySpan<byte> ticker, IStreamOutput into);
}
