namespace Kalshi.Daemon.Store;

/// <summary>What a loader is told once.</summary>
/// <param name="Gatherer">The store is this gatherer's; another's is refused.</param>
/// <param name="BatchAgeMax">From a batch's first record to its being sent.</param>
/// <param name="Timeout">Of one batch, from its first byte to its commit, at its first try: see <see cref="BatchPatience"/>.</param>
internal sealed record LoaderSettings(
    string Gatherer, string JournalDirectory, string Timescale, bool DirectCompress, int BatchRowsMax, TimeSpan BatchAgeMax, int Writers, TimeSpan Timeout)
{
    public static LoaderSettings Of(Options options) => new(
        options.Name, Path.Combine(options.DataDir, "journal"), options.StoreTimescale, options.StoreDirectCompress, options.StoreBatchRowsMax,
        TimeSpan.FromMilliseconds(options.StoreBatchAgeMsMax), options.StoreWriters, options.StoreTimeout);
}
