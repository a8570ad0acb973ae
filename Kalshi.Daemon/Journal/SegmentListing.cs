using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// The segments of a live directory, listed again only when the directory has changed. One thread. A directory's change time moves
/// in steps of some milliseconds, so a listing made within <see cref="SettledMicros"/> of a change is not trusted to be the last.
/// </summary>
internal sealed class SegmentListing(string directory)
{
    private const long SettledMicros = 2 * Micros.PerSecond;

    private List<SegmentName> _segments = [];
    private DateTime _changedAt = DateTime.MinValue;
    private bool _isSettled;

    /// <summary>The first segment that may hold a record later than `after`; null while there is none at all.</summary>
    public long? FirstFor(long after)
    {
        Refresh();
        if (_segments.Count == 0)
        {
            return null;
        }

        var index = _segments.FindLastIndex(segment => segment.FirstAt <= after);
        return _segments[Math.Max(index, 0)].FirstAt;
    }

    /// <summary>First stamp of the next segment after the one named, or 0.</summary>
    public long NextAfter(long firstAt)
    {
        var next = Search(firstAt);
        if (next == 0)
        {
            Refresh();
            next = Search(firstAt);
        }

        return next;
    }

    private long Search(long firstAt)
    {
        foreach (var segment in _segments)
        {
            if (segment.FirstAt > firstAt)
            {
                return segment.FirstAt;
            }
        }

        return 0;
    }

    private void Refresh()
    {
        var changedAt = Directory.GetLastWriteTimeUtc(directory);
        if (_isSettled && changedAt == _changedAt)
        {
            return;
        }

        _changedAt = changedAt;
        _isSettled = Math.Abs(Micros.Now() - Micros.FromDateTime(changedAt)) > SettledMicros;
        _segments = SegmentName.List(directory);
    }
}
