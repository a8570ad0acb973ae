using System.Buffers.Binary;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// A damaged range of a segment, skipped by readers: exact offsets, and the stamps of the whole blocks around it (0 = none).
/// Offsets 0 to 0: nothing is damaged, but records that once stood before this segment are gone.
/// </summary>
internal readonly record struct Damage(string Segment, long FromOffset, long ToOffset, long AfterReceivedAt, long BeforeReceivedAt, string Cause);

/// <summary>
/// Reads records in order, compressed segments included, from any position, in the writer's process or another one. At the
/// end of a live journal <see cref="TryRead"/> returns false and may return true later. One thread. No allocation per record.
/// <para>
/// In: a directory of segments, changing under it (growth, roll, compression, removal). Out: records; damage as data.
/// Bound: one segment open, buffers as in <see cref="SegmentReader"/>. At the end a poll costs one read and one stat.
/// </para>
/// </summary>
internal sealed class JournalReader : IDisposable
{
    private readonly string _directory;
    private readonly long _after;
    private readonly long _until;
    private readonly Func<long>? _limit;
    private readonly SegmentListing _listing;
    private readonly List<Damage> _damages = [];

    /// <summary>Damage that awaits the stamp of the next whole block.</summary>
    private readonly List<Damage> _pending = [];

    private SegmentReader? _segment;
    private long _segmentAt;
    private long _doneAt = -1;
    private bool _isStarted;
    private bool _isSealed;
    private bool _isFinished;
    private bool _isContinuityChecked;

    /// <summary>What the limit last said.</summary>
    private long _limitAt;

    private byte[] _buffer = [];
    private int _at;
    private int _end;
    private long _previousAt;
    private long _blockLastAt;
    private long _lastBlockAt;

    /// <summary>
    /// Starts after the record stamped `after` (0 = from the beginning) and ends before the first stamped later than `until`.
    /// Segments and blocks outside are skipped unread. A missing directory is an empty journal. `limit`, when given, is a stamp that moves:
    /// records later than it are not there yet.
    /// </summary>
    public JournalReader(string directory, long after = 0, long until = long.MaxValue, Func<long>? limit = null)
    {
        _directory = directory;
        _after = after;
        _until = until;
        _limit = limit;
        _limitAt = limit is null ? long.MaxValue : 0;
        _listing = new SegmentListing(directory);
        _lastBlockAt = after;
        Position = after;
    }

    /// <summary>Stamp of the last record read: the cursor.</summary>
    public long Position { get; private set; }

    /// <summary>
    /// Damage met so far, in order; one that precedes a record is here when <see cref="TryRead"/> returns that record. A torn tail
    /// of the newest segment is not damage, it is the end.
    /// </summary>
    public IReadOnlyList<Damage> Damages => _damages;

    /// <summary>Whether a record later than `until` was met: there will never be another record.</summary>
    public bool IsFinished => _isFinished;

    /// <summary>The next record, or false when there is none yet. Never throws for damaged files: see <see cref="Damages"/>.</summary>
    public bool TryRead(out JournalRecord record)
    {
        while (_at < _end || TryBlock())
        {
            var bytes = _buffer.AsSpan(_at, _end - _at);
            if (bytes.Length < SegmentFormat.RecordHeaderBytes)
            {
                SkipRestOfBlock();
                continue;
            }

            var receivedAt = BinaryPrimitives.ReadInt64LittleEndian(bytes);
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]);
            if ((uint)length > (uint)(bytes.Length - SegmentFormat.RecordHeaderBytes) || receivedAt <= _previousAt || receivedAt > _blockLastAt)
            {
                SkipRestOfBlock();
                continue;
            }

            if (receivedAt > _until)
            {
                _isFinished = true;
                _at = _end;
                break;
            }

            if (receivedAt > _limitAt && receivedAt > (_limitAt = _limit!()))
            {
                break;
            }

            _at += SegmentFormat.RecordHeaderBytes + length;
            _previousAt = receivedAt;
            if (receivedAt <= _after)
            {
                continue;
            }

