namespace Kalshi.Daemon.Verify;

/// <summary>What was audited of production beside its rows.</summary>
internal sealed class ProductionCounts
{
    /// <summary>Stretches that hold changes: between those of one nothing lies.</summary>
    public long Stretches;
    public long Vouches;

    /// <summary>Epochs of gatherers that vouch for something.</summary>
    public readonly HashSet<(int Gatherer, long EpochId)> Epochs = [];
    public long Disagreements;

    /// <summary>Those that no snapshot has settled yet.</summary>
    public long OpenDisagreements;
}
