using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// The chores beside a live journal: compression of sealed segments, then retention, every few seconds.
/// In: the directory. Out: a smaller directory. Thread: its own ("journal upkeep"), at the lowest priority. Bound: one segment at a
/// time. When the disk fails: logged, tried again next turn; the writer never notices.
/// </summary>
internal sealed class JournalUpkeep : IDisposable
{
    private readonly SegmentCompressor? _compressor;
    private readonly Retention _retention;
    private readonly ILogger _log;
    private readonly int _intervalMs;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;

    public JournalUpkeep(string directory, bool isCompressing, TimeSpan retention, long diskBudget, ILogger log, int intervalMs = 5_000)
    {
        _compressor = isCompressing ? new SegmentCompressor(directory, log) : null;
        _retention = new Retention(directory, retention, diskBudget, log);
        _log = log;
        _intervalMs = intervalMs;
        _thread = new Thread(Run) { Name = "journal upkeep", IsBackground = true };
        _thread.Start();
    }

    private void Run()
    {
        Disk.LowerThreadPriority();
        while (!_stop.Wait(_intervalMs))
        {
            try
            {
                _compressor?.CompressSealed(() => _stop.IsSet);
                _retention.Apply(Micros.Now());
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                _log.JournalUpkeepFailed(e);
            }
        }
    }

    /// <summary>Leaves a compression in the middle (its original is untouched) and waits for the thread.</summary>
    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
        _compressor?.Dispose();
    }
}
