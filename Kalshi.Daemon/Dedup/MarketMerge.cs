using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// One market's gatherers merged into one stream.
/// <code>
///   gatherer A   S├─a─b─c─d─┤            S = snapshot; ├ ┤ a run: dense within an epoch
///   gatherer B   S├─a─b─c─d─e─f─┤
///   gatherer C        S├─c─d─e─f─┤          S├─k─l─
///   production    ├─a─b─c─d─e─f─┤ gap  ├─k─l─       stretches: A and B give the first, C repairs nothing
/// </code>
/// A run that is attached to a stretch vouches for what comes next: at the end of the stretch its change is the next one, behind the end it must say
/// what the others said. A run whose place is not known yet keeps its changes until a key that it covers from the beginning of its
/// instant, or time, or the digest of the book at a joint tells where it belongs (<see cref="TryPlace"/>). Only when no run that is
/// attached goes on, a new stretch begins; a run that later goes through the gap joins both.
/// In: <see cref="IBookInput"/> by way of <see cref="BookMerge"/>. Out: <see cref="IBookOutput"/>. Thread: one. Bound: recent changes (twice the margin), and changes
/// of runs whose place is not known.
/// </summary>
internal sealed partial class MarketMerge
{
    private readonly MergeContext _context;
    private readonly RunSlot[] _slots;

    /// <summary>In order of the stream; the last one is the tip. Nearly always one.</summary>
    private readonly List<Stretch> _stretches = new(1);

    /// <summary>Runs that ended before their place was known.</summary>
    private List<Run>? _orphans;
    private int _numbers;
    private int _vouches;
    private int _disagreements;

    /// <summary>Place of the snapshot told last.</summary>
    private ChangeKey _snapshotKey = ChangeKey.None;

    public MarketMerge(int id, MergeContext context)
    {
        Id = id;
        _context = context;
        _slots = new RunSlot[context.Settings.Gatherers];
    }

    public int Id { get; }

    private Stretch? Tip => _stretches.Count > 0 ? _stretches[^1] : null;

    private IBookOutput Output => _context.Output;

    private long Margin => _context.Settings.Margin;

    public void OnSnapshot(int gatherer, long epochId, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        ref var slot = ref _slots[gatherer];
        LeaveOtherEpoch(gatherer, ref slot, epochId);
        while (slot.State == RunState.Joining && yes.IsEmpty && no.IsEmpty)
        {
            TryJoin(gatherer, gatherer, ref slot, hasEnded: true); // The exchange cleared the book: nothing of what was kept comes behind that.
        }

        var digest = BookDigest.Of(yes, no);
        switch (slot.State)
        {
            case RunState.None:
                BeginRun(gatherer, ref slot, epochId, receivedAt, digest, yes, no);
                break;
            case RunState.Pending:
                OnPendingSnapshot(gatherer, ref slot, receivedAt, digest, yes, no);
                break;
            case RunState.Attached or RunState.Joining:
                OnAttachedSnapshot(gatherer, ref slot, receivedAt, digest, yes, no);
                break;
            default:
                OnDissentingSnapshot(gatherer, ref slot, receivedAt, digest, yes, no);
                break;
        }
    }

    public void OnChange(int gatherer, long epochId, in MarketChange change)
    {
        ref var slot = ref _slots[gatherer];
        LeaveOtherEpoch(gatherer, ref slot, epochId);
        switch (slot.State)
        {
            case RunState.None:
                slot = Unplaced(gatherer, epochId, change.ReceivedAt, [Stamp(change, long.MinValue)]);
                Touch();
                break;
            case RunState.Attached:
                Advance(gatherer, ref slot, change);
                break;
            default:
                Keep(gatherer, ref slot, change);
                break;
        }
    }

    public void OnCoverageEnded(int gatherer, long epochId, long coveredTo, string reason)
    {
        if (_slots[gatherer].State != RunState.None && _slots[gatherer].EpochId == epochId)
        {
            EndRun(gatherer, ref _slots[gatherer], coveredTo, reason);
        }
    }

