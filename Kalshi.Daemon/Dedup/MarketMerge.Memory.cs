using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Dedup;

/// <summary>What is kept of a market between processes: all but the windows, whose changes production has.</summary>
internal sealed partial class MarketMerge
{
    public void Write(StateWriter writer)
    {
        writer.Write7BitEncodedInt(_numbers);
        writer.Write7BitEncodedInt(_vouches);
        writer.Write7BitEncodedInt(_disagreements);
        WriteKey(writer, _snapshotKey);
        writer.Write7BitEncodedInt(_stretches.Count);
        foreach (var stretch in _stretches)
        {
            Write(writer, stretch);
        }

        foreach (ref readonly var slot in _slots.AsSpan())
        {
            Write(writer, slot);
        }

        writer.Write7BitEncodedInt(_orphans?.Count ?? 0);
        foreach (var orphan in _orphans ?? [])
        {
            Write(writer, orphan);
        }
    }

    /// <summary>Takes over what <see cref="Write(StateWriter)"/> wrote, in place of whatever was there.</summary>
    public void Read(StateReader reader)
    {
        (_numbers, _vouches, _disagreements) = (reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt());
        _snapshotKey = ReadKey(reader);
        _stretches.Clear();
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            _stretches.Add(ReadStretch(reader));
        }

        foreach (ref var slot in _slots.AsSpan())
        {
            slot = ReadSlot(reader);
        }

