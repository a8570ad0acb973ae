using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Dedup;

/// <summary>Where runs belong that nobody knows the place of.</summary>
/// <remarks>
/// In order of certainty:
/// 1. by key: the run covers an instant from its beginning, so the ordinals of that instant's changes are known, and a stretch holds them;
/// 2. by time: both have been quiet for longer than gatherers may differ, so both are at the same place;
/// 3. taken over: what vouched for the stretch is over. The run began before that (by more than the margin) with the same book, or its first changes are
///    those at the end of the stretch;
/// 4. nobody vouches: it begins a stretch of its own, and a gap stands before that.
/// </remarks>
internal sealed partial class MarketMerge
{
    /// <summary>
    /// Places what can be placed by now; called at the end of a turn while something waits. True when something still waits.
    /// </summary>
    public bool Decide()
    {
        while (PlaceOrphans() | PlaceRuns() | JoinRuns())
        {
        }

        foreach (var stretch in _stretches)
        {
            if (stretch.IsChanged)
            {
                TellCoverage(stretch);
            }
        }

        return DecideEnd() | HasWaiting();
    }

    private bool HasWaiting()
    {
        foreach (ref readonly var slot in _slots.AsSpan())
        {
            if (slot.State is RunState.Pending or RunState.Joining || (slot.State == RunState.Attached && slot.Stretch != Tip))
            {
                return true;
            }
        }

        return _orphans is { Count: > 0 };
    }

    /// <summary>
    /// Whether nothing that waits can be decided before the margin has passed, unless more is told of the market: books alone, received within it, of a tip that somebody goes on with.
    /// </summary>
    public bool WaitsForTimeAlone
    {
        get
        {
            if (_orphans is not null || Tip is not { } tip || !HasPresent(tip))
            {
                return false;
            }

            var waits = true;
            foreach (ref readonly var slot in _slots.AsSpan())
            {
                waits &= slot.State switch
                {
                    RunState.Pending => slot.Detail is { HasBook: true, Changes.Count: 0 } run && _context.Watermark < run.OpenedAt + Margin && StretchAt(run.OpenedAt) == tip,
                    RunState.Attached => slot.Stretch == tip,
                    _ => slot.State != RunState.Joining,
                };
            }

            return waits;
        }
    }

    private bool PlaceOrphans()
    {
        var hasPlaced = false;
        for (var i = 0; _orphans is { } orphans && i < orphans.Count;)
        {
            var orphan = orphans[i];
            var slot = new RunSlot { EpochId = orphan.EpochId, State = RunState.Pending, Detail = orphan };
            _orphanGatherer = orphan.Gatherer;
            if (!TryPlace(-1, ref slot, orphan) && !IsHopeless(orphan))
            {
                i++;
                continue;
            }

            hasPlaced = true;
            orphans.RemoveAt(i);
            EndOrphan(ref slot, orphan);
        }

        _orphans = _orphans is { Count: > 0 } ? _orphans : null;
        return hasPlaced;
    }

    /// <summary>Without a book it never covered anything, and what was to show its place has had its time.</summary>
    private bool IsHopeless(Run orphan) => !orphan.HasBook && _context.Watermark >= orphan.LastReceivedAt + _context.Settings.LagBudget && _context.Progress[orphan.Gatherer] >= orphan.LastReceivedAt + Margin;

    /// <summary>A placed orphan has said everything it had.</summary>
    private void EndOrphan(ref RunSlot slot, Run orphan)
    {
        while (slot.State == RunState.Joining)
        {
            TryJoin(-1, orphan.Gatherer, ref slot, hasEnded: true);
        }

        if (slot is { State: RunState.Pending, Detail: { } left } && left != orphan)
        {
            (left.IsEnded, left.CoveredTo, left.Reason) = (true, orphan.CoveredTo, orphan.Reason);
            (_orphans ??= []).Add(left);
        }
        else if (slot.State == RunState.Attached)
        {
            var ended = slot;
            slot = default;
            Detach(ended, orphan.CoveredTo, orphan.Reason);
        }
        else if (slot.State == RunState.Dissenting)
        {
            Settle(ref slot, orphan.CoveredTo, "undecided: the other one's run ended");
        }
    }

