using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>
/// coverage of production: of each market with a book in the hour, the stretches (`whole`: between the changes of one nothing lies) and the gaps between them, in the
/// exchange's time; of each channel for all markets (empty ticker), what each gatherer covered, in its own time. `whole` rows are cut at the hour's ends; gaps keep
/// their true begin. `number` names a market's row, first_… and last_… are the places of its first and (when it is over) last change, uncut. `sources`: the gatherers
/// that vouch for some of it in the hour.
/// </summary>
internal sealed class MergedCoverage : Table
{
    private readonly SymbolColumn _channel, _ticker, _sources, _state, _reason;
    private readonly IntegerColumn _fromAt, _toAt, _number, _firstAt, _firstOrdinal, _lastAt, _lastOrdinal;

    public MergedCoverage(Symbols symbols)
        : base("coverage", symbols)
    {
        _fromAt = Stamp("from_at");
        _toAt = Stamp("to_at");
        _channel = Symbol("channel");
        _ticker = Key("ticker");
        _sources = Symbol("sources", isNullable: true);
        _state = Symbol("state");
        _reason = Symbol("reason", isNullable: true);
        _number = Long("number", isNullable: true);
        _firstAt = Reference("first_at", isNullable: true);
        _firstOrdinal = Long("first_ordinal", isNullable: true);
        _lastAt = Reference("last_at", isNullable: true);
        _lastOrdinal = Long("last_ordinal", isNullable: true);
    }

    /// <summary>In order of begin. `coverage` is cut to the hour; the keys are not. `number` 0: a channel's.</summary>
    public void Append(in Coverage coverage, string sources, int number, ChangeKey first, ChangeKey last)
    {
        _fromAt.Append(coverage.FromAt);
        _toAt.Append(coverage.ToAt);
        _channel.Append(Encoding.UTF8.GetBytes(coverage.Channel));
        _ticker.Append(Encoding.UTF8.GetBytes(coverage.Ticker));
        _sources.Append(Encoding.UTF8.GetBytes(sources));
        _state.Append(coverage.State switch { CoverageState.Whole => "whole"u8, CoverageState.Gap => "gap"u8, _ => "repaired"u8 });
        _reason.Append(Encoding.UTF8.GetBytes(coverage.Reason));
        _number.Append(number == 0 ? IntegerColumn.Null : number);
        Append(_firstAt, _firstOrdinal, first);
        Append(_lastAt, _lastOrdinal, last);
    }

    private static void Append(IntegerColumn at, IntegerColumn ordinal, ChangeKey key)
    {
        at.Append(key.IsNone ? IntegerColumn.Null : key.At);
        ordinal.Append(key.IsNone ? IntegerColumn.Null : key.Ordinal);
    }
}