    /// <summary>
    /// Whatever run the gatherer has, or only one of the epoch (not 0), is over; nothing is known of how far it was good beyond its last row. False when it has none.
    /// </summary>
    public bool OnBroken(int gatherer, long epochId, string reason)
    {
        if (_slots[gatherer].State == RunState.None || (epochId != 0 && _slots[gatherer].EpochId != epochId))
        {
            return false;
        }

        EndRun(gatherer, ref _slots[gatherer], 0, reason);
        return true;
    }

    /// <summary>Forgets changes that were added in turns up to `addedAt` (a watermark).</summary>
    public void Trim(long addedAt)
    {
        foreach (var stretch in _stretches)
        {
            if (stretch.Window is not { } window)
            {
                continue;
            }

            while (window.Count > 0 && window[0].AddedAt <= addedAt)
            {
                LeaveBehind(stretch, window);
                window.RemoveFirst();
            }

            if (window.Count == 0)
            {
                stretch.Window = null;
                _context.ReturnWindow(window);
            }
        }
    }

    // ---- runs ------------------------------------------------------------------------------------------------------------

    private void BeginRun(int gatherer, ref RunSlot slot, long epochId, long receivedAt, ulong digest, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        slot = new RunSlot
        {
            EpochId = epochId,
            State = RunState.Pending,
            Detail = new Run
            {
                Gatherer = gatherer,
                EpochId = epochId,
                OpenedAt = receivedAt,
                HasBook = true,
                Digest = digest,
                Yes = yes.ToArray(),
                No = no.ToArray(),
            },
        };
        Touch();
    }

    /// <summary>A run without a book, of which nothing says yet where its changes belong.</summary>
    private static RunSlot Unplaced(int gatherer, long epochId, long openedAt, List<MarketChange> changes) => new()
    {
        EpochId = epochId,
        State = RunState.Pending,
        Detail = new Run { Gatherer = gatherer, EpochId = epochId, OpenedAt = openedAt, Changes = changes },
    };

    private void LeaveOtherEpoch(int gatherer, ref RunSlot slot, long epochId)
    {
        if (slot.State != RunState.None && slot.EpochId != epochId)
        {
            EndRun(gatherer, ref slot, 0, "superseded");
        }
    }

    private void OnPendingSnapshot(int gatherer, ref RunSlot slot, long receivedAt, ulong digest, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        var run = slot.Detail!;
        var isCleared = yes.IsEmpty && no.IsEmpty && run.Changes.Count > 0;
        if (!run.HasBook && !isCleared)
        {
            BeginBefore(run, digest, yes, no, run.Changes);
            Touch();
        }
        else if (!run.HasBook || run.DigestAtEnd != digest)
        {
            // Cleared by the exchange, or not the book of its changes: what came before stands for itself.
            _context.Counters.SnapshotMismatches += isCleared ? 0 : 1;
            var epochId = slot.EpochId;
            EndRun(gatherer, ref slot, receivedAt, isCleared ? "cleared" : "snapshot mismatch");
            BeginRun(gatherer, ref slot, epochId, receivedAt, digest, yes, no);
        }
        else
        {
            _context.Counters.SnapshotsChecked++;
            (run.Checked, run.CheckedAt) = (run.Changes.Count, receivedAt);
            MarkDirty();
        }
    }

    private void OnAttachedSnapshot(int gatherer, ref RunSlot slot, long receivedAt, ulong digest, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        var stretch = slot.Stretch!;
        var (key, expected) = PositionOf(slot);
        if (slot is { State: RunState.Joining, Detail: { } joining })
        {
            expected = joining.DigestAtEnd;
        }
        else if (slot.Detail is { HasBook: false } behind)
        {
            (behind.HasBook, behind.Digest, expected) = (true, digest, digest);
        }

        if (digest == expected)
        {
            _context.Counters.SnapshotsChecked++;
            if (slot is { State: RunState.Joining, Detail: { } waiting })
            {
                (waiting.Checked, waiting.CheckedAt) = (waiting.Changes.Count, receivedAt);
            }
            else if (key > _snapshotKey && !key.IsNone)
            {
                _snapshotKey = key;
                Output.OnSnapshot(Id, stretch.Number, key, receivedAt, yes, no);
            }

            SettleHeld(stretch, key, receivedAt);
        }
        else if (yes.IsEmpty && no.IsEmpty && slot.State == RunState.Attached)
        {
            OnCleared(ref slot, stretch, receivedAt);
        }
        else
        {
            OnMismatch(gatherer, ref slot, receivedAt, digest, yes, no);
        }

        MarkDirty();
    }

