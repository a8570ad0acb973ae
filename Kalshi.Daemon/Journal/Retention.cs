using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// Removes old segments, oldest first, so that a hole can only ever be at the journal's beginning.
/// A segment goes when its last record is older than the retention time and every cursor has passed it. Over the disk budget an alarm
/// comes first, then segments that every cursor has passed go although they are young; with no cursor at all nobody has read
/// anything, so nothing goes. The newest segment never goes. One thread.
/// </summary>
internal sealed class Retention(string directory, TimeSpan retention, long diskBudget, ILogger log)
{
    private readonly long _retentionMicros = Micros.FromTimeSpan(retention);
    private bool _isOverBudget;

    /// <summary>One turn at the wall clock `now` (µs). Returns the number of segments removed.</summary>
    public int Apply(long now)
    {
        var segments = SegmentName.List(directory);
        var cursors = Cursors.Beside(directory);
        var readUpTo = cursors.Count == 0 ? long.MaxValue : cursors.Min(cursor => cursor.Position);
        var removed = 0;

        // A segment's last record is older than the first of the next one; that is as good as reading it.
        while (segments.Count - removed > 1 && segments[removed + 1].FirstAt is var nextAt
            && nextAt <= readUpTo && nextAt <= now - _retentionMicros)
        {
            Remove(segments[removed++], "retention time has passed");
        }

        return removed + KeepBudget(segments, removed, cursors.Count == 0 ? 0 : readUpTo);
    }

    private int KeepBudget(List<SegmentName> segments, int first, long readUpTo)
    {
        if (diskBudget <= 0)
        {
            return 0;
        }

        var bytes = segments.Skip(first).Sum(SizeOf);
        if (bytes <= diskBudget)
        {
            _isOverBudget = false;
            return 0;
        }

        if (!_isOverBudget)
        {
            _isOverBudget = true;
            log.JournalOverBudget(directory, bytes, diskBudget);
        }

        var removed = 0;
        while (bytes > diskBudget && segments.Count - first - removed > 1 && segments[first + removed + 1].FirstAt <= readUpTo)
        {
            var segment = segments[first + removed++];
            bytes -= SizeOf(segment);
            Remove(segment, "disk budget is exceeded and every consumer has read it");
        }

        return removed;
    }

    private long SizeOf(SegmentName segment)
    {
        var file = new FileInfo(Path.Combine(directory, segment.FileName));
        return file.Exists ? file.Length : 0;
    }

    private void Remove(SegmentName segment, string reason)
    {
        File.Delete(Path.Combine(directory, SegmentName.Compressed(segment.FirstAt)));
        File.Delete(Path.Combine(directory, SegmentName.Raw(segment.FirstAt)));
        log.SegmentRemoved(segment.FileName, reason);
    }
}
