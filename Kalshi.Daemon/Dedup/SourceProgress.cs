using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Dedup;

/// <summary>How far a gatherer's store has been read ahead of the turns, and what the next piece needs to know. One thread.</summary>
/// <param name="firstRecordAt">first_record_at of the store that was read; 0: none yet.</param>
/// <param name="position">Everything up to here was read, µs; 0: nothing.</param>
internal sealed class SourceProgress(long firstRecordAt, long position)
{
    /// <summary>Null until they are known.</summary>
    private List<long>? _openEpochs;

    public long FirstRecordAt { get; private set; } = firstRecordAt;

    public long Position { get; private set; } = position;

    public int LastMarket { get; private set; }

    public RangeSpan Span { get; } = new();

    /// <summary>Whether the store is another one than was read so far: that one was not loaded from the same journal.</summary>
    public bool IsReplacedBy(StoreFacts facts) => FirstRecordAt != 0 && facts.FirstAt != 0 && facts.FirstAt != FirstRecordAt;

    /// <summary>Where reading goes on; a store that is not known yet is read from its begin.</summary>
    public long Begin(StoreFacts facts) => FirstRecordAt == facts.FirstAt ? Position : facts.BeginsAt - 1;

    public bool HasMore(StoreFacts facts) => facts.FirstAt != 0 && facts.Cursor > Begin(facts);

    public IReadOnlyCollection<long>? OpenEpochsAt(long after, bool isReplaced) => isReplaced || after != Position ? null : _openEpochs;

    /// <summary>The piece was read and will be told.</summary>
    public void Pass(SourcePiece piece)
    {
        (FirstRecordAt, Position, LastMarket) = (piece.FirstRecordAt, piece.Until, piece.LastMarket);
        _openEpochs = [.. piece.OpenEpochs];
        Span.Adapt(piece.Range);
    }
}