    /// <summary>What came before a snapshot is undone: the book as the run began.</summary>
    private static void BeginBefore(Run run, ulong digest, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no, List<MarketChange> changes)
    {
        run.HasBook = true;
        run.Changes = changes;
        run.Digest = 0;
        run.Digest = digest - run.DigestAtEnd;
        (run.Yes, run.No) = BookLevels.Undo(yes, no, changes);
    }

    /// <summary>The exchange emptied a closed market's book without changes.</summary>
    private void OnCleared(ref RunSlot slot, Stretch stretch, long receivedAt)
    {
        if (slot.Detail is { } behind)
        {
            behind.Digest = BookDigest.Empty;
        }
        else if (slot.Lag == 0 && stretch.Digest != BookDigest.Empty)
        {
            (stretch.ClearedDigest, stretch.Digest, stretch.ClearedAt) = (stretch.Digest, BookDigest.Empty, stretch.Last);
            if (stretch.Window is { Count: > 0 } window)
            {
                window[window.Count - 1].DigestAfter = BookDigest.Empty;
            }

            _snapshotKey = stretch.Last;
            Output.OnSnapshot(Id, stretch.Number, stretch.Last, receivedAt, [], []);
        }
    }

    /// <summary>Changes of runs that are not at a known place.</summary>
    private void Keep(int gatherer, ref RunSlot slot, in MarketChange change)
    {
        const int keptMax = 200_000;
        var run = slot.Detail!;
        run.Changes.Add(Stamp(change, run.Changes.Count > 0 ? run.Changes[^1].At : run.Key.At));
        if (run.Changes.Count > keptMax)
        {
            EndRun(gatherer, ref slot, 0, "more changes than can be kept without knowing their place");
        }

        Touch();
    }

    /// <summary>Changes without a stamp, or with one that stepped back, take the one before.</summary>
    private MarketChange Stamp(in MarketChange change, long previous)
    {
        if (change.At == Message.Absent)
        {
            return change with { At = previous == long.MinValue ? change.ReceivedAt : previous };
        }

        if (change.At >= previous)
        {
            return change;
        }

        _context.Counters.StampsStepped++;
        return change with { At = previous };
    }

    /// <summary>The run is over; the slot is free. `coveredTo` 0: not known.</summary>
    private void EndRun(int gatherer, ref RunSlot slot, long coveredTo, string reason)
    {
        while (slot.State == RunState.Joining)
        {
            TryJoin(gatherer, gatherer, ref slot, hasEnded: true);
        }

        var ended = slot;
        switch (ended.State)
        {
            case RunState.Pending:
                ended.Detail!.IsEnded = true;
                (ended.Detail.CoveredTo, ended.Detail.Reason) = (coveredTo, reason);
                (_orphans ??= []).Add(ended.Detail);
                slot = default;
                break;
            case RunState.Attached:
                slot = default;
                Detach(ended, coveredTo, reason);
                break;
            case RunState.Dissenting:
                Settle(ref slot, coveredTo, "undecided: the other one's run ended");
                slot = default;
                break;
        }

        Touch();
    }

    /// <summary>An attached run, taken out of its slot, leaves its stretch.</summary>
    private void Detach(in RunSlot ended, long coveredTo, string reason)
    {
        var stretch = ended.Stretch!;
        EndVouch(ended, PositionOf(ended).Key, coveredTo, reason);
        stretch.CoveredTo = Math.Max(stretch.CoveredTo, coveredTo);
        stretch.Reason = reason;
        if (!HasAttached(stretch))
        {
            stretch.IsOpen = false;
            TellCoverage(stretch);
        }
    }

