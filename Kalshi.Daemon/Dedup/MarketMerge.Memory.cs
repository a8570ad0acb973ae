using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Dedup;

/// <summary>What is kept of a market between processes: all but the windows, whose changes production has.</summary>
internal sealed partial class MarketMerge
{
    // Beside the state of a run, in its byte.
    private const int IsProvenFact = 8;
    private const int IsAtEndFact = 16;
    private const int WasRecalledFact = 32;

    [Flags]
    private enum StretchFacts : byte
    {
        IsGapEven = 1,
        IsOpen = 2,
        HasChanges = 4,
        HasLast = 8,
        HasCleared = 16,

        /// <summary>Its digest is that of its begin, and there is none before.</summary>
        IsAsBegun = 32,
    }

    [Flags]
    private enum RunFacts : byte
    {
        HasBook = 1,
        IsEnded = 2,
        IsChecked = 4,
        HasKey = 8,

        /// <summary>Its digest is not the tip's.</summary>
        HasDigest = 16,
        HasLevels = 32,

        /// <summary>Those of the run that was written before.</summary>
        HasSameLevels = 64,
        HasMore = 128,
    }

    public void Write(StateWriter writer)
    {
        Run? last = null;
        writer.Write7BitEncodedInt(_numbers);
        writer.Write7BitEncodedInt(_vouches);
        writer.Write7BitEncodedInt(_disagreements);
        writer.Write7BitEncodedInt(_stretches.Count);
        foreach (var stretch in _stretches)
        {
            Write(writer, stretch);
        }

        writer.Write(!_snapshotKey.IsNone);
        if (!_snapshotKey.IsNone)
        {
            WriteKey(writer, _snapshotKey, Tip?.LastReceivedAt ?? 0);
        }

        foreach (ref readonly var slot in _slots.AsSpan())
        {
            Write(writer, slot, ref last);
        }

        writer.Write7BitEncodedInt(_orphans?.Count ?? 0);
        foreach (var orphan in _orphans ?? [])
        {
            Write(writer, orphan, epochId: 0, ref last);
        }
    }

    /// <summary>Takes over what <see cref="Write(StateWriter)"/> wrote; for a market just made. `gatherers`: as many as there were then; others are new.</summary>
    public void Read(StateReader reader, int gatherers)
    {
        Run? last = null;
        (_numbers, _vouches, _disagreements) = (reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt(), reader.Read7BitEncodedInt());
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            _stretches.Add(ReadStretch(reader));
        }

        _snapshotKey = reader.ReadBoolean() ? ReadKey(reader, Tip?.LastReceivedAt ?? 0) : ChangeKey.None;

        foreach (ref var slot in _slots.AsSpan(0, gatherers))
        {
            slot = ReadSlot(reader, ref last);
        }