    /// <summary>Runs under way, those with the oldest book first: that one begins a stretch if none can go on.</summary>
    private bool PlaceRuns()
    {
        var hasPlaced = false;
        var tried = 0u;
        while (NextPending(tried) is var index and >= 0)
        {
            tried |= 1u << index;
            ref var slot = ref _slots[index];
            hasPlaced |= TryPlace(index, ref slot, slot.Detail!);
        }

        return hasPlaced;
    }

    private int NextPending(uint tried)
    {
        var next = -1;
        for (var i = 0; i < _slots.Length; i++)
        {
            if (_slots[i].State == RunState.Pending && (tried & (1u << i)) == 0 && (next < 0 || _slots[i].Detail!.OpenedAt < _slots[next].Detail!.OpenedAt))
            {
                next = i;
            }
        }

        return next;
    }

    private bool TryPlace(int self, ref RunSlot slot, Run run)
    {
        if (run.Changes.Count == 0)
        {
            return TryPlaceQuiet(self, ref slot, run);
        }

        var stretch = FindStretch(run, out var isCertain);
        if (!isCertain)
        {
            return false;
        }

        return stretch is null ? TryBegin(self, ref slot, run, null)
            : !stretch.IsEmpty && run.Changes[0].At <= stretch.Last.At ? TryPlaceWithin(self, ref slot, run, stretch)
            : TryPlaceBehind(self, ref slot, run, stretch);
    }

    /// <summary>The last stretch that began no later than the run's first change; null when all began later.</summary>
    private Stretch? FindStretch(Run run, out bool isCertain)
    {
        isCertain = true;
        var at = run.Changes[0].At;
        for (var i = _stretches.Count - 1; i >= 0; i--)
        {
            var stretch = _stretches[i];
            if (!stretch.IsEmpty)
            {
                if (stretch.First.At <= at)
                {
                    return stretch;
                }

                continue;
            }

            // A stretch without changes has no keys: the run's changes lie behind its book, or before it.
            if (at <= LastKeyBefore(stretch).At)
            {
                continue;
            }

            var isBefore = at < stretch.OpenedAt - Margin;
            // Had the first change come behind the book, the stretch's own runs would have told it.
            var isUnseen = SeenTo(stretch) >= run.Changes[0].ReceivedAt + Margin;
            if (!isBefore && ((run.HasBook && run.Digest == stretch.Digest && !isUnseen) || at > stretch.OpenedAt + Margin))
            {
                return stretch;
            }

            var isPast = IsPast(Math.Max(run.Changes[0].ReceivedAt, stretch.OpenedAt));
            if (!isBefore && !(isPast && ((run.HasBook && run.PassesThrough(stretch.Digest)) || isUnseen)))
            {
                isCertain = isPast;
                return stretch;
            }
        }

        return null;
    }

    /// <summary>How far the runs of a stretch without changes vouch that none came behind its book, received_at; 0 while one of them waits with a change.</summary>
    private long SeenTo(Stretch empty) => Array.Exists(_slots, waiting => waiting.Stretch == empty && waiting.State == RunState.Joining) ? 0 : CoveredTo(empty);

    /// <summary>Whether everybody present has told what could have been received about then.</summary>
    private bool IsPast(long receivedAt) => _context.Watermark >= receivedAt + Margin;

    /// <summary>
    /// Whether both were heard of well after the other one's last change: had that been behind their own place, they would have told it by then.
    /// </summary>
    private bool AreBothPast(Run run, Stretch stretch) =>
        CoveredTo(stretch) >= run.LastReceivedAt + Margin && _context.Reach[run.Gatherer].Of(run.EpochId) >= stretch.LastReceivedAt + Margin;

    // ---- within a stretch -------------------------------------------------------------------------------------------------

