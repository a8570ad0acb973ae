namespace Kalshi.Daemon.Bench.Storage;

/// <summary>The parts of dedup, each on its own and together.</summary>
internal static class DedupBench
{
    private const int SourceFrames = 1_000_000;

    /// <param name="dsn">A PostgreSQL on this machine beside whose database others may be created.</param>
    public static async Task<int> RunAsync(string dsn)
    {
        Console.WriteLine("gatherers' stores -> turns");
        await SourceBench.RunAsync(SourceFrames, dsn);
        return 0;
    }
}
