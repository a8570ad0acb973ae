using Kalshi.Daemon.Journal;

namespace Kalshi.Daemon.Store;

/// <summary>
/// How many journal records are not in the store yet. What this process wrote is counted as it is written; what earlier processes left
/// behind is counted once, by reading it, on a thread of the lowest priority. One caller.
/// </summary>
internal sealed class Backlog(string journalDirectory) : IDisposable
{
    private const int CheckMask = 0xFFFF;

    private readonly CancellationTokenSource _stop = new();
    private LoaderCounters.Origin? _origin;
    private long _recordsThen;

    /// <summary>Records after the origin that were in the journal when it was told; -1 = not counted yet.</summary>
    private long _found = -1;
    private Thread? _thread;

    /// <summary>-1 = not known yet. `written`: the journal's last stamp; `records`: what it took since this process began.</summary>
    public long Behind(LoaderCounters counters, long written, long records)
    {
        if (counters.Begun is not { } origin)
        {
            return -1;
        }

        if (origin != _origin)
        {
            _thread?.Join(); // Rare: a database was replaced while a backlog was still being counted.
            (_origin, _recordsThen) = (origin, records);
            Volatile.Write(ref _found, -1);
            _thread = new Thread(() => Count(origin.Position, written)) { Name = "store backlog", IsBackground = true };
            _thread.Start();
        }

        return Volatile.Read(ref _found) is var found and >= 0
            ? Math.Max(0, found + records - _recordsThen - (counters.Records - origin.Records)) : -1;
    }

    private void Count(long after, long until)
    {
        Disk.LowerThreadPriority();
        using var reader = new JournalReader(journalDirectory, after, until);
        long found = 0;
        while (reader.TryRead(out _))
        {
            if ((++found & CheckMask) == 0 && _stop.IsCancellationRequested)
            {
                return;
            }
        }

        Volatile.Write(ref _found, found);
    }

    public void Dispose()
    {
        _stop.Cancel();
        _thread?.Join();
        _stop.Dispose();
    }
}