    private bool TryPlaceWithin(int self, ref RunSlot slot, Run run, Stretch stretch)
    {
        if (_context.Watermark >= run.RecalledAt + Margin)
        {
            var begin = new ChangeKey(run.Changes[0].At, 0);
            if (Recall(stretch, begin) == Recalled.NotNow || (PreviousOf(stretch) is { IsEmpty: false } ended && ended.Last >= begin && Recall(ended, begin) == Recalled.NotNow))
            {
                return false;
            }

            run.RecalledAt = _context.Watermark; // What is kept for longer than that may be gone again.
        }

        // The stretch before may have ended at the same instant.
        if (run.Changes[0].At == stretch.First.At && PreviousOf(stretch) is { IsEmpty: false } previous && previous.Last.At == stretch.First.At)
        {
            if (TryPlaceByContent(self, ref slot, run, previous))
            {
                return true;
            }

            if (!IsContentTold(run, previous))
            {
                return false; // Which of the two it began in, the next instant or time tells.
            }
        }

        if (LacksBegin(run, stretch))
        {
            return TryBeginBefore(self, ref slot, run, stretch);
        }

        return TryPlaceByKey(self, ref slot, run, stretch)
            || TryPlaceByTime(self, ref slot, run, stretch)
            || TryPlaceByContent(self, ref slot, run, stretch)
            || TryPlaceWithoutPlace(self, ref slot, run, stretch);
    }

    /// <summary>
    /// Case 1: from its second instant on the run's ordinals are those of production. The first one that is still kept is taken, so that everything behind it is compared.
    /// </summary>
    private bool TryPlaceByKey(int self, ref RunSlot slot, Run run, Stretch stretch)
    {
        if (!run.HasBook && SawMoreOfBegin(run, stretch) && MayStillGetBook(run, stretch))
        {
            return false; // With its book it can begin a stretch before this one.
        }

        var changes = run.Changes;
        var (baseKey, _) = stretch.WindowBase;
        var behind = 0;
        for (var i = 1; i < changes.Count && changes[i].At <= stretch.Last.At; i++)
        {
            var key = new ChangeKey(changes[i].At, 0);
            if (changes[i - 1].At == key.At || key.At <= stretch.First.At)
            {
                continue; // Of its first instant the stretch may hold only a part.
            }

            if (key <= baseKey)
            {
                behind = i;
                continue;
            }

            var index = stretch.Window!.Find(key);
            if (index < 0 || !FitsAt(run, i, stretch, index))
            {
                return TryDissent(self, ref slot, run, i, stretch, key);
            }

            Attach(self, ref slot, run, stretch, stretch.Window.Count - index, i, isProven: true);
            return true;
        }

        if (behind > 0)
        {
            AttachBehind(self, ref slot, run, stretch, behind);
        }

        return behind > 0;
    }

    private static bool FitsAt(Run run, int change, Stretch stretch, int index) =>
        stretch.Window![index].Change.IsSame(run.Changes[change]) && (!run.HasBook || run.DigestAfter(change) == stretch.Window.Before(index).Digest);