    // ---- changes of attached runs -----------------------------------------------------------------------------------------

    /// <summary>`self`: the slot's index, or −1 for the run of an orphan, which has none.</summary>
    private void Advance(int self, ref RunSlot slot, in MarketChange change)
    {
        MarkDirty();
        var stretch = slot.Stretch!;
        if (slot.Detail is not null)
        {
            AdvanceBehind(self, ref slot, stretch, change);
        }
        else if (slot.Lag > 0)
        {
            Confirm(self, ref slot, stretch, change);
        }
        else if (stretch.IsEmpty && LastKeyBefore(stretch).At > change.At && change.At != Message.Absent)
        {
            // Its book is older than what is held.
            var stale = slot;
            slot = default;
            Dissolve(PreviousOf(stretch)!, stretch);
            EndVouch(stale, ChangeKey.None, 0, "its book is an older one");
            slot = Unplaced(GathererOf(self), stale.EpochId, change.ReceivedAt, []);
            Keep(GathererOf(self), ref slot, change);
        }
        else if (NextOf(stretch) is { } next)
        {
            AdvanceIntoGap(self, ref slot, stretch, next, Stamp(change, stretch.Last.At));
        }
        else
        {
            slot.IsProven = true;
            Extend(self, ref slot, stretch, Stamp(change, stretch.Last.At));
        }
    }

    private void Confirm(int self, ref RunSlot slot, Stretch stretch, in MarketChange change)
    {
        var window = stretch.Window!;
        var index = window.Count - slot.Lag;
        var stamped = Stamp(change, window.Before(index).Key.At);
        if (!window[index].Change.IsSame(stamped))
        {
            if (!slot.IsProven && TryMoveOn(self, ref slot, stretch, index, stamped))
            {
                return;
            }

            Disagree(self, ref slot, stretch, window[index].Change, stamped);
            return;
        }

        slot.Lag--;
        slot.IsProven = true;
        _context.Counters.Confirmed++;
    }

    /// <summary>A run of which nothing is known but its book may be further on, where the book is the same again.</summary>
    private bool TryMoveOn(int self, ref RunSlot slot, Stretch stretch, int from, in MarketChange change)
    {
        var window = stretch.Window!;
        var digest = window.Before(from).Digest;
        for (var index = from + 1; index <= window.Count; index++)
        {
            if (window.Before(index).Digest == digest && (index == window.Count || window[index].Change.IsSame(change)))
            {
                slot.Lag = window.Count - index;
                Output.OnVouch(new Vouch(Id, slot.Vouch, GathererOf(self), slot.EpochId, slot.OpenedAt, window.Before(index).Key));
                Advance(self, ref slot, change);
                return true;
            }
        }

        return false;
    }

    /// <summary>Within what is no longer kept, and too much to recall: known by its key; the digest is compared where the window begins.</summary>
    private void AdvanceBehind(int self, ref RunSlot slot, Stretch stretch, in MarketChange change)
    {
        var behind = slot.Detail!;
        if (behind.RecalledAt == 0)
        {
            var recalled = Recall(stretch, behind.Key);
            SetPosition(ref slot, behind.Key, behind.Digest, behind.HasBook);
            if (slot.Detail is null)
            {
                Advance(self, ref slot, change);
                return;
            }

            behind = slot.Detail;
            behind.RecalledAt = recalled == Recalled.NotNow ? 0 : _context.Watermark;
        }

        var stamped = Stamp(change, behind.Key.At);
        behind.Key = NextKey(behind.Key, stamped.At);
        behind.Digest += BookDigest.Of(stamped);
        _context.Counters.Confirmed++;
        var (key, digest) = stretch.WindowBase;
        if (behind.Key < key)
        {
            return;
        }

        if (behind.Key == key && (!behind.HasBook || behind.Digest == digest))
        {
            slot.Detail = null;
            slot.Lag = stretch.WindowCount;
            return;
        }

        // The key before the window may not be known after a restart.
        if (stretch.WindowCount > 0 && behind.Key == stretch.Window![0].Key && stretch.Window[0].Change.IsSame(stamped) && (!behind.HasBook || behind.Digest == stretch.Window[0].DigestAfter))
        {
            slot.Detail = null;
            slot.Lag = stretch.WindowCount - 1;
            return;
        }

        DisagreeBlindly(self, ref slot, stamped);
    }

