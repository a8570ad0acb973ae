using Kalshi.Daemon.Journal;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Store;

/// <summary>The store's part of a gatherer: a <see cref="Loader"/> and its <see cref="StoreUpkeep"/>.</summary>
internal sealed class StoreLoading : IDisposable
{
    private readonly StoreDatabase _database;
    private readonly Loader _loader;
    private readonly StoreUpkeep _upkeep;
    private readonly Backlog _backlog;
    private readonly JournalWriter _journal;

    private StoreLoading(Options options, JournalWriter journal, ILogger log)
    {
        var settings = LoaderSettings.Of(options);
        _database = new StoreDatabase(options.StoreDsn, options.StoreTimeout);
        _loader = new Loader(_database, settings, () => journal.Durable, log);
        _upkeep = new StoreUpkeep(_database, UpkeepSettings.Of(options), log, UpkeepKind.Gatherer);
        _backlog = new Backlog(settings.JournalDirectory);
        _journal = journal;
    }

    /// <summary>Starts loading when a store is configured; null in embedded mode. Throws <see cref="Primitives.SetupException"/> for a DSN that is none.</summary>
    public static StoreLoading? Start(Options options, JournalWriter journal, ILogger log)
    {
        if (options.StoreDsn.Length == 0)
        {
            // A store that was given up must not hold the journal's retention for ever.
            Cursors.Forget(Cursors.DirectoryOf(LoaderSettings.Of(options).JournalDirectory), Loader.CursorName);
            return null;
        }

        var loading = new StoreLoading(options, journal, log);
        loading._loader.Start();
        loading._upkeep.Start();
        return loading;
    }

    /// <summary>As <see cref="Loader.Stop"/>.</summary>
    public bool Stop(TimeSpan limit) => _loader.Stop(limit);

    /// <summary>Called by one thread.</summary>
    public StoreStatus Status()
    {
        var (counters, written) = (_loader.Counters, _journal.Written);
        var committed = counters.Committed;
        var from = committed == 0 ? SegmentName.List(_loader.JournalDirectory) is [var first, ..] ? first.FirstAt : written : committed;
        return new StoreStatus(
            _loader.StoreName, counters.State, committed, Math.Max(0, written - from), _backlog.Behind(counters, written, _journal.Records),
            counters.Rows, counters.Batches, counters.Failures);
    }

    public void Dispose()
    {
        _upkeep.Dispose();
        _backlog.Dispose();
        _loader.Dispose();
        _database.Dispose();
    }
}
