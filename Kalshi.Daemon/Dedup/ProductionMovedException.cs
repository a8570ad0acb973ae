namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Production is not where this dedup left it: another dedup wrote it, or it is another database now, or an older copy. Nothing in memory is of use;
/// <see cref="ProductionStore.Open"/> says from where to go on.
/// </summary>
internal sealed class ProductionMovedException(string why) : Exception(why);

/// <summary>Another dedup writes production. It is waited for: `who` says which.</summary>
internal sealed class ProductionBusyException(string who) : IOException($"another dedup writes this production ({who}); this one waits for it to end");