    /// <summary>At the end of a stretch that another one follows: only what surely lies before that one's first change is new.</summary>
    private void AdvanceIntoGap(int self, ref RunSlot slot, Stretch stretch, Stretch next, in MarketChange change)
    {
        if ((!next.IsEmpty || change.ReceivedAt < next.OpenedAt - Margin) && (NextWithChangesOf(stretch) is not { } behind || change.At < behind.First.At))
        {
            slot.IsProven = true;
            Extend(self, ref slot, stretch, change);
            return;
        }

        slot.State = RunState.Joining;
        slot.Detail = new Run { EpochId = slot.EpochId, OpenedAt = change.ReceivedAt, Key = stretch.Last, Digest = stretch.Digest, HasBook = true };
        slot.Detail.Changes.Add(change);
        Touch();
    }

    /// <summary>The run's change is the stretch's next one.</summary>
    private void Extend(int self, ref RunSlot slot, Stretch stretch, in MarketChange change)
    {
        var key = NextKeyOf(stretch, change.At);
        Add(stretch, key, change);
        if (stretch.First == key)
        {
            TellVouchesOfFirst(self, slot, stretch, key);
        }

        for (var i = 0; i < _slots.Length; i++)
        {
            if (i != self && _slots[i].Stretch == stretch)
            {
                OnExtended(i, ref _slots[i]);
            }
        }
    }

    /// <summary>Now it is known which change those saw first that watched the stretch before it had any.</summary>
    private void TellVouchesOfFirst(int self, in RunSlot slot, Stretch stretch, ChangeKey key)
    {
        var after = key with { Ordinal = key.Ordinal - 1 };
        if (self < 0 && slot.Vouch > 0)
        {
            Output.OnVouch(new Vouch(Id, slot.Vouch, _orphanGatherer, slot.EpochId, slot.OpenedAt, after));
        }

        for (var i = 0; i < _slots.Length; i++)
        {
            if (_slots[i].Stretch == stretch && _slots[i].Vouch > 0)
            {
                Output.OnVouch(new Vouch(Id, _slots[i].Vouch, i, _slots[i].EpochId, _slots[i].OpenedAt, after));
            }
        }
    }

    /// <summary>Index of the gatherer whose orphan is being placed, for slots without an index of their own.</summary>
    private int _orphanGatherer;

    private int GathererOf(int self) => self >= 0 ? self : _orphanGatherer;

    private void Add(Stretch stretch, ChangeKey key, in MarketChange change)
    {
        Output.OnChange(Id, key, change);
        _context.Counters.Emitted++;
        var window = stretch.Window ??= _context.RentWindow(stretch.Last, stretch.Digest);
        stretch.DigestBefore = stretch.Digest;
        stretch.Digest += BookDigest.Of(change);
        window.Add(new ChangeWindow.Entry { Change = change, Ordinal = key.Ordinal, DigestAfter = stretch.Digest, AddedAt = _context.Watermark });
        _context.Added.Enqueue((_context.Watermark, Id));
        stretch.Last = key;
        stretch.LastReceivedAt = change.ReceivedAt;
        if (stretch.IsEmpty)
        {
            (stretch.First, stretch.FirstCount) = (key, 1);
            stretch.FromAt = Math.Min(stretch.FromAt, key.At);
            TellCoverage(stretch);
        }
        else
        {
            stretch.FirstCount += key.At == stretch.First.At ? 1 : 0;
            if (stretch != Tip)
            {
                stretch.IsChanged = true;
                Touch();
            }
        }
    }

