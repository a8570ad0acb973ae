using System.Runtime.InteropServices;
using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>Whether a numbered row is the next one of its epoch.</summary>
internal enum SequenceVerdict : byte
{
    Next,

    /// <summary>Rows before it are missing.</summary>
    Missing,

    /// <summary>Its number, or a later one, was there before.</summary>
    Doubled,
}

/// <summary>
/// The numbers of the epochs under way in one gatherer's store, over all its tables: each row's must follow the one before it. One thread. Allocates for new epochs
/// only. <b>Bound</b>: the gatherer's open epochs.
/// </summary>
internal sealed class SourceEpochs
{
    /// <summary>A number is not known: whichever comes next is.</summary>
    private const long Unknown = 0;

    private readonly Dictionary<long, Numbers> _epochs = [];
    private readonly List<long> _ended = [];

    /// <summary>Epochs that began at or before this were not read from their begin, µs.</summary>
    private long _cutAt;

    private struct Numbers
    {
        public long LastSeq;
        public long SavedSeq;
        public string? EndReason;
    }

    public IEnumerable<long> Open => _epochs.Keys;

    /// <summary>Takes a row's number; `last`: the one before it as far as it is known, else 0.</summary>
    public SequenceVerdict Next(long epochId, long seq, long receivedAt, out long last)
    {
        ref var epoch = ref CollectionsMarshal.GetValueRefOrAddDefault(_epochs, epochId, out var isKnown);
        last = epoch.LastSeq;
        if (last == Unknown)
        {
            epoch.LastSeq = seq;
            return isKnown || epochId == receivedAt || epochId <= _cutAt ? SequenceVerdict.Next : SequenceVerdict.Missing;
        }

        if (seq <= last)
        {
            return SequenceVerdict.Doubled;
        }

        epoch.LastSeq = seq;
        return seq == last + 1 ? SequenceVerdict.Next : SequenceVerdict.Missing;
    }

    /// <summary>The epoch is over; false when its last rows are missing.</summary>
    public bool End(in EndedEpoch ended)
    {
        ref var epoch = ref CollectionsMarshal.GetValueRefOrAddDefault(_epochs, ended.EpochId, out var isKnown);
        epoch.EndReason = ended.Reason;
        return epoch.LastSeq == Unknown ? isKnown || ended.EpochId <= _cutAt : epoch.LastSeq >= ended.LastSeq;
    }

    /// <summary>Why the epoch ended; null while it goes on.</summary>
    public string? EndReason(long epochId) => _epochs.TryGetValue(epochId, out var epoch) ? epoch.EndReason : null;

    public void Forget(long epochId)
    {
        if (_epochs.Remove(epochId))
        {
            _ended.Add(epochId);
        }
    }

    /// <summary>Rows up to `position` are not read: from each epoch the next number is taken as it comes.</summary>
    public void CutAt(long position)
    {
        _cutAt = Math.Max(_cutAt, position);
        foreach (var epochId in _epochs.Keys)
        {
            CollectionsMarshal.GetValueRefOrNullRef(_epochs, epochId).LastSeq = Unknown;
        }
    }

    /// <summary>Another store, read from behind `position` on.</summary>
    public void Restart(long position)
    {
        _ended.AddRange(_epochs.Keys);
        _epochs.Clear();
        _cutAt = position;
    }

    public void WriteAll(StateWriter writer)
    {
        _ended.Clear();
        Write(writer, static _ => true);
    }

    public void WriteChanges(StateWriter writer)
    {
        writer.Write(_ended.Count);
        foreach (var epochId in _ended)
        {
            writer.Write(epochId);
        }

        _ended.Clear();
        Write(writer, static epoch => epoch.LastSeq != epoch.SavedSeq);
    }

    public void ReadAll(StateReader reader)
    {
        _epochs.Clear();
        Read(reader);
    }

    public void ReadChanges(StateReader reader)
    {
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            _epochs.Remove(reader.ReadInt64());
        }

        Read(reader);
    }

    private void Write(StateWriter writer, Func<Numbers, bool> isWanted)
    {
        writer.Write(_cutAt);
        writer.Write(_epochs.Count(epoch => isWanted(epoch.Value)));
        foreach (var epochId in _epochs.Keys)
        {
            ref var epoch = ref CollectionsMarshal.GetValueRefOrNullRef(_epochs, epochId);
            if (isWanted(epoch))
            {
                writer.Write(epochId);
                writer.Write(epoch.LastSeq);
                epoch.SavedSeq = epoch.LastSeq;
            }
        }
    }

    private void Read(StateReader reader)
    {
        _cutAt = reader.ReadInt64();
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            var (epochId, seq) = (reader.ReadInt64(), reader.ReadInt64());
            _epochs[epochId] = new Numbers { LastSeq = seq, SavedSeq = seq };
        }
    }
}
