using System.Runtime.InteropServices;
using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Store;

/// <summary>An epoch as it stood at a record.</summary>
internal readonly record struct EpochRow(
    long EpochId, int Session, int Sid, string Channel, long FirstSeq, long LastSeq, long FromAt, long ToAt,
    long Deltas, long Snapshots, long Trades, long Lifecycle, long Acks, long Unknown, long Rejected, string? EndReason, long RecordedAt)
{
    public static EpochRow Of(Epoch epoch, long recordedAt) => new(
        epoch.EpochId, epoch.Session, epoch.Sid, epoch.Channel, epoch.FirstSeq, epoch.LastSeq, epoch.FromAt, epoch.ToAt,
        epoch.Deltas, epoch.Snapshots, epoch.Trades, epoch.Lifecycle, epoch.Acks, epoch.Unknown, epoch.Rejected, epoch.EndReason, recordedAt);
}

/// <summary>Identity of an interval. EpochId 0: a gap; market 0: a whole channel.</summary>
internal readonly record struct CoverageKey(string Channel, int MarketId, long FromAt, long EpochId);

/// <summary>The rest of it. KnownAt and RecordedAt: positions of the records that told it first and last.</summary>
/// <param name="IsNew">It began within the batch: the store has no row of it.</param>
/// <param name="TakenBackAt">Position of the record that took back the row which the store has under the same key; 0 = it has none.</param>
internal readonly record struct CoverageRow(
    long KnownAt, long RecordedAt, long ToAt, long FromSeq, CoverageState State, string Reason, bool IsNew, long TakenBackAt);

/// <summary>
/// What changes more than once: the latest of each epoch and interval within a batch, so that a batch tells each once. One thread.
/// </summary>
internal sealed class BatchChanges
{
    private readonly Dictionary<long, EpochRow> _epochs = [];
    private readonly Dictionary<CoverageKey, CoverageRow> _coverage = [];

    public void Epoch(Epoch epoch, long recordedAt) => _epochs[epoch.EpochId] = EpochRow.Of(epoch, recordedAt);

    /// <summary>An interval's begin (ToAt infinite) or its end or repair. `at`: position of the record that tells.</summary>
    public void Coverage(in Coverage coverage, int marketId, long at)
    {
        var key = new CoverageKey(coverage.Channel, marketId, coverage.FromAt, coverage.EpochId);
        var isTakenBack = coverage.EpochId == 0 && coverage.ToAt <= coverage.FromAt;
        ref var row = ref CollectionsMarshal.GetValueRefOrAddDefault(_coverage, key, out var isKnown);
        var isBegin = coverage.ToAt == long.MaxValue && (!isKnown || (!row.IsNew && row.ToAt != long.MaxValue));
        var takenBackAt = isBegin && isKnown ? row.RecordedAt : row.TakenBackAt;
        var isNew = (isBegin || (isKnown && row.IsNew)) && !isTakenBack;
        if (isTakenBack && isKnown && row.IsNew && takenBackAt == 0)
        {
            _coverage.Remove(key); // Begun and found empty within the batch.
            return;
        }

        row = new CoverageRow(isKnown && !isBegin ? row.KnownAt : at, at, coverage.ToAt, coverage.FromSeq, coverage.State, coverage.Reason, isNew, takenBackAt);
    }

    /// <summary>Writes everything into the batch's tables and forgets it.</summary>
    public void MoveTo(StoreBatch batch)
    {
        foreach (var epoch in _epochs.Values)
        {
            RowEncoder.EpochChange(batch[StoreTable.EpochChanges], epoch);
        }

        foreach (var (key, row) in _coverage)
        {
            if (row.IsNew)
            {
                RowEncoder.Coverage(batch[StoreTable.Coverage], key, row);
            }

            if (!row.IsNew || row.TakenBackAt > 0)
            {
                RowEncoder.CoverageChange(batch[StoreTable.CoverageChanges], key, row.IsNew ? row with { ToAt = key.FromAt } : row);
            }
        }

        Clear();
    }

    public void Clear()
    {
        _epochs.Clear();
        _coverage.Clear();
    }
}
