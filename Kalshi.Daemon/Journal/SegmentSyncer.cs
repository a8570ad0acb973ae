using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// Makes durable what the writer has written, off its thread, and closes segments that were rolled.
/// In: segments being written, the position written. Out: the position durable. Thread: its own ("journal sync"). Bound: the segments
/// rolled since the last sync. When full: never; a slow disk only makes Durable lag behind Written.
/// </summary>
internal sealed class SegmentSyncer : IDisposable
{
    private readonly string _directory;
    private readonly int _intervalMs;
    private readonly long _syncBytes;
    private readonly ILogger _log;
    private readonly JournalWriter _writer;
    private readonly Thread _thread;
    private readonly AutoResetEvent _wake = new(false);
    private readonly Lock _lock = new();

    /// <summary>Guarded by the lock. All but the last are sealed.</summary>
    private readonly List<SegmentFile> _segments = [];

    /// <summary>Sync thread only: this turn's copy of the list.</summary>
    private readonly List<SegmentFile> _turn = [];

    private long _openSegment;  // Written by the capture thread.
    private long _durable;      // Written by the sync thread, as is the next.
    private long _syncedBytes;
    private bool _hasFailed;
    private bool _isAsked;      // Set by capture, cleared by the sync thread: one wake-up an interval is enough.
    private volatile bool _isStopping;

    public SegmentSyncer(JournalSettings settings, ILogger log, long durable, JournalWriter writer)
    {
        _directory = settings.Directory;
        _intervalMs = settings.SyncIntervalMs;
        _syncBytes = settings.SyncBytes;
        _log = log;
        _durable = durable;
        _writer = writer;
        _thread = new Thread(Run) { Name = "journal sync", IsBackground = true };
    }

    public long Durable => Volatile.Read(ref _durable);

    public long OpenSegment => Volatile.Read(ref _openSegment);

    public void Start() => _thread.Start();

    /// <summary>Capture thread: `segment` takes over, everything added before it is sealed.</summary>
    public SegmentFile Add(SegmentFile segment)
    {
        lock (_lock)
        {
            _segments.Add(segment);
        }

        Volatile.Write(ref _openSegment, segment.FirstAt);
        return segment;
    }

    /// <summary>Capture thread: so much is written; wakes the sync when too much of it is unsynced.</summary>
    public void OnWritten(long writtenBytes)
    {
        if (writtenBytes - Volatile.Read(ref _syncedBytes) >= _syncBytes && !Volatile.Read(ref _isAsked))
        {
            Volatile.Write(ref _isAsked, true);
            _wake.Set();
        }
    }

    private void Run()
    {
        bool isLast;
        do
        {
            _wake.WaitOne(_intervalMs);
            isLast = _isStopping;
            Volatile.Write(ref _isAsked, false);
            SyncAll();
        }
        while (!isLast);
    }

    private void SyncAll()
    {
        // The positions before the list: whatever they cover is in a segment of the list, or was synced in an earlier turn.
        var writtenBytes = _writer.WrittenBytes;
        var written = _writer.Written;
        lock (_lock)
        {
            if (written == _durable && _segments.Count < 2)
            {
                return;
            }

            _turn.AddRange(_segments);
            _segments.RemoveRange(0, Math.Max(0, _segments.Count - 1));
        }

        for (var i = 0; i < _turn.Count; i++)
        {
            Sync(_turn[i]);
            if (i < _turn.Count - 1)
            {
                _turn[i].Close();
            }
        }

        _turn.Clear();
        Volatile.Write(ref _syncedBytes, writtenBytes);
        if (!_hasFailed)
        {
            Volatile.Write(ref _durable, written);
        }
    }

    /// <summary>
    /// After a failed sync the kernel may have dropped the pages and call the next sync a success, so success is never believed again
    /// for what lies in that segment: Durable stands still until a restart, and new blocks go to a new segment.
    /// </summary>
    private void Sync(SegmentFile segment)
    {
        if (segment.HasFailed)
        {
            return;
        }

        try
        {
            segment.Sync();
            if (!segment.IsNameDurable)
            {
                Disk.SyncDirectory(_directory);
                segment.IsNameDurable = true;
            }
        }
        catch (IOException e)
        {
            _hasFailed = true;
            segment.MarkFailed();
            _log.JournalSyncFailed(segment.Name, _durable, e);
        }
    }

    /// <summary>After the last flush: syncs what is left and closes the segments.</summary>
    public void Dispose()
    {
        _isStopping = true;
        _wake.Set();
        _thread.Join();
        foreach (var segment in _segments)
        {
            segment.Close();
        }

        _segments.Clear();
        _wake.Dispose();
    }
}
