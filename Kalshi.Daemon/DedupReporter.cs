using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon;

/// <summary>Once a second: `dedup.json`, the live line on a terminal or a log line every <see cref="LogEvery"/> seconds, and the check for idleness.</summary>
internal sealed class DedupReporter(Options options, Merging merging, ProductionStore store, ConsoleLog log)
{
    public const string FileName = "dedup.json";

    private const int LogEvery = 10;

    private readonly StatusFile _file = new(Path.Combine(options.DataDir, FileName), log);
    private readonly long _startedAt = Micros.Now();
    private long _rowsIn;
    private long _rowsOut;
    private long _readAt = Micros.Now();

    /// <summary>Reports until a stop is asked for or the merge ends; asks for a stop itself when nothing new has come for `untilIdle`.</summary>
    public async Task RunAsync(TimeSpan? untilIdle, StopSignal stop, Task merged)
    {
        for (var second = 1; !stop.Token.IsCancellationRequested && !merged.IsCompleted; second++)
        {
            await Task.WhenAny(merged, Task.Delay(1_000, stop.Token));
            var status = Read("");
            _file.Save(status.ToJson());
            if (ConsoleLog.IsTerminal)
            {
                log.Status(status.Line(TimeSpan.FromMicroseconds(status.At - status.StartedAt)));
            }
            else if (second % LogEvery == 0)
            {
                log.Merging(
                    status.Gatherers.Count(gatherer => gatherer.IsPresent), status.Gatherers.Count, status.RowsInPerSecond, status.RowsOutPerSecond, status.Lag / 1000.0,
                    status.Gaps, status.GapsRepaired, status.Disagreements);
            }

            // Whoever waits for gatherers that have no store yet is not idle, nor who has just begun to read.
            var hasRead = status.RowsIn > 0 || status.Gatherers.Any(gatherer => gatherer is { IsPresent: true, IsFailing: false, Position: > 0, Behind: 0 });
            if (untilIdle is { } limit && hasRead && merging.IdleFor > limit)
            {
                stop.Request($"nothing new for {Units.FormatDuration(limit)}");
            }
        }
    }

    /// <summary>The last word, with the reason of the stop.</summary>
    public void Last(string reason)
    {
        var status = Read(reason);
        _file.Save(status.ToJson());
        if (ConsoleLog.IsTerminal)
        {
            log.Status("");
        }

        log.MergingStopped(reason, status.RowsIn, status.RowsOut, status.Gaps, status.GapsRepaired, status.Disagreements);
    }

    private DedupStatus Read(string exit)
    {
        var (view, now) = (merging.View, Micros.Now());
        var gatherers = view is null ? [] : view.Gatherers.Select((gatherer, index) => Read(view.Turns, index, gatherer.Name)).ToArray();
        var (rowsIn, rowsOut) = (gatherers.Sum(gatherer => gatherer.Rows), store.Counters.Rows);
        var seconds = Math.Max(1, now - _readAt) / (double)Micros.PerSecond;
        var (rateIn, rateOut) = (Math.Max(0, rowsIn - _rowsIn) / seconds, Math.Max(0, rowsOut - _rowsOut) / seconds);
        (_rowsIn, _rowsOut, _readAt) = (rowsIn, rowsOut, now);
        var books = view?.Books.Counters ?? new BookMergeCounters();
        return new DedupStatus
        {
            Version = Modes.VersionText,
            Pid = Environment.ProcessId,
            StartedAt = _startedAt,
            At = now,
            Production = store.Name,
            State = store.Counters.State,
            Turn = store.Counters.Turn,
            Watermark = store.Counters.Watermark,
            Lag = store.Counters.Lag(now),
            RowsIn = rowsIn,
            RowsInPerSecond = rateIn,
            RowsOut = rowsOut,
            RowsOutPerSecond = rateOut,
            Failures = store.Counters.Failures,
            Gatherers = gatherers,
            Changes = Volatile.Read(ref books.Emitted),
            Confirmed = Volatile.Read(ref books.Confirmed),
            TakenOver = books.TakenOver,
            Disagreements = books.Disagreements,
            Settled = books.Settled,
            Gaps = books.Gaps,
            GapsEven = books.GapsEven,
            GapsRepaired = books.GapsJoined,
            SnapshotsChecked = books.SnapshotsChecked,
            SnapshotMismatches = books.SnapshotMismatches,
            CpuMs = Environment.CpuUsage.TotalTime.TotalMilliseconds,
            ResidentBytes = Environment.WorkingSet,
            Exit = exit,
        };
    }

    private static DedupGathererStatus Read(TurnReader turns, int index, string name)
    {
        var (source, counters, position) = (turns.SourceOf(index), turns.CountersOf(index), turns.PositionOf(index));
        return new DedupGathererStatus(
            name, position, Math.Max(0, source.Loaded - position), turns.IsPresent(index), source.IsFailing, counters.Rows, counters.Missing, counters.LostMicros);
    }
}
