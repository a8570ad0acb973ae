using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Dedup;

/// <summary>The gatherers' stores, by the index that production gave each.</summary>
internal sealed class GathererSources : IDisposable
{
    private readonly List<StoreDatabase> _databases = [];

    /// <summary>Throws <see cref="SetupException"/> (exit 78) when production knows a gatherer that the configuration does not.</summary>
    public GathererSources(IReadOnlyList<KnownGatherer> known, Options options, ILogger log)
    {
        var settings = SourceSettings.Usual with { Timeout = options.DedupTimeout };
        var claims = new StoreClaims(known);
        All = [.. known.Select(gatherer => new GathererSource(gatherer.Name, Open(gatherer.Name, options), settings, claims, Micros.Now, log))];
    }

    public IReadOnlyList<GathererSource> All { get; }

    public void Dispose() => _databases.ForEach(database => database.Dispose());

    private StoreDatabase Open(string name, Options options)
    {
        var configured = options.Gatherers.Find(gatherer => gatherer.Name == name)
            ?? throw new SetupException(
                ExitCode.Config, $"Production was merged from a gatherer \"{name}\", which the configuration lacks: keep its line dedup.gatherer.{name}. One that is gone for good costs no more than dedup.lag_budget at a gap.");
        var database = new StoreDatabase(configured.Dsn, options.DedupTimeout, configured.Setting);
        _databases.Add(database);
        return database;
    }
}
