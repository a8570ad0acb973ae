using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;
using Sql = Kalshi.Daemon.Tests.Store.Sql;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>A dedup of one gatherer in this process, until disposed.</summary>
internal sealed class MergeRun : IDisposable
{
    private readonly string _production;
    private readonly StoreDatabase _database;
    private readonly ProductionStore _store;
    private readonly Merging _merging;
    private readonly CancellationTokenSource _stop = new();

    /// <param name="timeout">dedup.timeout</param>
    public MergeRun(string production, string gatherer, string timeout = "1m")
    {
        _production = production;
        var options = Options.Load(null, [], [$"dedup.production_dsn={production}", $"dedup.gatherer.test={gatherer}", $"dedup.timeout={timeout}"]);
        _database = new StoreDatabase(production, options.DedupTimeout);
        _store = new ProductionStore(_database, ProductionSettings.Of(options), NullLogger.Instance);
        _merging = new Merging(options, _store, NullLogger.Instance);
        Running = Task.Factory.StartNew(() => _merging.Run(_stop.Token), TaskCreationOptions.LongRunning);
    }

    public Task Running { get; }

    public ProductionCounters Counters => _store.Counters;

    public TimeSpan IdleFor => _merging.IdleFor;

    /// <summary>Production was opened, and told what the merge had to know.</summary>
    public bool IsMerging => _merging.View is not null;

    /// <summary>Everything up to there is merged and committed; then it is stopped.</summary>
    public async Task MergesToAsync(long end)
    {
        await Eventually.BecomesTrue(async () => Running.IsCompleted || (_merging.View is not null && await IsAtAsync(end)), 60_000);
        Assert.That(Running.IsCompleted, Is.False, () => $"the merge ended: {Running.Exception}");
        Dispose();
    }

    /// <summary>It waits in production for a lock that somebody else holds.</summary>
    public Task WaitsForLockAsync() => Eventually.BecomesTrue(() => Sql.IsKalshidWaitingAsync(_production), 30_000);

    private async Task<bool> IsAtAsync(long end) =>
        await Sql.ScalarAsync(_production, $"SELECT 1 FROM kalshid.gatherers WHERE position >= to_timestamp({end} / 1000000.0)") is not null;

    public void Dispose()
    {
        if (!_stop.IsCancellationRequested)
        {
            _stop.Cancel();
            Assert.That(Running.IsFaulted || Running.Wait(TimeSpan.FromSeconds(20)), Is.True, "the merge does not end");
            _store.Dispose();
            _database.Dispose();
        }
    }
}
