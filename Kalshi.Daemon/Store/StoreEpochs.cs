using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Store;

/// <summary>
/// The epochs under way while a store's rows pass: their numbers as of each row, and where they end.
/// <b>In</b>: rows of kalshid.epochs, frames. <b>Out</b>: an <see cref="IReplaySink"/>'s epochs. <b>Thread</b>: one.
/// <b>Bound</b>: epochs that are open, and those that begin in the range being read.
/// </summary>
/// <param name="cutBefore">Epochs that began before have lost their first rows to retention.</param>
internal sealed class StoreEpochs(IReplaySink sink, StoreFaults faults, long cutBefore)
{
    private readonly Dictionary<long, StoreEpoch> _epochs = [];
    private readonly PriorityQueue<StoreEpoch, (long At, int Session, int Sid)> _ends = new();
    private StoreEpoch? _latest;

    /// <summary>Position of the next end; `long.MaxValue` when none is known.</summary>
    public long NextEndAt => _ends.TryPeek(out _, out var next) ? next.At : long.MaxValue;

    /// <summary>Those under way, in order of session and sid.</summary>
    private IEnumerable<StoreEpoch> Open => _epochs.Values.OrderBy(epoch => (epoch.Session, epoch.Sid));

    public static string SelectOpen(long at) =>
        $"select {ReadTables.EpochColumns} from kalshid.epochs where epoch_id <= {StoreReader.Spell(at)} and (end_reason is null or recorded_at > {StoreReader.Spell(at)})";

    /// <summary>Takes every row of kalshid.epochs that is held.</summary>
    public void Add(CopyRows rows)
    {
        for (; rows.Key != long.MaxValue; rows.MoveNext())
        {
            Add(StoreEpoch.Of(rows, rows.Key, cutBefore));
        }
    }

    /// <summary>Counts a numbered frame; returns its epoch.</summary>
    public StoreEpoch Count(long epochId, long seq, long receivedAt, FrameType type, bool isRejected = false)
    {
        var epoch = _latest?.Id == epochId ? _latest : Find(epochId);
        var counted = epoch.Counted ?? Begin(epoch, seq, receivedAt);
        epoch.IsOutOfOrder |= seq != counted.LastSeq + 1;
        counted.LastSeq = seq;
        counted.ToAt = receivedAt;
        epoch.Count(counted, type, isRejected);
        return epoch;
    }

    /// <summary>Whether an epoch's end at this position is told before the row there: it is, unless the row is its own last one.</summary>
    public void TellEnds(long at, long exceptEpochId)
    {
        StoreEpoch? kept = null;
        while (NextEndAt == at)
        {
            var epoch = _ends.Dequeue();
            if (epoch.Id == exceptEpochId)
            {
                kept = epoch;
                continue;
            }

            End(epoch);
        }

        if (kept is not null)
        {
            _ends.Enqueue(kept, (at, kept.Session, kept.Sid));
        }
    }

    /// <summary>Tells the epochs that are open.</summary>
    public void TellOpen()
    {
        foreach (var epoch in Open)
        {
            if (epoch.Counted is { } counted)
            {
                sink.OnEpoch(counted);
            }
        }
    }

    /// <summary>Faults of epochs that are open.</summary>
    public void CheckOpen()
    {
        foreach (var epoch in Open)
        {
            Check(epoch);
        }
    }

    public void Save(BinaryWriter writer)
    {
        var counted = Open.Select(epoch => epoch.Counted).OfType<Epoch>().ToList();
        writer.Write(counted.Count);
        foreach (var epoch in counted)
        {
            ReadOnlySpan<long> numbers =
            [
                epoch.EpochId, epoch.FirstSeq, epoch.LastSeq, epoch.FromAt, epoch.ToAt, epoch.Deltas, epoch.Snapshots, epoch.Trades, epoch.Lifecycle, epoch.Acks, epoch.Unknown,
                epoch.Rejected,
            ];
            foreach (var number in numbers)
            {
                writer.Write(number);
            }
        }
    }

    /// <summary>After <see cref="Add"/> of the epochs that were open when it was saved.</summary>
    public void Load(BinaryReader reader)
    {
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            var epoch = Find(reader.ReadInt64());
            var (firstSeq, lastSeq, fromAt, toAt) = (reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64());
            var counted = epoch.Start(firstSeq, fromAt);
            (counted.LastSeq, counted.ToAt) = (lastSeq, toAt);
            (counted.Deltas, counted.Snapshots, counted.Trades, counted.Lifecycle) = (reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64());
            (counted.Acks, counted.Unknown, counted.Rejected) = (reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64());
        }
    }

    private Epoch Begin(StoreEpoch epoch, long seq, long receivedAt)
    {
        var counted = epoch.Start(seq, receivedAt);
        sink.OnEpochBegan(counted);
        return counted;
    }

    private StoreEpoch Find(long epochId)
    {
        if (!_epochs.TryGetValue(epochId, out var epoch))
        {
            epoch = new StoreEpoch { Id = epochId, Session = 0, Sid = 0 };
            Add(epoch);
        }

        return _latest = epoch;
    }

    private void Add(StoreEpoch epoch)
    {
        _epochs[epoch.Id] = epoch;
        if (epoch.EndedAt != long.MaxValue)
        {
            _ends.Enqueue(epoch, (epoch.EndedAt, epoch.Session, epoch.Sid));
        }
    }

    private void End(StoreEpoch epoch)
    {
        _epochs.Remove(epoch.Id);
        _latest = null;
        Check(epoch);
        if (epoch.Counted is { } counted)
        {
            counted.EndReason = epoch.Told!.EndReason;
            sink.OnEpoch(counted);
        }
    }

    private void Check(StoreEpoch epoch)
    {
        if (epoch.Fault() is { } fault)
        {
            faults.Add("epochs", () => $"epoch {Micros.Format(epoch.Id)} (session {epoch.Session}, sid {epoch.Sid}) {fault}");
        }
    }
}