        for (var orphans = reader.Read7BitEncodedInt(); orphans > 0; orphans--)
        {
            (_orphans ??= []).Add(ReadRun(reader, epochId: 0, ref last));
        }
    }

    /// <summary>Whether what <see cref="Write(StateWriter)"/> writes is all there is, for now: no change is recent or kept, and all coverage was told.</summary>
    public bool IsQuiet
    {
        get
        {
            var isQuiet = _orphans is null;
            foreach (var stretch in _stretches)
            {
                isQuiet &= stretch is { Window: null, IsChanged: false };
            }

            foreach (ref readonly var slot in _slots.AsSpan())
            {
                isQuiet &= slot is { State: RunState.None or RunState.Attached } or { State: RunState.Pending, Detail.Changes.Count: 0 };
            }

            return isQuiet;
        }
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
        var hasCleared = !stretch.ClearedAt.IsNone;
        var isAsBegun = stretch.Digest == stretch.Base && stretch.DigestBefore == 0;
        var facts = (stretch.IsGapEven ? StretchFacts.IsGapEven : 0) | (stretch.IsOpen ? StretchFacts.IsOpen : 0)
            | (stretch.IsEmpty ? 0 : StretchFacts.HasChanges) | (stretch.Last.IsNone ? 0 : StretchFacts.HasLast) | (hasCleared ? StretchFacts.HasCleared : 0)
            | (isAsBegun ? StretchFacts.IsAsBegun : 0);
        writer.Write((byte)facts);
        writer.Write7BitEncodedInt(stretch.Number);
        writer.Write7BitEncodedInt(stretch.GapNumber);
        writer.Write7BitEncodedInt(stretch.OpenGapNumber);
        writer.Write(stretch.GapReason);
        writer.Write(stretch.Reason);
        writer.Write(stretch.OpenedAt);
        ReadOnlySpan<long> times = [stretch.GapFromAt, stretch.FromAt, stretch.LastReceivedAt, stretch.CoveredTo];
        foreach (var time in times)
        {
            WriteTime(writer, time, stretch.OpenedAt);
        }

        writer.Write(stretch.Base);
        if (!isAsBegun)
        {
            writer.Write(stretch.Digest);
            writer.Write(stretch.DigestBefore);
        }

        if (!stretch.IsEmpty)
        {
            writer.Write7BitEncodedInt(stretch.FirstCount);
            WriteKey(writer, stretch.First, stretch.OpenedAt);
        }

        if (!stretch.Last.IsNone)
        {
            WriteKey(writer, stretch.Last, stretch.LastReceivedAt);
        }

        if (hasCleared)
        {
            WriteKey(writer, stretch.ClearedAt, stretch.LastReceivedAt);
            writer.Write(stretch.ClearedDigest);
        }
    }

    private static Stretch ReadStretch(StateReader reader)
    {
        var facts = (StretchFacts)reader.ReadByte();
        var stretch = new Stretch
        {
            IsGapEven = facts.HasFlag(StretchFacts.IsGapEven),
            IsOpen = facts.HasFlag(StretchFacts.IsOpen),
            Number = reader.Read7BitEncodedInt(),
            GapNumber = reader.Read7BitEncodedInt(),
            OpenGapNumber = reader.Read7BitEncodedInt(),
            GapReason = reader.ReadString(),
            Reason = reader.ReadString(),
            OpenedAt = reader.ReadInt64(),
        };
        stretch.GapFromAt = ReadTime(reader, stretch.OpenedAt);
        stretch.FromAt = ReadTime(reader, stretch.OpenedAt);
        stretch.LastReceivedAt = ReadTime(reader, stretch.OpenedAt);
        stretch.CoveredTo = ReadTime(reader, stretch.OpenedAt);
        stretch.Base = reader.ReadUInt64();
        (stretch.Digest, stretch.DigestBefore) = facts.HasFlag(StretchFacts.IsAsBegun) ? (stretch.Base, 0) : (reader.ReadUInt64(), reader.ReadUInt64());
        if (facts.HasFlag(StretchFacts.HasChanges))
        {
            (stretch.FirstCount, stretch.First) = (reader.Read7BitEncodedInt(), ReadKey(reader, stretch.OpenedAt));
        }

        if (facts.HasFlag(StretchFacts.HasLast))
        {
            stretch.Last = ReadKey(reader, stretch.LastReceivedAt);
        }

        if (facts.HasFlag(StretchFacts.HasCleared))
        {
            (stretch.ClearedAt, stretch.ClearedDigest) = (ReadKey(reader, stretch.LastReceivedAt), reader.ReadUInt64());
        }

        return stretch;
    }

    private void Write(StateWriter writer, in RunSlot slot, ref Run? last)
    {
        var isAtEnd = slot is { State: RunState.Attached, Detail: null, Lag: 0 };
        var wasRecalled = slot is { State: RunState.Attached, Detail.RecalledAt: > 0 };
        writer.Write((byte)((int)slot.State | (slot.IsProven ? IsProvenFact : 0) | (isAtEnd ? IsAtEndFact : 0) | (wasRecalled ? WasRecalledFact : 0)));
        if (slot.State == RunState.None)
        {
            return;
        }

        writer.Write7BitEncodedInt64(slot.EpochId);
        writer.Write7BitEncodedInt(slot.Vouch);
        writer.Write7BitEncodedInt(slot.Stretch is null ? 0 : _stretches.IndexOf(slot.Stretch) + 1);
        WriteTime(writer, slot.OpenedAt, slot.Stretch?.OpenedAt ?? 0);
        if (slot.State != RunState.Attached)
        {
            Write(writer, slot.Detail!, slot.EpochId, ref last);
        }
        else if (!isAtEnd)
        {
            var (key, digest) = PositionOf(slot);
            WriteKey(writer, key);
            writer.Write(digest);
            writer.Write(slot.Detail?.HasBook ?? true);
        }
    }

    private RunSlot ReadSlot(StateReader reader, ref Run? last)
    {
        var facts = reader.ReadByte();
        var slot = new RunSlot { State = (RunState)(facts & (IsProvenFact - 1)), IsProven = (facts & IsProvenFact) != 0 };
        if (slot.State == RunState.None)
        {
            return slot;
        }

        (slot.EpochId, slot.Vouch) = (reader.Read7BitEncodedInt64(), reader.Read7BitEncodedInt());
        slot.Stretch = reader.Read7BitEncodedInt() is var index and > 0 ? _stretches[index - 1] : null;
        slot.OpenedAt = ReadTime(reader, slot.Stretch?.OpenedAt ?? 0);
        if (slot.State != RunState.Attached)
        {
            slot.Detail = ReadRun(reader, slot.EpochId, ref last);
        }
        else if ((facts & IsAtEndFact) == 0)
        {
            SetPosition(ref slot, ReadKey(reader), reader.ReadUInt64(), reader.ReadBoolean());
            if (slot.Detail is { } behind && (facts & WasRecalledFact) != 0)
            {
                behind.RecalledAt = _context.Watermark;
            }
        }

        return slot;
    }

    /// <summary>`epochId`: what the reader knows already. `last`: the run with levels that was written before; gatherers' books are nearly always the same.</summary>
    private void Write(StateWriter writer, Run run, long epochId, ref Run? last)
    {
        var hasLevels = run.Yes is { Length: > 0 } || run.No is { Length: > 0 };
        var hasSame = hasLevels && last is not null && run.Yes.AsSpan().SequenceEqual(last.Yes) && run.No.AsSpan().SequenceEqual(last.No);
        var hasMore = run.Changes.Count > 0 || run.Disagreement.Number > 0;
        var hasDigest = run.Digest != (Tip?.Digest ?? 0);
        var facts = (run.HasBook ? RunFacts.HasBook : 0) | (run.IsEnded ? RunFacts.IsEnded : 0) | (run.CheckedAt != 0 ? RunFacts.IsChecked : 0)
            | (run.Key.IsNone ? 0 : RunFacts.HasKey) | (hasDigest ? RunFacts.HasDigest : 0) | (hasSame ? RunFacts.HasSameLevels : hasLevels ? RunFacts.HasLevels : 0)
            | (hasMore ? RunFacts.HasMore : 0);
        writer.Write((byte)facts);
        writer.Write7BitEncodedInt(run.Gatherer);
        WriteTime(writer, run.EpochId, epochId);
        WriteTime(writer, run.OpenedAt, Tip?.OpenedAt ?? 0);
        if (hasDigest)
        {
            writer.Write(run.Digest);
        }

        if (!run.Key.IsNone)
        {
            WriteKey(writer, run.Key, run.OpenedAt);
        }

        if (run.CheckedAt != 0)
        {
            writer.Write7BitEncodedInt(run.Checked);
            WriteTime(writer, run.CheckedAt, run.OpenedAt);
        }

        if (run.IsEnded)
        {
            WriteTime(writer, run.CoveredTo, run.OpenedAt);
            writer.Write(run.Reason);
        }

        if (hasLevels && !hasSame)
        {
            WriteLevels(writer, run.Yes);
            WriteLevels(writer, run.No);
        }

        last = hasLevels ? run : last;
        if (hasMore)
        {
            WriteMore(writer, run);
        }
    }

    private static void WriteMore(StateWriter writer, Run run)
    {
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

    private Run ReadRun(StateReader reader, long epochId, ref Run? last)
    {
        var facts = (RunFacts)reader.ReadByte();
        var run = new Run
        {
            HasBook = facts.HasFlag(RunFacts.HasBook),
            IsEnded = facts.HasFlag(RunFacts.IsEnded),
            Gatherer = reader.Read7BitEncodedInt(),
            EpochId = ReadTime(reader, epochId),
            OpenedAt = ReadTime(reader, Tip?.OpenedAt ?? 0),
        };
        run.Digest = facts.HasFlag(RunFacts.HasDigest) ? reader.ReadUInt64() : Tip?.Digest ?? 0;
        run.Key = facts.HasFlag(RunFacts.HasKey) ? ReadKey(reader, run.OpenedAt) : ChangeKey.None;
        if (facts.HasFlag(RunFacts.IsChecked))
        {
            (run.Checked, run.CheckedAt) = (reader.Read7BitEncodedInt(), ReadTime(reader, run.OpenedAt));
        }

        if (run.IsEnded)
        {
            (run.CoveredTo, run.Reason) = (ReadTime(reader, run.OpenedAt), reader.ReadString());
        }

        if (facts.HasFlag(RunFacts.HasLevels))
        {
            (run.Yes, run.No) = (ReadLevels(reader), ReadLevels(reader));
            last = run;
        }
        else if (facts.HasFlag(RunFacts.HasSameLevels))
        {
            (run.Yes, run.No) = (last!.Yes, last.No);
        }

        if (facts.HasFlag(RunFacts.HasMore))
        {
            ReadMore(reader, run);
        }

        return run;
    }

    private void ReadMore(StateReader reader, Run run)
    {
        for (var count = reader.Read7BitEncodedInt(); count > 0; count--)
        {
            run.Changes.Add(ReadChange(reader));
        }

        if (reader.Read7BitEncodedInt() is var number and > 0)
        {
            run.Disagreement = new Disagreement(
                Id, number, reader.ReadInt64(), ReadKey(reader), ReadChange(reader), reader.ReadUInt32(), ReadChange(reader), reader.Read7BitEncodedInt(), 0, "");
        }
    }

    private static void WriteKey(StateWriter writer, ChangeKey key)
    {
        writer.Write(key.At);
        writer.Write(key.Ordinal);
    }

    private static ChangeKey ReadKey(StateReader reader) => new(reader.ReadInt64(), reader.ReadInt32());

    /// <summary>Of one that is there, in few bytes when it is near the other time.</summary>
    private static void WriteKey(StateWriter writer, ChangeKey key, long near)
    {
        WriteTime(writer, key.At, near);
        writer.Write7BitEncodedInt(key.Ordinal);
    }

    private static ChangeKey ReadKey(StateReader reader, long near) => new(ReadTime(reader, near), reader.Read7BitEncodedInt());

    /// <summary>As the distance from another time; 0, which says that there is none, as itself.</summary>
    private static void WriteTime(StateWriter writer, long time, long near) => writer.Write7BitEncodedInt64(time == 0 ? 0 : (long)ZigZag.Encode(time - near) + 1);

    private static long ReadTime(StateReader reader, long near)
    {
        var told = reader.Read7BitEncodedInt64();
        return told == 0 ? 0 : near + ZigZag.Decode((ulong)(told - 1));
    }

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
        var price = 0;
        foreach (var level in levels ?? [])
        {
            writer.Write7BitEncodedInt64((long)ZigZag.Encode(level.Price - price));
            writer.Write7BitEncodedInt64((long)ZigZag.Encode(level.Quantity));
            price = level.Price;
        }
    }

    private static Level[] ReadLevels(StateReader reader)
    {
        var levels = new Level[reader.Read7BitEncodedInt()];
        var price = 0;
        foreach (ref var level in levels.AsSpan())
        {
            price += (int)ZigZag.Decode((ulong)reader.Read7BitEncodedInt64());
            level = new Level(price, ZigZag.Decode((ulong)reader.Read7BitEncodedInt64()));
        }

        return levels;
    }
}
