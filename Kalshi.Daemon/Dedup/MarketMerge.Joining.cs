using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>Runs that come through a gap and meet the stretch behind it.</summary>
internal sealed partial class MarketMerge
{
    private bool JoinRuns()
    {
        var hasJoined = false;
        for (var i = 0; i < _slots.Length; i++)
        {
            ref var slot = ref _slots[i];
            hasJoined |= slot.State == RunState.Joining ? TryJoin(i, i, ref slot, hasEnded: false) : TryJoinQuietly(i, slot);
        }

        return hasJoined;
    }

    /// <summary>A run at the end of a stretch went on, without a change, until after the next one was opened with the same book.</summary>
    private bool TryJoinQuietly(int gatherer, in RunSlot slot)
    {
        if (slot is not { State: RunState.Attached, Detail: null, Lag: 0, Stretch: { } stretch } || NextOf(stretch) is not { IsEmpty: true } next
            || next.Base != stretch.Digest || _context.Progress[gatherer] < next.OpenedAt + Margin || !IsPast(next.OpenedAt))
        {
            return false;
        }

        Join(stretch, next);
        return true;
    }

    /// <summary>
    /// Where the kept changes meet the next stretch: the ones before its first change are new, the others are its own. Certain when the run is through with the
    /// instant of that first change; then the last ones at that instant are the stretch's, and the digest there must be its base.
    /// </summary>
    private bool TryJoin(int self, int gatherer, ref RunSlot slot, bool hasEnded)
    {
        var stretch = slot.Stretch!;
        var run = slot.Detail!;
        if (NextOf(stretch) is not { } next)
        {
            // Joined meanwhile by another run.
            (slot.State, slot.Detail, slot.Lag) = (RunState.Attached, null, 0);
            Feed(self, ref slot, run.Changes, 0);
            return true;
        }

        var meets = -1;
        if (next.IsEmpty)
        {
            var isPast = IsPast(Math.Max(next.OpenedAt, run.LastReceivedAt)) && _context.Progress[gatherer] >= Math.Max(next.OpenedAt, run.LastReceivedAt) + Margin;
            if (!isPast && !hasEnded)
            {
                return false;
            }

            meets = FindMeeting(run, next, run.Changes.Count, run.Changes.Count);
        }
        else
        {
            var count = run.FirstInstantCount;
            var isThrough = run.Changes[0].At > next.First.At || count < run.Changes.Count;
            count = run.Changes[0].At > next.First.At ? 0 : count;
            var isPast = _context.Progress[gatherer] >= run.LastReceivedAt + Margin && IsPast(next.LastReceivedAt);
            if (!isThrough && !isPast && !hasEnded)
            {
                return false;
            }

            meets = FindMeeting(run, next, count - next.FirstCount, count);
        }

        if (meets < 0)
        {
            Miss(ref slot, gatherer, run);
            return true;
        }

        var shift = next.IsEmpty ? 0 : CountAt(run, meets, next.First.At);
        if (shift > 0)
        {
            Renumber(next, shift);
        }

        for (var i = 0; i < meets; i++)
        {
            Add(stretch, NextKeyOf(stretch, run.Changes[i].At), run.Changes[i]);
        }

        _context.Counters.GapsJoined++;
        var isWindowMoved = next.IsEmpty;
        (slot.State, slot.Detail, slot.Lag, slot.IsProven) = (RunState.Attached, null, 0, true);
        Join(stretch, next);
        if (slot.Stretch == stretch)
        {
            Move(ref slot, stretch, next, isWindowMoved); // An orphan's, which is not among the others.
        }

        Feed(self, ref slot, run.Changes, meets);
        return true;
    }

    /// <summary>How many of the kept changes come before the stretch: as expected, else wherever the digest fits; −1 when it fits nowhere.</summary>
    private static int FindMeeting(Run run, Stretch next, int expected, int max)
    {
        if (expected >= 0 && run.DigestAfter(expected) == next.Base)
        {
            return expected;
        }

        for (var count = max; count >= 0; count--)
        {
            if (run.DigestAfter(count) == next.Base)
            {
                return count;
            }
        }

        return -1;
    }

    private static int CountAt(Run run, int count, long at)
    {
        var found = 0;
        for (var i = 0; i < count; i++)
        {
            found += run.Changes[i].At == at ? 1 : 0;
        }

        return found;
    }