    /// <summary>Another run went on: this one is one change further behind.</summary>
    private void OnExtended(int index, ref RunSlot slot)
    {
        if (slot.State == RunState.Joining)
        {
            Touch(); // What it keeps may be what was added: it is told from its place on.
        }
        else if (slot.State == RunState.Attached && slot.Detail is null)
        {
            slot.Lag++;
        }
    }

    /// <summary>Gives the slot's run what was kept of it, from the change on, and the snapshot that it led to.</summary>
    private void Feed(int self, ref RunSlot slot, Run run, int from)
    {
        for (var i = from; i < run.Changes.Count && slot.State != RunState.None; i++)
        {
            if (slot.State == RunState.Attached)
            {
                Advance(self, ref slot, run.Changes[i]);
            }
            else
            {
                Keep(GathererOf(self), ref slot, run.Changes[i]);
            }

            if (i + 1 == run.Checked)
            {
                OnFedSnapshot(self, ref slot, run.CheckedAt);
            }
        }
    }

    /// <summary>A snapshot that fitted the run's changes while its place was not known.</summary>
    private void OnFedSnapshot(int self, ref RunSlot slot, long receivedAt)
    {
        switch (slot.State)
        {
            case RunState.Attached:
                SettleHeld(slot.Stretch!, PositionOf(slot).Key, receivedAt);
                break;
            case RunState.Dissenting:
                Correct(self, ref slot, receivedAt, "other: its snapshot fits");
                break;
            case RunState.Pending or RunState.Joining:
                (slot.Detail!.Checked, slot.Detail.CheckedAt) = (slot.Detail.Changes.Count, receivedAt);
                break;
        }
    }

    // ---- places -----------------------------------------------------------------------------------------------------------

    private (ChangeKey Key, ulong Digest) PositionOf(in RunSlot slot)
    {
        var stretch = slot.Stretch!;
        return slot switch
        {
            { Detail: { } elsewhere } => (elsewhere.Key, elsewhere.Digest),
            { Lag: > 0 } => stretch.Window!.Before(stretch.Window.Count - slot.Lag),
            _ => (stretch.Last, stretch.Digest),
        };
    }

    /// <summary>Puts an attached run at a position within its stretch.</summary>
    private static void SetPosition(ref RunSlot slot, ChangeKey key, ulong digest, bool hasDigest)
    {
        var stretch = slot.Stretch!;
        var (baseKey, _) = stretch.WindowBase;
        slot.Lag = 0;
        if (key < baseKey)
        {
            slot.Detail = new Run { EpochId = slot.EpochId, Key = key, Digest = digest, HasBook = hasDigest };
            return;
        }

        slot.Detail = null;
        slot.Lag = stretch.WindowCount - CountTo(stretch, key);
    }

    /// <summary>Runs at the window's base are named by their key from now on.</summary>
    private void LeaveBehind(Stretch stretch, ChangeWindow window)
    {
        foreach (ref var slot in _slots.AsSpan())
        {
            if (slot is { State: RunState.Attached, Detail: null } && slot.Stretch == stretch && slot.Lag == window.Count)
            {
                slot.Detail = new Run { EpochId = slot.EpochId, Key = window.BaseKey, Digest = window.BaseDigest, HasBook = true };
                slot.Lag = 0;
                MarkDirty();
            }
        }
    }

    private static ChangeKey NextKey(ChangeKey previous, long at) => at == previous.At ? previous with { Ordinal = previous.Ordinal + 1 } : new ChangeKey(at, 0);

    /// <summary>Ordinals go on where the stretch with changes before it ended at the same instant.</summary>
    private ChangeKey NextKeyOf(Stretch stretch, long at) => NextKey(stretch.IsEmpty ? LastKeyBefore(stretch) : stretch.Last, at);

    /// <summary>The last change before a stretch.</summary>
    private ChangeKey LastKeyBefore(Stretch stretch) => PreviousWithChangesOf(stretch)?.Last ?? ChangeKey.None;

    private Stretch? PreviousWithChangesOf(Stretch stretch)
    {
        var previous = PreviousOf(stretch);
        while (previous is { IsEmpty: true })
        {
            previous = PreviousOf(previous);
        }

        return previous;
    }