        var orphans = reader.Read7BitEncodedInt();
        _orphans = orphans == 0 ? null : [.. Enumerable.Range(0, orphans).Select(_ => ReadRun(reader))];
    }

    /// <summary>Whether something is to be decided later, as <see cref="Decide"/> says.</summary>
    public bool HasUndecided => HasWaiting() || (Tip is { OpenGapNumber: 0 } tip && !HasAttached(tip));

    /// <summary>After <see cref="Read"/>: the market's recent changes in production, in order, fill the windows again.</summary>
    public void Restore(ReadOnlySpan<(ChangeKey Key, MarketChange Change)> recent)
    {
        foreach (var stretch in _stretches)
        {
            Restore(stretch, recent);
        }

        foreach (ref var slot in _slots.AsSpan())
        {
            if (slot is { State: RunState.Attached, Detail: { } behind })
            {
                SetPosition(ref slot, behind.Key, behind.Digest, behind.HasBook);
            }
        }
    }

    private void Restore(Stretch stretch, ReadOnlySpan<(ChangeKey Key, MarketChange Change)> recent)
    {
        var begin = 0;
        while (begin < recent.Length && (recent[begin].Key < stretch.First || recent[begin].Key <= stretch.ClearedAt))
        {
            begin++;
        }

        var end = begin;
        while (end < recent.Length && recent[end].Key <= stretch.Last)
        {
            end++;
        }

        if (begin == end || stretch.IsEmpty || recent[end - 1].Key != stretch.Last)
        {
            return;
        }

        var digest = stretch.Digest;
        for (var i = begin; i < end; i++)
        {
            digest -= BookDigest.Of(recent[i].Change);
        }

        var baseKey = recent[begin].Key == stretch.First ? ChangeKey.None : begin > 0 ? recent[begin - 1].Key : new ChangeKey(recent[begin].Key.At, recent[begin].Key.Ordinal - 1);
        var window = stretch.Window = _context.RentWindow(baseKey, digest);
        for (var i = begin; i < end; i++)
        {
            digest += BookDigest.Of(recent[i].Change);
            window.Add(new ChangeWindow.Entry { Change = recent[i].Change, Ordinal = recent[i].Key.Ordinal, DigestAfter = digest, AddedAt = _context.Watermark });
            _context.Added.Enqueue((_context.Watermark, Id));
        }
    }

    private static void Write(StateWriter writer, Stretch stretch)
    {
        writer.Write7BitEncodedInt(stretch.Number);
        writer.Write7BitEncodedInt(stretch.GapNumber);
        writer.Write7BitEncodedInt(stretch.OpenGapNumber);
        writer.Write7BitEncodedInt(stretch.FirstCount);
        writer.Write(stretch.IsGapEven);
        writer.Write(stretch.IsOpen);
        writer.WriteReason(stretch.GapReason);
        writer.WriteReason(stretch.Reason);
        ReadOnlySpan<long> times = [stretch.GapFromAt, stretch.OpenedAt, stretch.FromAt, stretch.LastReceivedAt, stretch.CoveredTo];
        foreach (var time in times)
        {
            writer.Write(time);
        }

        writer.Write(stretch.Base);
        writer.Write(stretch.Digest);
        writer.Write(stretch.DigestBefore);
        writer.Write(stretch.ClearedDigest);
        WriteKey(writer, stretch.First);
        WriteKey(writer, stretch.Last);
        WriteKey(writer, stretch.ClearedAt);
    }

    private static Stretch ReadStretch(StateReader reader) => new()
    {
        Number = reader.Read7BitEncodedInt(),
        GapNumber = reader.Read7BitEncodedInt(),
        OpenGapNumber = reader.Read7BitEncodedInt(),
        FirstCount = reader.Read7BitEncodedInt(),
        IsGapEven = reader.ReadBoolean(),
        IsOpen = reader.ReadBoolean(),
        GapReason = reader.ReadReason()!,
        Reason = reader.ReadReason()!,
        GapFromAt = reader.ReadInt64(),
        OpenedAt = reader.ReadInt64(),
        FromAt = reader.ReadInt64(),
        LastReceivedAt = reader.ReadInt64(),
        CoveredTo = reader.ReadInt64(),
        Base = reader.ReadUInt64(),
        Digest = reader.ReadUInt64(),
        DigestBefore = reader.ReadUInt64(),
        ClearedDigest = reader.ReadUInt64(),
        First = ReadKey(reader),
        Last = ReadKey(reader),
        ClearedAt = ReadKey(reader),
    };

    private void Write(StateWriter writer, in RunSlot slot)
    {
        writer.Write((byte)slot.State);
        if (slot.State == RunState.None)
        {
            return;
        }

        writer.Write(slot.EpochId);
        writer.Write7BitEncodedInt(slot.Vouch);
        writer.Write(slot.OpenedAt);
        writer.Write(slot.IsProven);
        writer.Write7BitEncodedInt(slot.Stretch is null ? 0 : _stretches.IndexOf(slot.Stretch) + 1);
        if (slot.State == RunState.Attached)
        {
            var (key, digest) = PositionOf(slot);
            WriteKey(writer, key);
            writer.Write(digest);
            writer.Write(slot.Detail?.HasBook ?? true);
        }
        else
        {
            Write(writer, slot.Detail!);
        }
    }

    private RunSlot ReadSlot(StateReader reader)
    {
        var slot = new RunSlot { State = (RunState)reader.ReadByte() };
        if (slot.State == RunState.None)
        {
            return slot;
        }

        (slot.EpochId, slot.Vouch, slot.OpenedAt, slot.IsProven) = (reader.ReadInt64(), reader.Read7BitEncodedInt(), reader.ReadInt64(), reader.ReadBoolean());
        slot.Stretch = reader.Read7BitEncodedInt() is var index and > 0 ? _stretches[index - 1] : null;
        if (slot.State == RunState.Attached)
        {
            SetPosition(ref slot, ReadKey(reader), reader.ReadUInt64(), reader.ReadBoolean());
        }
        else
        {
            slot.Detail = ReadRun(reader);
        }

        return slot;
    }

    private void Write(StateWriter writer, Run run)
    {
        writer.Write7BitEncodedInt(run.Gatherer);
        writer.Write(run.EpochId);
        writer.Write(run.OpenedAt);
        WriteKey(writer, run.Key);
        writer.Write(run.Digest);
        writer.Write(run.HasBook);
        writer.Write7BitEncodedInt(run.Checked);
        writer.Write(run.CheckedAt);
        writer.Write(run.IsEnded);
        writer.Write(run.CoveredTo);
        writer.WriteReason(run.Reason);
        WriteLevels(writer, run.Yes);
        WriteLevels(writer, run.No);
        writer.Write7BitEncodedInt(run.Changes.Count);
        foreach (var change in run.Changes)
        {
            Write(writer, change);
        }

        var disagreement = run.Disagreement;
        writer.Write7BitEncodedInt(disagreement.Number);
        if (disagreement.Number > 0)
        {
            writer.Write(disagreement.FoundAt);
            WriteKey(writer, disagreement.After);
            Write(writer, disagreement.Held);
            writer.Write(disagreement.HeldBy);
            Write(writer, disagreement.Other);
            writer.Write7BitEncodedInt(disagreement.OtherBy);
        }
    }

    private Run ReadRun(StateReader reader)
    {
        var run = new Run
        {
            Gatherer = reader.Read7BitEncodedInt(),
            EpochId = reader.ReadInt64(),
            OpenedAt = reader.ReadInt64(),
            Key = ReadKey(reader),
            Digest = reader.ReadUInt64(),
            HasBook = reader.ReadBoolean(),
            Checked = reader.Read7BitEncodedInt(),
            CheckedAt = reader.ReadInt64(),
            IsEnded = reader.ReadBoolean(),
            CoveredTo = reader.ReadInt64(),
            Reason = reader.ReadReason()!,
            Yes = ReadLevels(reader),
            No = ReadLevels(reader),
        };
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            run.Changes.Add(ReadChange(reader));
        }

        if (reader.Read7BitEncodedInt() is var number and > 0)
        {
            run.Disagreement = new Disagreement(
                Id, number, reader.ReadInt64(), ReadKey(reader), ReadChange(reader), reader.ReadUInt32(), ReadChange(reader), reader.Read7BitEncodedInt(), 0, "");
        }

        return run;
    }

    private static void WriteKey(StateWriter writer, ChangeKey key)
    {
        writer.Write(key.At);
        writer.Write(key.Ordinal);
    }

    private static ChangeKey ReadKey(StateReader reader) => new(reader.ReadInt64(), reader.ReadInt32());

    private static void Write(StateWriter writer, in MarketChange change)
    {
        writer.Write(change.At);
        writer.Write(change.ReceivedAt);
        writer.Write((byte)change.Side);
        writer.Write(change.Price);
        writer.Write(change.Delta);
    }

    private static MarketChange ReadChange(StateReader reader) =>
        new(reader.ReadInt64(), reader.ReadInt64(), (Side)reader.ReadByte(), reader.ReadInt32(), reader.ReadInt64());

    private static void WriteLevels(StateWriter writer, Level[]? levels)
    {
        writer.Write7BitEncodedInt(levels?.Length ?? 0);
        foreach (var level in levels ?? [])
        {
            writer.Write(level.Price);
            writer.Write(level.Quantity);
        }
    }

    private static Level[] ReadLevels(StateReader reader)
    {
        var levels = new Level[reader.Read7BitEncodedInt()];
        for (var i = 0; i < levels.Length; i++)
        {
            levels[i] = new Level(reader.ReadInt32(), reader.ReadInt64());
        }

        return levels;
    }
}