            Position = receivedAt;
            record = new JournalRecord(
                receivedAt, BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]), (RecordKind)bytes[16], bytes.Slice(SegmentFormat.RecordHeaderBytes, length));
            return true;
        }

        record = default;
        return false;
    }

    /// <summary>Loads the next block that may hold wanted records; false at the end for now.</summary>
    private bool TryBlock()
    {
        while (!_isFinished && (_segment is not null || TryOpen()))
        {
            var step = _segment!.Step(_isSealed);
            if (step != SegmentStep.End && !_isContinuityChecked)
            {
                CheckContinuity(_segment);
            }

            switch (step)
            {
                case SegmentStep.Block when TryUse(_segment):
                    return true;
                case SegmentStep.Skipped:
                    var (from, to, cause) = _segment.Skipped;
                    _pending.Add(new Damage(_segment.FileName, from, to, _lastBlockAt, 0, cause));
                    break;
                case SegmentStep.End when _isSealed:
                    Close(isDone: true);
                    break;
                case SegmentStep.End when _listing.NextAfter(_segmentAt) > 0:
                    _isSealed = true; // A newer one exists, so this one is complete: one more look at its end.
                    break;
                case SegmentStep.End:
                    WaitAtEnd();
                    return false;
            }
        }

        return false;
    }

    private bool TryUse(SegmentReader segment)
    {
        var block = segment.Block;
        if (block.FirstAt <= _after)
        {
            _pending.Clear(); // All of it lies before `after`.
        }

        _lastBlockAt = block.LastAt;
        if (block.LastAt <= _after)
        {
            return false;
        }

        PublishDamages(block.FirstAt);
        if (block.FirstAt > _until)
        {
            _isFinished = true;
            return false;
        }

        _buffer = segment.Buffer;
        _at = segment.RecordsStart;
        _end = segment.RecordsEnd;
        _previousAt = block.FirstAt - 1;
        _blockLastAt = block.LastAt;
        return true;
    }

    /// <summary>A segment's header names the record before it. When that is not the one last read, a segment or a tail has gone.</summary>
    private void CheckContinuity(SegmentReader segment)
    {
        _isContinuityChecked = true;
        if (segment.HasHeader && _lastBlockAt > 0 && segment.Header.PreviousAt > _lastBlockAt && _pending.Count == 0)
        {
            _pending.Add(new Damage(segment.FileName, 0, 0, _lastBlockAt, 0, "records before this segment were removed or lost"));
        }
    }

    private void PublishDamages(long beforeReceivedAt)
    {
        foreach (var damage in _pending)
        {
            _damages.Add(damage with { BeforeReceivedAt = beforeReceivedAt });
        }

        _pending.Clear();
    }

    /// <summary>A block that is whole but does not hold what its head says was written by a fault: report the rest of it.</summary>
    private void SkipRestOfBlock()
    {
        var segment = _segment!;
        _pending.Add(new Damage(segment.FileName, segment.BlockOffset, segment.WholeEnd, Math.Max(_previousAt, Position), 0, "records do not fill their block"));
        _at = _end;
    }

    private bool TryOpen()
    {
        if (!_isStarted)
        {
            if (_listing.FirstFor(_after) is not { } first)
            {
                return false;
            }

            _isStarted = true;
            _doneAt = first - 1;
        }

        // Each turn passes over one segment that was removed since it was listed.
        while (_listing.NextAfter(_doneAt) is var firstAt and > 0)
        {
            if (firstAt > _until)
            {
                _isFinished = true;
                return false;
            }

            _segment = SegmentReader.TryOpen(_directory, firstAt, _lastBlockAt <= _after ? _after : 0);
            if (_segment is not null)
            {
                _segmentAt = firstAt;
                _isSealed = false;
                _isContinuityChecked = false;
                return true;
            }

            _doneAt = firstAt;
        }

        return false;
    }

    private void WaitAtEnd()
    {
        PublishDamages(0);
        if (!_segment!.HasBlock && !_segment.HasSkipped)
        {
            // It may be removed and made anew by a recovery, so it is opened again at the next call.
            Close(isDone: false);
        }
    }

    private void Close(bool isDone)
    {
        _segment?.Dispose();
        _segment = null;
        _buffer = [];
        _at = _end = 0;
        _doneAt = isDone ? _segmentAt : _doneAt;
    }

    public void Dispose() => Close(isDone: true);
}
