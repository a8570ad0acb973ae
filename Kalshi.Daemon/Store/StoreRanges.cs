using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Store;

/// <summary>
/// A store from one position to another, range by range, the next being read while one is used.
/// <b>In</b>: the database. <b>Out</b>: <see cref="StoreRange"/>s. <b>Thread</b>: one, plus a task for the range ahead.
/// <b>Bound</b>: two ranges. <b>When full</b>: the database waits.
/// </summary>
/// <remarks>
/// Each range is one short repeatable-read transaction, not all of them one long one: a lock held for hours would stop retention from
/// dropping a partition, and everybody behind it. That is sound because rows up to the cursor, which is read first, do not
/// change, but for these:
/// - coverage and epochs that end, and gaps that are repaired, later than the cursor: their recorded_at says so, and they
///   are told as they stood then;
/// - a backfilled trade whose copy comes over the stream afterwards: it then stands behind the cursor, and a reader that had
///   not come to it sees neither. The next read sees one;
/// - partitions that retention drops: noticed, and the read is given up.
/// </remarks>
internal sealed class StoreRanges(StoreReader reader, long after, long until, int rowsMax) : IDisposable
{
    private StoreRange _current = new(rowsMax);
    private StoreRange _spare = new(rowsMax);
    private Task? _ahead;
    private long _next = after;
    private readonly RangeSpan _span = new();

    /// <summary>The next range, valid until the call after this; null when all was read.</summary>
    public StoreRange? Next()
    {
        if (_ahead is null && !TryReadAhead())
        {
            return null;
        }

        _ahead!.GetAwaiter().GetResult();
        (_current, _spare) = (_spare, _current);
        _next = _current.Until;
        _span.Adapt(_current);
        TryReadAhead();
        return _current;
    }

    /// <summary>Uses the connection for something else.</summary>
    public void Use(Action<StoreReader> use)
    {
        _ahead?.GetAwaiter().GetResult();
        use(reader);
    }

    /// <summary>Waits for the read under way; the reader is not disposed of.</summary>
    public void Dispose()
    {
        try
        {
            _ahead?.GetAwaiter().GetResult();
        }
        catch (SetupException)
        {
            // Whoever disposes early has another reason to stop.
        }
    }

    private bool TryReadAhead()
    {
        if (_next >= until)
        {
            _ahead = null;
            return false;
        }

        var (range, from) = (_spare, _next);
        var to = _span.End(from, until);
        _ahead = Task.Run(() => Read(range, from, to));
        return true;
    }

    private void Read(StoreRange range, long from, long to)
    {
        reader.Begin();
        range.Read(reader, from, to);
        reader.End();

        // Outside of the transaction: it sees what was dropped while that went on.
        var facts = reader.ReadFacts();
        if (facts.DroppedBefore > from + 1 && facts.DroppedBefore > facts.FirstAt)
        {
            throw new SetupException(
                ExitCode.Unavailable, $"Retention dropped rows of the store up to {Micros.Format(facts.DroppedBefore)} while they were read; run it again.");
        }
    }
}