    /// <summary>Whether the run saw changes of the stretch's first instant that lead to the stretch's book, and then its first ones: it began before it.</summary>
    private static bool LacksBegin(Run run, Stretch stretch)
    {
        if (!run.HasBook || run.Changes[0].At != stretch.First.At || BeginsWith(run, 0, stretch) || FindOverlap(run, stretch) >= 0)
        {
            return false;
        }

        var count = run.FirstInstantCount;
        var isWhole = run.Changes.Count > count && stretch.Last.At > stretch.First.At; // Then both end where the instant does.
        for (var before = isWhole ? count - stretch.FirstCount : 1; before > 0 && before <= count; before++)
        {
            if (BeginsWith(run, before, stretch))
            {
                return true;
            }

            if (isWhole)
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>Whether the run has the stretch's book behind its first `before` changes, and the stretch's first changes, as far as they are kept, behind that.</summary>
    private static bool BeginsWith(Run run, int before, Stretch stretch)
    {
        if (run.DigestAfter(before) != stretch.Base)
        {
            return false;
        }

        var window = stretch.Window;
        var kept = window is { Count: > 0 } && window[0].Key == stretch.First ? Math.Min(stretch.FirstCount, run.FirstInstantCount - before) : 0;
        for (var i = 0; i < kept; i++)
        {
            if (!window![i].Change.IsSame(run.Changes[before + i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The run leads to the stretch's begin, from before whatever stands between with a book that the run passes through.</summary>
    private bool TryBeginBefore(int self, ref RunSlot slot, Run run, Stretch stretch)
    {
        var before = PreviousOf(stretch);
        while (before is { IsEmpty: true } between && run.PassesThrough(between.Base))
        {
            if (between.Base == run.Digest)
            {
                Attach(self, ref slot, run, between, 0, 0, isProven: true);
                return true;
            }

            before = PreviousOf(between);
        }

        return TryBegin(self, ref slot, run, before);
    }

    private static bool SawMoreOfBegin(Run run, Stretch stretch) => run.Changes[0].At == stretch.First.At && run.FirstInstantCount > stretch.FirstCount;

    /// <summary>A connection that lost something asks for the books of all its markets, one after another: of many that takes minutes.</summary>
    private bool MayStillGetBook(Run run, Stretch stretch)
    {
        const long patience = 10 * Micros.PerMinute;
        return !run.IsEnded && (HasPresent(stretch) || _context.Watermark < run.OpenedAt + Math.Max(patience, 4 * _context.Settings.LagBudget));
    }

    /// <summary>Whether another run is at the stretch's end that should tell what the run has.</summary>
    private bool IsAwaited(Run run, Stretch stretch) => HasPresent(stretch) && _context.Watermark < run.Changes[0].ReceivedAt + _context.Settings.LagBudget;

    /// <summary>Case 2: everything the run and the stretch have is older than gatherers may differ.</summary>
    private bool TryPlaceByTime(int self, ref RunSlot slot, Run run, Stretch stretch)
    {
        if (!run.HasBook || stretch != Tip || !HasPresent(stretch) || run.Changes[^1].At > stretch.Last.At || !AreBothPast(run, stretch) || run.DigestAtEnd != stretch.Digest)
        {
            return false;
        }

        Attach(self, ref slot, run, stretch, 0, run.Changes.Count, isProven: false);
        return true;
    }

    /// <summary>
    /// When the stretch ended within the run's first instant, or got no further for longer than gatherers may differ: the longest overlap that book and changes
    /// allow.
    /// </summary>
    private bool TryPlaceByContent(int self, ref RunSlot slot, Run run, Stretch stretch)
    {
        if (!run.HasBook || !IsContentTold(run, stretch))
        {
            return false;
        }

        if (FindOverlap(run, stretch) is var index and >= 0)
        {
            _context.Counters.TakenOver++;
            Attach(self, ref slot, run, stretch, stretch.WindowCount - index, 0, isProven: true);
            return true;
        }

        if (run.Digest == stretch.Base && run.Changes[0].At == stretch.First.At && run.FirstInstantCount <= stretch.FirstCount && stretch.First <= stretch.WindowBase.Key)
        {
            AttachAtBegin(self, ref slot, run, stretch);
            return true;
        }

        return TryPlaceByDigest(self, ref slot, run, stretch);
    }

    /// <summary>Whether all was told that could be the same as the run's first change and the stretch's last one: what does not fit then never will.</summary>
    private bool IsContentTold(Run run, Stretch stretch) => !HasPresent(stretch) || IsPast(Math.Max(run.Changes[0].ReceivedAt, stretch.LastReceivedAt));

    /// <summary>The same where the stretch's changes are no longer kept: its last instant is the run's first, and their books are equal behind some of the run's changes.</summary>
    private bool TryPlaceByDigest(int self, ref RunSlot slot, Run run, Stretch stretch)
    {
        if (run.Changes[0].At != stretch.Last.At)
        {
            return false;
        }

        for (var known = Math.Min(run.FirstInstantCount, stretch.Last.Ordinal + 1); known > 0; known--)
        {
            var digest = run.DigestAfter(known);
            if (run.DigestAfter(known - 1) == stretch.DigestBefore && (digest == stretch.Digest || (digest == stretch.ClearedDigest && stretch.ClearedAt == stretch.Last)))
            {
                _context.Counters.TakenOver++;
                Attach(self, ref slot, run, stretch, 0, known, isProven: true);
                return true;
            }
        }

        return false;
    }

    /// <summary>Where in the stretch's window the run's book and changes fit, from there to the end of either; −1: nowhere.</summary>
    private static int FindOverlap(Run run, Stretch stretch)
    {
        for (var index = 0; index < stretch.WindowCount; index++)
        {
            var window = stretch.Window!;
            if (window[index].Change.At == run.Changes[0].At && window.Before(index).Digest == run.Digest && Overlaps(run, window, index))
            {
                return index;
            }
        }

        return -1;
    }

    private static bool Overlaps(Run run, ChangeWindow window, int index)
    {
        for (var i = 0; i < run.Changes.Count && index + i < window.Count; i++)
        {
            if (!window[index + i].Change.IsSame(run.Changes[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>No place was found by content: it is known, it waits, or it begins a stretch of its own at the same instant.</summary>
    private bool TryPlaceWithoutPlace(int self, ref RunSlot slot, Run run, Stretch stretch)
    {
        var lastAt = run.Changes[^1].At;
        if (lastAt < stretch.Last.At)
        {
            // Within what is held. A run that goes on shows its place with its next instant.
            return run.IsEnded && (IsBeforeBegin(run, stretch) ? TryBegin(self, ref slot, run, PreviousOf(stretch)) : Forget(ref slot));
        }

        var isFirstInstantKnown = lastAt > run.Changes[0].At || run.IsEnded || IsPast(run.LastReceivedAt);
        return isFirstInstantKnown && IsContentTold(run, stretch) && !IsAwaited(run, stretch) && TryTakeOverOrBegin(self, ref slot, run, stretch);
    }

    /// <summary>Whether the run is of the stretch's first instant alone, all of which is kept, and is no part of it.</summary>
    private static bool IsBeforeBegin(Run run, Stretch stretch) =>
        run.HasBook && run.Changes[^1].At == stretch.First.At && stretch.Window is { Count: > 0 } window && window[0].Key == stretch.First && FindOverlap(run, stretch) < 0;

    private static bool Forget(ref RunSlot slot)
    {
        slot = default;
        return true;
    }

    // ---- behind a stretch -------------------------------------------------------------------------------------------------

    /// <summary>The run's first change lies behind the stretch's last one.</summary>
    private bool TryPlaceBehind(int self, ref RunSlot slot, Run run, Stretch stretch)
    {
        if (!run.HasBook)
        {
            // Its snapshot is still to come; if it never does, what follows the gap may still know its place.
            return NextOf(stretch) is { IsEmpty: false } next && !MayStillGetBook(run, next) && TryPlaceByKey(self, ref slot, run, next);
        }

        if (IsAwaited(run, stretch))
        {
            // The other one will tell what comes next, unless it should have done so long ago.
            return IsPast(Math.Max(run.Changes[0].ReceivedAt, stretch.LastReceivedAt)) && TryTakeOver(self, ref slot, run, stretch);
        }

        return TryTakeOverOrBegin(self, ref slot, run, stretch);
    }

    /// <summary>Case 3, or else 4.</summary>
    private bool TryTakeOverOrBegin(int self, ref RunSlot slot, Run run, Stretch stretch) =>
        TryTakeOver(self, ref slot, run, stretch) || (MayBegin(run, stretch) && TryBegin(self, ref slot, run, stretch));

    /// <summary>Case 3: what vouched for the stretch did so until well after the run began, with the same book.</summary>
    private bool TryTakeOver(int self, ref RunSlot slot, Run run, Stretch stretch)
    {
        if (!run.HasBook || run.Digest != stretch.Digest || CoveredTo(stretch) < run.OpenedAt + Margin || (run.Changes.Count > 0 && run.Changes[0].At < stretch.Last.At))
        {
            return false;
        }

        _context.Counters.TakenOver++;
        Attach(self, ref slot, run, stretch, 0, 0, isProven: false);
        return true;
    }

    /// <summary>Whether nobody can still fill the hole in time: everybody is there, or the budget is spent. Holes in the past wait for nobody.</summary>
    private bool MayBegin(Run run, Stretch stretch) =>
        stretch != Tip || _context.IsEverybodyPresent || _context.Watermark >= Math.Max(run.OpenedAt, stretch.CoveredTo) + _context.Settings.LagBudget;

    private bool TryPlaceQuiet(int self, ref RunSlot slot, Run run)
    {
        if (!run.HasBook)
        {
            return Forget(ref slot);
        }

        var stretch = StretchAt(run.OpenedAt);
        if (stretch is null)
        {
            // Before the first one: it adds nothing that is known, unless it goes on and meets it.
            return _stretches.Count == 0 ? TryBegin(self, ref slot, run, null)
                : run.IsEnded ? Forget(ref slot)
                : Tip is { IsEmpty: true } tip && run.Digest == tip.Digest && IsPast(Math.Max(run.OpenedAt, tip.OpenedAt)) && _context.Progress[run.Gatherer] >= tip.OpenedAt + Margin
                    && TryBegin(self, ref slot, run, null);
        }

        if (HasPresent(stretch))
        {
            if (stretch == Tip && run.Digest == BookDigest.Empty && AreBothPast(run, stretch))
            {
                // No change emptied it, and whoever watches the market all the time is not told that the exchange did.
                Attach(self, ref slot, run, stretch, 0, 0, isProven: false);
                OnCleared(ref slot, stretch, run.OpenedAt);
                return true;
            }

            if (run.IsEnded)
            {
                return IsPast(run.LastReceivedAt) && Forget(ref slot);
            }

            if (run.Digest == stretch.Digest && AreBothPast(run, stretch))
            {
                Attach(self, ref slot, run, stretch, 0, 0, isProven: false);
                return true;
            }

            if (stretch != Tip || CoveredTo(stretch) >= run.OpenedAt + Margin || _context.Watermark < run.OpenedAt + (2 * _context.Settings.LagBudget))
            {
                return false;
            }

            // Its gatherers are there, but nothing was heard of the connections of its runs for so long that they may be dead.
        }

        if (run.IsEnded && (stretch != Tip || IsSlower(run, stretch)))
        {
            return IsPast(run.LastReceivedAt) && Forget(ref slot);
        }

        var toldTo = Math.Min(_context.Watermark, _context.Progress[run.Gatherer]);
        if (IsSlower(run, stretch) || (!IsHeardBehind(run, stretch) && toldTo < Math.Max(run.OpenedAt, ReceivedTo(stretch)) + _context.Settings.LagBudget))
        {
            return false; // What the stretch has may still come.
        }

        return TryTakeOverOrBegin(self, ref slot, run, stretch);
    }

    /// <summary>Whether the run's epoch was heard of so late that it would have told the stretch's last change, had that come behind its book.</summary>
    private bool IsHeardBehind(Run run, Stretch stretch) =>
        Math.Max(run.OpenedAt, _context.Reach[run.Gatherer].Of(run.EpochId)) >= ReceivedTo(stretch) + Margin;

    /// <summary>When the last of what is held up to the end of the stretch was received.</summary>
    private long ReceivedTo(Stretch stretch) => !stretch.IsEmpty ? stretch.LastReceivedAt : PreviousWithChangesOf(stretch)?.LastReceivedAt ?? 0;

    /// <summary>Whether the run's book is that of the stretch some changes ago, and it was not heard of since: then it only is slower, or dead.</summary>
    private bool IsSlower(Run run, Stretch stretch)
    {
        if (run.Digest == stretch.Digest || IsHeardBehind(run, stretch))
        {
            return false;
        }

        var isSlower = !stretch.IsEmpty && run.Digest == stretch.DigestBefore;
        for (var index = stretch.WindowCount - 1; index >= 0 && !isSlower; index--)
        {
            isSlower = stretch.Window!.Before(index).Digest == run.Digest;
        }

        return isSlower;
    }

    /// <summary>The last stretch that was opened by then, as far as clocks tell; null when all were opened later.</summary>
    private Stretch? StretchAt(long openedAt)
    {
        for (var i = _stretches.Count - 1; i >= 0; i--)
        {
            if (_stretches[i].OpenedAt <= openedAt + Margin)
            {
                return _stretches[i];
            }
        }

        return null;
    }

    // ---- attaching --------------------------------------------------------------------------------------------------------

    /// <summary>The run is at a place `lag` changes before the end; its first `known` changes are before that place.</summary>
    private void Attach(int self, ref RunSlot slot, Run run, Stretch stretch, int lag, int known, bool isProven)
    {
        var position = lag == 0 ? stretch.Last : stretch.Window!.Before(stretch.Window.Count - lag).Key;
        var after = AfterOf(run, stretch, lag, known, position);
        Attach(self, ref slot, run, stretch, after.IsNone && !stretch.IsEmpty ? stretch.First with { Ordinal = stretch.First.Ordinal - 1 } : after);
        (slot.Lag, slot.IsProven) = (lag, isProven);
        Feed(self, ref slot, run, known);
    }

    /// <summary>The place lies before what is kept: it is named by its key, from the run's change `known` on.</summary>
    private void AttachBehind(int self, ref RunSlot slot, Run run, Stretch stretch, int known)
    {
        var after = new ChangeKey(run.Changes[known].At, -1);
        Attach(self, ref slot, run, stretch, after);
        slot.Detail = new Run { EpochId = run.EpochId, Key = after, Digest = run.DigestAfter(known), HasBook = run.HasBook };
        slot.IsProven = true;
        Feed(self, ref slot, run, known);
    }

    /// <summary>The run began with the book that the stretch began with, which is no longer kept.</summary>
    private void AttachAtBegin(int self, ref RunSlot slot, Run run, Stretch stretch)
    {
        var begin = stretch.First with { Ordinal = stretch.First.Ordinal - 1 };
        Attach(self, ref slot, run, stretch, begin);
        slot.Detail = new Run { EpochId = run.EpochId, Key = begin, Digest = stretch.Base, HasBook = true };
        slot.IsProven = true;
        Feed(self, ref slot, run, 0);
    }

    private void Attach(int self, ref RunSlot slot, Run run, Stretch stretch, ChangeKey after)
    {
        MarkDirty();
        slot = new RunSlot { EpochId = run.EpochId, State = RunState.Attached, Stretch = stretch, Vouch = ++_vouches, OpenedAt = run.OpenedAt };
        Output.OnVouch(new Vouch(Id, slot.Vouch, GathererOf(self), run.EpochId, run.OpenedAt, after));
        if (!stretch.IsOpen)
        {
            stretch.IsOpen = true;
            RemoveOpenGap(stretch);

            TellCoverage(stretch);
        }
    }

    /// <summary>Behind which change the run saw everything, its known changes counted back from its place as far as the window goes.</summary>
    private static ChangeKey AfterOf(Run run, Stretch stretch, int lag, int known, ChangeKey position)
    {
        if (known == 0)
        {
            return position;
        }

        var index = stretch.WindowCount - lag - known;
        if (index >= 0)
        {
            return stretch.Window!.Before(index).Key;
        }

        for (var i = 1; i < known; i++)
        {
            if (run.Changes[i].At != run.Changes[i - 1].At)
            {
                return new ChangeKey(run.Changes[i].At, -1);
            }
        }

        return position;
    }

    /// <summary>Case 4: the run begins a stretch of its own behind `before` (null: before all others).</summary>
    private bool TryBegin(int self, ref RunSlot slot, Run run, Stretch? before)
    {
        if (!run.HasBook)
        {
            return false;
        }

        var stretch = new Stretch { Number = ++_numbers, OpenedAt = run.OpenedAt, FromAt = run.OpenedAt + Margin };
        stretch.Base = stretch.Digest = run.Digest;
        _stretches.Insert(before is null ? 0 : _stretches.IndexOf(before) + 1, stretch);
        if (before is not null)
        {
            BeginGap(before, stretch);
        }

        Output.OnSnapshot(Id, stretch.Number, ChangeKey.None, run.OpenedAt, run.Yes ?? [], run.No ?? []);
        TellCoverage(stretch);
        Attach(self, ref slot, run, stretch, 0, 0, isProven: false);
        return true;
    }

    private void BeginGap(Stretch before, Stretch stretch)
    {
        // Of runs that are not there at the moment, what they told is known.
        before.CoveredTo = CoveredTo(before);
        before.IsOpen = false;
        before.Reason = before.Reason.Length > 0 ? before.Reason : "not there in time";
        stretch.IsGapEven = before.Digest == stretch.Base;
        stretch.GapNumber = before.OpenGapNumber;
        before.OpenGapNumber = 0;
        _context.Counters.Gaps++;
        _context.Counters.GapsEven += stretch.IsGapEven ? 1 : 0;
        TellCoverage(before);
        if (NextOf(stretch) is { GapNumber: > 0 } next)
        {
            next.GapFromAt = stretch.FromAt;
            TellGap(next, CoverageState.Gap);
        }
    }

    /// <summary>A tip that nobody goes on with ends in a gap without end, once the budget is spent. True while that is to come.</summary>
    private bool DecideEnd()
    {
        if (Tip is not { } tip || HasAttached(tip) || tip.OpenGapNumber > 0)
        {
            return false;
        }

        if (_context.Watermark < tip.CoveredTo + _context.Settings.LagBudget)
        {
            return true;
        }

        tip.OpenGapNumber = ++_numbers;
        Output.OnCoverage(new ProductionCoverage(Id, tip.OpenGapNumber, CoverageState.Gap, EndOf(tip), long.MaxValue, ChangeKey.None, ChangeKey.None, tip.Reason));
        MarkDirty();
        return false;
    }
}
