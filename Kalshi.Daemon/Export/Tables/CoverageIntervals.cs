using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>
/// coverage: for each market (or, with an empty ticker, each channel subscribed for all markets) the intervals of receive time in
/// which everything is held, and those in which it may not be. `whole` rows are cut at the hour's ends; gaps keep their true
/// begin. Where rows overlap, `gap` is stronger than `whole` and `repaired` (filled since, by REST) is stronger than `gap`.
/// </summary>
internal sealed class CoverageIntervals : Table
{
    private readonly SymbolColumn _channel, _ticker, _state, _reason;
    private readonly IntegerColumn _fromAt, _toAt, _epochId, _fromSeq;

    public CoverageIntervals(Symbols symbols)
        : base("coverage", symbols)
    {
        _channel = Symbol("channel");
        _ticker = Key("ticker");
        _fromAt = Stamp("from_at");
        _toAt = Stamp("to_at");
        _epochId = Reference("epoch_id", isNullable: true);
        _fromSeq = Long("from_seq", isNullable: true);
        _state = Symbol("state");
        _reason = Symbol("reason", isNullable: true);
    }

    public void Append(in Coverage coverage)
    {
        _channel.Append(Encoding.UTF8.GetBytes(coverage.Channel));
        _ticker.Append(Encoding.UTF8.GetBytes(coverage.Ticker));
        _fromAt.Append(coverage.FromAt);
        _toAt.Append(coverage.ToAt);
        _epochId.Append(coverage.EpochId == 0 ? IntegerColumn.Null : coverage.EpochId);
        _fromSeq.Append(coverage.FromSeq == 0 ? IntegerColumn.Null : coverage.FromSeq);
        _state.Append(coverage.State switch { CoverageState.Whole => "whole"u8, CoverageState.Gap => "gap"u8, _ => "repaired"u8 });
        _reason.Append(Encoding.UTF8.GetBytes(coverage.Reason));
    }

    /// <summary>Intervals are told when they end, not when they begin: sorted by ticker, begin, end and epoch here.</summary>
    protected override int[] Order()
    {
        var order = base.Order();
        var tickers = _ticker.Codes.ToArray();
        var (fromAt, toAt, epochId) = (_fromAt.Values.ToArray(), _toAt.Values.ToArray(), _epochId.Values.ToArray());
        for (int at = 0, end; at < order.Length; at = end)
        {
            end = at + 1;
            while (end < order.Length && tickers[order[end]] == tickers[order[at]])
            {
                end++;
            }

            order.AsSpan(at, end - at).Sort((a, b) => (fromAt[a], toAt[a], epochId[a], a).CompareTo((fromAt[b], toAt[b], epochId[b], b)));
        }

        return order;
    }
}