    /// <summary>The run does not come out at the stretch's book: one of them is wrong. The run's changes look for their place by key.</summary>
    private void Miss(ref RunSlot slot, int gatherer, Run run)
    {
        _context.Counters.SnapshotMismatches++;
        var ended = slot;
        ended.State = RunState.Attached;
        ended.Detail = null;
        slot = new RunSlot
        {
            EpochId = run.EpochId,
            State = RunState.Pending,
            Detail = new Run { Gatherer = gatherer, EpochId = run.EpochId, OpenedAt = run.Changes[0].ReceivedAt, Changes = run.Changes },
        };
        Detach(ended, 0, "does not meet what follows");
    }

    private void Renumber(Stretch stretch, int by)
    {
        var (at, first) = (stretch.First.At, stretch.First.Ordinal);
        Output.OnRenumbered(Id, at, first, stretch.FirstCount, by);
        stretch.First = ChangeWindow.Shift(stretch.First, at, first, by);
        stretch.Last = ChangeWindow.Shift(stretch.Last, at, first, by);
        stretch.Window?.Renumber(at, first, by);
        _snapshotKey = ChangeWindow.Shift(_snapshotKey, at, first, by);
        foreach (ref var slot in _slots.AsSpan())
        {
            if (slot.Stretch == stretch && slot.Detail is { } detail)
            {
                detail.Key = ChangeWindow.Shift(detail.Key, at, first, by);
            }
        }
    }

    /// <summary>The stretch and the next one are one: nothing lies between them. The next one's object lives on under the first one's number.</summary>
    private void Join(Stretch stretch, Stretch next)
    {
        MarkDirty();
        Output.OnJoined(Id, next.Number, stretch.Number, stretch.Last);
        Output.OnCoverageRemoved(Id, next.Number);
        if (next.GapNumber > 0)
        {
            TellGap(next, CoverageState.Repaired);
        }

        if (next.IsEmpty)
        {
            (next.Last, next.LastReceivedAt, next.Window, next.ClearedAt) = (stretch.Last, stretch.LastReceivedAt, stretch.Window, stretch.ClearedAt);
            stretch.Window = null;
            MoveAll(stretch, next, isWindowMoved: true);
        }
        else
        {
            if (next.Window is { BaseKey.IsNone: true } window)
            {
                window.SetBase(stretch.Last);
            }

            MoveAll(stretch, next, isWindowMoved: false);
        }

        if (!stretch.IsEmpty)
        {
            next.FirstCount = stretch.FirstCount + (next.First.At == stretch.First.At ? next.FirstCount : 0);
            next.First = stretch.First;
        }

        (next.Number, next.GapNumber, next.OpenedAt, next.FromAt, next.Base) = (stretch.Number, stretch.GapNumber, stretch.OpenedAt, stretch.FromAt, stretch.Base);
        if (stretch.Window is { } left)
        {
            _context.ReturnWindow(left);
        }

        _stretches.Remove(stretch);
        if (!next.IsOpen && HasAttached(next))
        {
            next.IsOpen = true;
            if (next.OpenGapNumber > 0)
            {
                Output.OnCoverageRemoved(Id, next.OpenGapNumber);
                next.OpenGapNumber = 0;
            }
        }

        TellCoverage(next);
    }

    /// <summary>Runs of the first stretch go over to the next one, where they are.</summary>
    private void MoveAll(Stretch stretch, Stretch next, bool isWindowMoved)
    {
        foreach (ref var slot in _slots.AsSpan())
        {
            if (slot.Stretch == stretch)
            {
                Move(ref slot, stretch, next, isWindowMoved);
            }
        }
    }

    private void Move(ref RunSlot slot, Stretch stretch, Stretch next, bool isWindowMoved)
    {
        if (isWindowMoved || slot.State != RunState.Attached)
        {
            slot.Stretch = next;
            return;
        }

        var hasDigest = slot.Detail?.HasBook ?? true;
        var (key, digest) = slot is { Detail: null, Lag: 0 } ? (stretch.Last, stretch.Digest) : PositionOf(slot);
        slot.Stretch = next;
        SetPosition(ref slot, key, digest, hasDigest);
    }
}
