using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Store;

/// <summary>
/// A store's rows back into what <see cref="Replay"/> tells of the journal they came from: the same calls in the same order, by position.
/// <b>In</b>: a store up to the loader's cursor as of the start. <b>Out</b>: an <see cref="IReplaySink"/>. <b>Thread</b>: one, see <see cref="StoreRanges"/>.
/// <b>Bound</b>: two ranges of rows, the tickers, the open epochs.
/// </summary>
/// <remarks>
/// At one position come, as in a replay: intervals and epochs that the frame there showed to be over; the frame; then what of its own epoch
/// ended with it; then versions of objects. A store does not know: commands, registry pages (their new objects it does), frames of
/// unknown type beyond that type, and backfilled trades that were there already.
/// </remarks>
internal sealed class StoreReplay : IDisposable
{
    private readonly StoreRanges _ranges;
    private readonly StoreEpochs _epochs;
    private readonly StoreCoverage _coverage;
    private readonly StoreObjects _objects;
    private readonly RowDecoder _rows;
    private StoreRange? _range;

    /// <summary>Begins after the position `after`, or where the store does. `state`: what <see cref="Save"/> wrote at that position.</summary>
    /// <param name="rowsMax">Of one table in one range; less than usual for tests.</param>
    public StoreReplay(StoreReader reader, IReplaySink sink, StoreFaults faults, long after = 0, BinaryReader? state = null, int rowsMax = int.MaxValue)
    {
        reader.Execute(StoreReader.Planning);
        Facts = reader.ReadFacts();
        after = Math.Max(after, Facts.BeginsAt - 1);
        var tickers = new StoreTickers(reader, faults);
        _epochs = new StoreEpochs(sink, faults, Facts.DroppedBefore > Facts.FirstAt ? Facts.DroppedBefore : 0);
        _coverage = new StoreCoverage(sink, tickers);
        _objects = new StoreObjects(sink.OnObject, tickers);
        _rows = new RowDecoder(sink, tickers, _epochs, faults);
        if (after > 0)
        {
            var open = reader.Copy(StoreEpochs.SelectOpen(after));
            open.MoveNext();
            _epochs.Add(open);
        }

        if (state is not null)
        {
            _epochs.Load(state);
        }

        Position = _toldTo = after;
        _ranges = new StoreRanges(reader, after, Facts.Cursor, rowsMax);
    }

    public StoreFacts Facts { get; }

    /// <summary>Rows told.</summary>
    public long Count => _rows.Count;

    /// <summary>Position of what was told last; when that was all there is, the loader's cursor: that of the last record, row or not.</summary>
    public long Position { get; private set; }

    /// <summary>Everything up to here has been told.</summary>
    private long _toldTo;

    /// <summary>Positions at which the hours to come begin in the journal, with rows or without: see 007-journal-hours.sql.</summary>
    public string SelectHours =>
        $"select first_at from kalshid.journal_hours where first_at > {StoreReader.Spell(_toldTo)} and first_at <= {StoreReader.Spell(Facts.Cursor)} order by first_at";

    /// <summary>Position of what comes next; false, and `long.MaxValue`, when everything has been told.</summary>
    public bool TryPeek(out long at)
    {
        while (_range is null || (at = Math.Min(_range.Deltas.Key, NextOther(_range))) == long.MaxValue)
        {
            if ((_range = _ranges.Next()) is null)
            {
                at = long.MaxValue;
                return false;
            }

            _epochs.Add(_range.Epochs);
        }

        return true;
    }

    /// <summary>Tells everything before `end`.</summary>
    public void FeedTo(long end)
    {
        while (TryPeek(out var at) && at < end)
        {
            var other = Math.Min(NextOther(_range!), end);
            if (_range!.Deltas.Key < other)
            {
                _rows.TellDeltas(_range.Deltas, other);
            }
            else
            {
                TellAt(_range, at);
            }

            Position = Math.Max(at, _rows.LastFrameAt);
        }

        _toldTo = Math.Min(end - 1, Facts.Cursor);
        if (Facts.Cursor < end)
        {
            Position = Facts.Cursor;
        }
    }

    /// <summary>Tells what was open where the last <see cref="FeedTo"/> ended, as <see cref="Replay.Finish"/> does.</summary>
    public void Finish()
    {
        _ranges.Use(reader => _coverage.TellOpen(reader.Copy(StoreCoverage.SelectOpen(_toldTo))));
        _epochs.TellOpen();
    }

    /// <summary>After everything was told: faults that only show then.</summary>
    public void CheckOpen() => _epochs.CheckOpen();

    /// <summary>Runs a query between two ranges.</summary>
    public void Use(Action<StoreReader> use) => _ranges.Use(use);

    /// <summary>What a replay that goes on from here needs beside the store.</summary>
    public void Save(Stream stream)
    {
        using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write(_toldTo);
        _epochs.Save(writer);
    }

    public static StoreReplay Load(StoreReader reader, IReplaySink sink, StoreFaults faults, Stream stream)
    {
        using var state = new BinaryReader(stream, Encoding.UTF8, leaveOpen: true);
        return new StoreReplay(reader, sink, faults, state.ReadInt64(), state);
    }

    public void Dispose() => _ranges.Dispose();

    /// <summary>Position of the next thing that is no delta, within the range.</summary>
    private long NextOther(StoreRange range) => Math.Min(range.NextButDeltas, _epochs.NextEndAt <= range.Until ? _epochs.NextEndAt : long.MaxValue);

    private void TellAt(StoreRange range, long at)
    {
        if (range.Coverage.Key != at && _epochs.NextEndAt != at)
        {
            TellFrame(range, at);
        }
        else
        {
            var own = range.EpochAt(at);
            _coverage.TellBefore(range.Coverage, at, own);
            _epochs.TellEnds(at, own);
            TellFrame(range, at);
            _coverage.TellAfter();
            _epochs.TellEnds(at, exceptEpochId: 0);
        }

        TellObjects(range, at);
    }

    private void TellFrame(StoreRange range, long at)
    {
        _rows.TellDeltas(range.Deltas, at + 1);
        for (; range.Tickers.Key == at; range.Tickers.MoveNext())
        {
            _rows.TellTicker(range.Tickers);
        }

        for (; range.Trades.Key == at; range.Trades.MoveNext())
        {
            _rows.TellTrade(range.Trades);
        }

        for (; range.Snapshots.Key == at; range.Snapshots.MoveNext())
        {
            _rows.TellSnapshot(range.Snapshots);
        }

        for (; range.Others.Key == at; range.Others.MoveNext())
        {
            _rows.TellOther(range.Others);
        }

        for (; range.Lifecycle.Key == at; range.Lifecycle.MoveNext())
        {
            _rows.TellLifecycle(range.Lifecycle);
        }

        for (; range.Rejected.Key == at; range.Rejected.MoveNext())
        {
            _rows.TellRejected(range.Rejected);
        }
    }

    private void TellObjects(StoreRange range, long at)
    {
        for (; range.Markets.Key == at; range.Markets.MoveNext())
        {
            _objects.TellMarket(range.Markets);
        }

        for (; range.Events.Key == at; range.Events.MoveNext())
        {
            _objects.TellEvent(range.Events);
        }

        for (; range.Series.Key == at; range.Series.MoveNext())
        {
            _objects.TellSeries(range.Series);
        }
    }
}
