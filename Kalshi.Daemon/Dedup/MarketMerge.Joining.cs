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
            || next.Base != stretch.Digest || _context.Reach[gatherer].Of(slot.EpochId) < next.OpenedAt + Margin || !IsPast(next.OpenedAt))
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
        if (NextOf(stretch) is not { } next || run.Key != stretch.Last)
        {
            // Another run joined them meanwhile: the place is within the stretch now.
            slot.State = RunState.Attached;
            SetPosition(ref slot, run.Key, run.Digest, hasDigest: true);
            Feed(self, ref slot, run, 0);
            return true;
        }

        if (next.IsEmpty)
        {
            return TryJoinEmpty(self, gatherer, ref slot, stretch, next, run, hasEnded);
        }

        if (run.Changes.FindIndex(change => change.At >= next.First.At) is var earlier && earlier != 0)
        {
            // They were kept while the stretch had no change; now it is known that they lie before it.
            ExtendTo(self, ref slot, stretch, run, earlier < 0 ? run.Changes.Count : earlier);
            run.RemoveFirst(earlier < 0 ? run.Changes.Count : earlier);
            (run.Key, run.Digest) = (stretch.Last, stretch.Digest);
            if (run.Changes.Count == 0)
            {
                (slot.State, slot.Detail, slot.Lag, slot.IsProven) = (RunState.Attached, null, 0, true);
                return true;
            }
        }

        // How many changes may lie before the stretch, and whether that is all the run has to say about it.
        var count = run.Changes[0].At > next.First.At ? 0 : run.FirstInstantCount;
        var isThrough = count < run.Changes.Count;
        if (!isThrough && !hasEnded && !IsToldTo(gatherer, Math.Max(run.LastReceivedAt, next.LastReceivedAt)))
        {
            return false;
        }

        if (count > 0)
        {
            Recall(next, next.First); // What is not there then is not compared.
        }

        var meets = FindMeeting(run, next, count - next.FirstCount, count);
        if (meets < 0 && isThrough)
        {
            if (stretch.IsEmpty && run.Changes[0].At > next.Last.At)
            {
                MoveBehind(stretch, next);
            }
            else
            {
                Miss(ref slot, gatherer, run);
            }

            return true;
        }

        // A run that never came to the stretch's book has told of nothing but what lies before it.
        EndJoining(self, ref slot, stretch, run, meets >= 0 ? meets : count);
        if (meets >= 0)
        {
            JoinAt(self, ref slot, stretch, next, run, meets);
        }

        return true;
    }

    /// <summary>
    /// The next stretch has nothing but its book: it stands where the run has that book, among the changes that clocks allow to lie before and behind it. When the run never had it, though it
    /// was heard of beyond it, the book is older than what the run's stretch holds already.
    /// </summary>
    private bool TryJoinEmpty(int self, int gatherer, ref RunSlot slot, Stretch stretch, Stretch next, Run run, bool hasEnded)
    {
        var (fewest, most, before) = (0, 0, 0);
        var (behindAt, seenTo) = (FirstAtBehind(next), SeenTo(next));
        foreach (var change in run.Changes)
        {
            // Had it come behind the book, the next stretch's own runs would have told it.
            fewest += fewest == most && (change.ReceivedAt < next.OpenedAt - Margin || seenTo >= change.ReceivedAt + Margin) ? 1 : 0;
            if (Math.Min(change.ReceivedAt, change.At) > next.OpenedAt + Margin || change.At > behindAt)
            {
                break;
            }

            most++;
            before += change.At < behindAt ? 1 : 0;
        }

        fewest = Math.Min(fewest, most);
        var isThrough = most < run.Changes.Count || _context.Reach[gatherer].Of(run.EpochId) > next.OpenedAt + (2 * Margin);
        if (!isThrough && !hasEnded && !IsToldTo(gatherer, Math.Max(run.LastReceivedAt, next.OpenedAt)))
        {
            return false;
        }

        // As far on as it may be: its runs claim no more than what comes behind. But changes of the instant at which the stretch behind begins are that one's, if they can be.
        var meets = FindLast(run, next.Base, fewest, before);
        var meetsBehind = NextWithChangesOf(next) is { } behind && behind.First.At == behindAt && run.DigestAfter(before) == behind.Base;
        meets = meets >= 0 || meetsBehind ? meets : FindFirst(run, next.Base, Math.Max(fewest, before + 1), most);
        if (meets < 0 && (isThrough || before < most))
        {
            if (NextOf(next) is { IsEmpty: false } later && FindFirst(run, next.Base, most + 1, CountUntil(run, next.OpenedAt + Margin)) > 0)
            {
                MoveBehind(next, later);
                return true;
            }

            Dissolve(stretch, next);
            if (NextOf(stretch) is null)
            {
                (slot.State, slot.Detail, slot.Lag, slot.IsProven) = (RunState.Attached, null, 0, true);
                Feed(self, ref slot, run, 0);
            }

            return true;
        }

        EndJoining(self, ref slot, stretch, run, meets >= 0 ? meets : run.Changes.Count);
        // One that is over and has nothing more to say must have been heard of since: the same book again may have come about otherwise.
        if (meets >= 0 && (!hasEnded || meets < run.Changes.Count || _context.Reach[gatherer].Of(run.EpochId) >= next.OpenedAt + Margin))
        {
            JoinAt(self, ref slot, stretch, next, run, meets);
        }

        return true;
    }

    /// <summary>The instant of the first change that is known to lie behind a stretch without changes: of the next one that has some, or of a run that waits at its end.</summary>
    private long FirstAtBehind(Stretch empty)
    {
        var at = NextWithChangesOf(empty)?.First.At ?? long.MaxValue;
        foreach (ref readonly var slot in _slots.AsSpan())
        {
            at = slot.Stretch == empty && slot.State == RunState.Joining ? Math.Min(at, slot.Detail!.Changes[0].At) : at;
        }

        return at;
    }

    /// <summary>Whether everything was told that the gatherer could have received until then, and others as well.</summary>
    private bool IsToldTo(int gatherer, long receivedAt) => IsPast(receivedAt) && _context.Progress[gatherer] >= receivedAt + Margin;

    /// <summary>The stretch ends where the next one begins; the run goes on there with its changes from `meets` on.</summary>
    private void JoinAt(int self, ref RunSlot slot, Stretch stretch, Stretch next, Run run, int meets)
    {
        _context.Counters.GapsJoined++;
        var isWindowMoved = next.IsEmpty;
        Join(stretch, next);
        if (slot.Stretch == stretch)
        {
            Move(ref slot, stretch, next, isWindowMoved); // An orphan's, which is not among the others.
        }

        Feed(self, ref slot, run, meets);
    }

    /// <summary>A stretch that has nothing but a book which is older than the end of the one before it: it claims nothing any more, and what comes from its runs is placed by key.</summary>
    private void Dissolve(Stretch before, Stretch stale)
    {
        MarkDirty();
        for (var i = 0; i < _slots.Length; i++)
        {
            ref var slot = ref _slots[i];
            if (slot.Stretch != stale)
            {
                continue;
            }

            EndVouch(slot, ChangeKey.None, 0, "its book is an older one");
            var kept = slot.State == RunState.Joining ? slot.Detail!.Changes : null;
            slot = kept is null ? default : Unplaced(i, slot.EpochId, kept[0].ReceivedAt, kept);
        }

        if (stale.GapNumber > 0)
        {
            Output.OnCoverageRemoved(Id, stale.GapNumber);
        }

        RemoveOpenGap(stale);
        Output.OnCoverage(new ProductionCoverage(Id, stale.Number, CoverageState.Whole, stale.FromAt, stale.FromAt, ChangeKey.None, ChangeKey.None, "its book is an older one"));
        _stretches.Remove(stale);
        before.IsOpen = HasAttached(before);
        TellCoverage(before);
    }

    /// <summary>The run is at the end of its stretch with its first `count` changes. Without any, its book alone is still all that is known of its place.</summary>
    private void EndJoining(int self, ref RunSlot slot, Stretch stretch, Run run, int count)
    {
        ExtendTo(self, ref slot, stretch, run, count);
        (slot.State, slot.Detail, slot.Lag, slot.IsProven) = (RunState.Attached, null, 0, slot.IsProven || count > 0);
    }

    /// <summary>The run's first `count` changes are the end of the stretch, before the next one.</summary>
    private void ExtendTo(int self, ref RunSlot slot, Stretch stretch, Run run, int count)
    {
        if (NextWithChangesOf(stretch) is { } next && CountAt(run, count, next.First.At) is var shift and > 0)
        {
            Renumber(next, next.First.At, shift);
        }

        for (var i = 0; i < count; i++)
        {
            Extend(self, ref slot, stretch, run.Changes[i]);
        }
    }

    /// <summary>How many of the kept changes come before the stretch: as expected, else where its first changes follow, else wherever the digest fits; −1 when it fits nowhere.</summary>
    private static int FindMeeting(Run run, Stretch next, int expected, int most)
    {
        if (expected >= 0 && run.DigestAfter(expected) == next.Base)
        {
            return expected;
        }

        // The stretch may hold the same changes already: a pair that cancels out leaves the same book before and behind it.
        var isBeginKept = next.Window is { Count: > 0 } window && window[0].Key == next.First;
        for (var before = 0; isBeginKept && before < most; before++)
        {
            if (BeginsWith(run, before, next))
            {
                return before;
            }
        }

        return FindLast(run, next.Base, 0, most);
    }

    /// <summary>Behind how many of its changes, at least and at most so many, the run last has the book; −1: behind none.</summary>
    private static int FindLast(Run run, ulong digest, int fewest, int most)
    {
        while (most >= fewest && run.DigestAfter(most) != digest)
        {
            most--;
        }

        return most >= fewest ? most : -1;
    }

    /// <summary>The same from the front.</summary>
    private static int FindFirst(Run run, ulong digest, int fewest, int most)
    {
        while (fewest <= most && run.DigestAfter(fewest) != digest)
        {
            fewest++;
        }

        return fewest <= most ? fewest : -1;
    }

    /// <summary>How many of its first changes clocks allow to lie before a time.</summary>
    private static int CountUntil(Run run, long until) =>
        run.Changes.FindIndex(change => Math.Min(change.ReceivedAt, change.At) > until) is var count and >= 0 ? count : run.Changes.Count;

    private static int CountAt(Run run, int count, long at)
    {
        var found = 0;
        for (var i = 0; i < count; i++)
        {
            found += run.Changes[i].At == at ? 1 : 0;
        }

        return found;
    }

    /// <summary>
    /// A stretch that has nothing but its book and the next one change places: a run went on from that book behind all that the next one holds. Clocks alone had said which is the earlier one.
    /// </summary>
    private void MoveBehind(Stretch empty, Stretch next)
    {
        MarkDirty();
        var index = _stretches.IndexOf(empty);
        (_stretches[index], _stretches[index + 1]) = (next, empty);
        (empty.GapNumber, next.GapNumber) = (next.GapNumber, empty.GapNumber);
        (empty.GapReason, next.GapReason) = (next.GapReason, empty.GapReason);
        (empty.GapFromAt, next.GapFromAt) = (0, empty.GapFromAt);
        (empty.IsGapEven, next.IsGapEven) = (empty.Base == next.Digest, index > 0 && _stretches[index - 1].Digest == next.Base);
        (next.CoveredTo, next.IsOpen, empty.IsOpen) = (CoveredTo(next), false, HasAttached(empty));
        RemoveOpenGap(next);

        if (next.GapNumber > 0)
        {
            TellGap(next, next.IsGapEven ? CoverageState.Repaired : CoverageState.Gap);
        }

        TellCoverage(next);
        TellCoverage(empty);
    }

    /// <summary>The run does not come out at the stretch's book: one of them is wrong. The run's changes look for their place by key.</summary>
    private void Miss(ref RunSlot slot, int gatherer, Run run)
    {
        _context.Counters.SnapshotMismatches++;
        var ended = slot;
        ended.State = RunState.Attached;
        ended.Detail = null;
        slot = Unplaced(gatherer, run.EpochId, run.Changes[0].ReceivedAt, run.Changes);
        (slot.Detail!.Checked, slot.Detail.CheckedAt) = (run.Checked, run.CheckedAt);
        Detach(ended, 0, "does not meet what follows");
    }

    /// <summary>The stretch's changes at the instant, and those of stretches behind it that go on within it, make room, or close up (`by` below 0).</summary>
    private void Renumber(Stretch stretch, long at, int by)
    {
        var behind = stretch.Last.At == at && NextWithChangesOf(stretch) is { } next && next.First.At == at ? next : null;
        if (behind is not null && by > 0)
        {
            Renumber(behind, at, by);
        }

        var first = stretch.First.Ordinal;
        Output.OnRenumbered(Id, at, first, stretch.FirstCount, by);
        _context.Unsettled.Add(Id);
        stretch.First = ChangeWindow.Shift(stretch.First, at, first, by);
        stretch.Last = ChangeWindow.Shift(stretch.Last, at, first, by);
        stretch.Window?.Renumber(at, first, by);
        _snapshotKey = _snapshotKey.Ordinal < first + stretch.FirstCount ? ChangeWindow.Shift(_snapshotKey, at, first, by) : _snapshotKey;
        foreach (ref var slot in _slots.AsSpan())
        {
            if (slot.Stretch == stretch && slot.Detail is { } detail)
            {
                detail.Key = ChangeWindow.Shift(detail.Key, at, first - 1, by); // It may stand before the first one.
            }
        }

        if (behind is not null && by < 0)
        {
            Renumber(behind, at, by);
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
            (next.Last, next.LastReceivedAt, next.Window) = (stretch.Last, stretch.LastReceivedAt, stretch.Window);
            (next.ClearedAt, next.ClearedDigest, next.DigestBefore) = (stretch.ClearedAt, stretch.ClearedDigest, stretch.DigestBefore);
            stretch.Window = null;
            TellVouchesBehind(stretch, next);
            foreach (ref var slot in _slots.AsSpan())
            {
                if (slot.Stretch == next && slot.Detail is { } waiting)
                {
                    waiting.Key = stretch.Last; // It waits at the end of what was empty, which is here.
                }
            }

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
        next.FromAt = next.IsEmpty ? next.FromAt : Math.Min(next.FromAt, next.First.At);
        if (stretch.Window is { } left)
        {
            _context.Unsettled.Add(Id); // Of these production may have none yet.
            _context.ReturnWindow(left);
        }

        _stretches.Remove(stretch);
        if (!next.IsOpen && HasAttached(next))
        {
            next.IsOpen = true;
            RemoveOpenGap(next);
        }

        TellCoverage(next);
    }

    /// <summary>Runs that watched the next stretch while it had no change see what comes behind the first one's last.</summary>
    private void TellVouchesBehind(Stretch stretch, Stretch next)
    {
        for (var i = 0; i < _slots.Length && !stretch.IsEmpty; i++)
        {
            if (_slots[i].Stretch == next && _slots[i].Vouch > 0)
            {
                Output.OnVouch(new Vouch(Id, _slots[i].Vouch, i, _slots[i].EpochId, _slots[i].OpenedAt, stretch.Last));
            }
        }
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