    /// <summary>The next one behind it that has changes.</summary>
    private Stretch? NextWithChangesOf(Stretch stretch)
    {
        var next = NextOf(stretch);
        while (next is { IsEmpty: true })
        {
            next = NextOf(next);
        }

        return next;
    }

    private Stretch? NextOf(Stretch stretch)
    {
        if (_stretches[^1] == stretch)
        {
            return null;
        }

        return _stretches[_stretches.IndexOf(stretch) + 1];
    }

    private Stretch? PreviousOf(Stretch stretch) => _stretches.IndexOf(stretch) is var index and > 0 ? _stretches[index - 1] : null;

    private bool HasAttached(Stretch stretch)
    {
        foreach (ref readonly var slot in _slots.AsSpan())
        {
            if (slot.Stretch == stretch && slot.State != RunState.Dissenting)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a run that is told as it goes on is attached: whatever comes next will come from it.</summary>
    private bool HasPresent(Stretch stretch)
    {
        for (var i = 0; i < _slots.Length; i++)
        {
            if (_slots[i].Stretch == stretch && _slots[i].State != RunState.Dissenting && _context.IsPresent[i])
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>How far the stretch is vouched for, received_at.</summary>
    private long CoveredTo(Stretch stretch)
    {
        var coveredTo = stretch.CoveredTo;
        for (var i = 0; i < _slots.Length; i++)
        {
            if (_slots[i].Stretch == stretch && _slots[i].State != RunState.Dissenting)
            {
                coveredTo = Math.Max(coveredTo, _context.Reach[i].Of(_slots[i].EpochId));
            }
        }

        return coveredTo;
    }

    // ---- what is told -----------------------------------------------------------------------------------------------------

    private void TellCoverage(Stretch stretch)
    {
        stretch.IsChanged = false;
        var isOpen = stretch.IsOpen && stretch == Tip;
        var toAt = isOpen ? long.MaxValue : EndOf(stretch);
        Output.OnCoverage(new ProductionCoverage(
            Id, stretch.Number, CoverageState.Whole, stretch.FromAt, toAt, stretch.First, isOpen ? ChangeKey.None : stretch.Last, isOpen ? "" : stretch.Reason));
        if (NextOf(stretch) is { } next && next.GapFromAt != toAt)
        {
            next.GapFromAt = toAt;
            next.GapNumber = next.GapNumber > 0 ? next.GapNumber : ++_numbers;
            next.GapReason = next.GapReason.Length > 0 ? next.GapReason : stretch.Reason;
            TellGap(next, next.IsGapEven ? CoverageState.Repaired : CoverageState.Gap);
        }
    }

    /// <summary>Where a stretch that does not go on is over for certain, in the exchange's time.</summary>
    private long EndOf(Stretch stretch) => Math.Max(stretch.FromAt, Math.Max(stretch.Last.At, stretch.CoveredTo - Margin));

    /// <summary>The gap before the stretch.</summary>
    private void TellGap(Stretch stretch, CoverageState state) => Output.OnCoverage(new ProductionCoverage(
        Id, stretch.GapNumber, state, stretch.GapFromAt, Math.Max(stretch.FromAt, stretch.GapFromAt), ChangeKey.None, ChangeKey.None, stretch.GapReason));

    /// <summary>The stretch goes on, or another one follows it.</summary>
    private void RemoveOpenGap(Stretch stretch)
    {
        if (stretch.OpenGapNumber > 0)
        {
            Output.OnCoverageRemoved(Id, stretch.OpenGapNumber);
            stretch.OpenGapNumber = 0;
        }
    }

    private void EndVouch(in RunSlot slot, ChangeKey last, long toAt, string reason)
    {
        if (slot.Vouch > 0)
        {
            Output.OnVouchEnded(Id, slot.Vouch, Math.Max(toAt, slot.OpenedAt), last, reason);
        }
    }

    private void Touch()
    {
        _context.Touch(Id);
        MarkDirty();
    }

    private void MarkDirty() => _context.MarkDirty(Id);
}
