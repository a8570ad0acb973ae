using Kalshi.Daemon.Books;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Export;

/// <summary>
/// A gatherer's store as the source of an export. The same journal gives the same Parquet files, read from itself or from the store
/// that it was loaded into, but for what the store does not know any more, or knows better by now:
/// - a trade whose backfilled copy came in another hour than the stream's stands in the stream's hour (from the journal: in that of
///   whichever came first), unless the first of the two hours had been exported before the second began;
/// - an hour whose records made no rows (only registry pages without changes, commands, session starts) is not there when it was
///   loaded by a version before schema 7;
/// - a channel that showed its name late has that name in earlier hours as well;
/// - texts of the registry that are no valid UTF-8.
/// Of the certificate, backfilled_duplicates, unreadable_registry_pages, damages and cursor are as the store has them.
/// </summary>
internal sealed class StoreExportSource : IExportSource
{
    private readonly StoreReader _reader;
    private readonly StoreReplay _replay;
    private readonly StoreFaults _faults = new();
    private readonly ILogger _log;

    private StoreExportSource(StoreReader reader, IReplaySink sink, Stream? state, ILogger log)
    {
        _reader = reader;
        _log = log;
        _replay = state is null ? new StoreReplay(reader, sink, _faults) : StoreReplay.Load(reader, sink, _faults, state);
    }

    public static StoreExportSource Open(StoreDatabase database, IReplaySink sink, Stream? state, ILogger log)
    {
        var reader = StoreReader.Open(database);
        try
        {
            return new StoreExportSource(reader, sink, state, log);
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    public long Position => _replay.Position;

    public long Count => _replay.Count;

    public IReadOnlyList<Damage> Damages => [];

    public void Run(Func<long, long> nextHour)
    {
        var hours = new CopyRows();
        _replay.Use(reader => reader.Copy(_replay.SelectHours, hours));
        hours.MoveNext();
        while (_replay.TryPeek(out var at) | hours.Key < long.MaxValue)
        {
            var end = nextHour(Math.Min(at, hours.Key));
            _replay.FeedTo(end);
            while (hours.Key < end)
            {
                hours.MoveNext();
            }
        }

        foreach (var fault in _faults.Texts)
        {
            _log.ExportMetFault(fault);
        }
    }

    public void Finish() => _replay.Finish();

    /// <summary>What the loader has passed is complete; so is what precedes a clean stop, until the gatherer starts again.</summary>
    public bool IsOver(Hour hour) => _replay.Facts.Cursor >= hour.EndAt || _replay.Facts.StoppedAt == _replay.Facts.Cursor;

    /// <summary>None are needed: the store keeps one row a trade whatever its loader has forgotten.</summary>
    public HashSet<UInt128> TradeIdsSince(long exchangeAt) => [];

    public void Save(Stream state) => _replay.Save(state);

    public void MoveCursor(Hour hour) => _replay.Use(reader => reader.Execute(
        $"""
        insert into kalshid.cursors (name, position) values ('export', {StoreReader.Spell(hour.EndAt - 1)})
        on conflict (name) do update set position = excluded.position, updated_at = clock_timestamp()
        """));

    public void Dispose()
    {
        _replay.Dispose();
        _reader.Dispose();
    }
}
