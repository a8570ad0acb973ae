using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Runs that vouch for the same step and say different things. Production goes on with what was said first; the other version is kept until a
/// snapshot of either side tells which one leads to the exchange's book.
/// </summary>
internal sealed partial class MarketMerge
{
    /// <summary>At an attached run's place the stretch goes on otherwise.</summary>
    private void Disagree(int self, ref RunSlot slot, Stretch stretch, in MarketChange held, in MarketChange other)
    {
        var (key, digest) = PositionOf(slot);
        var gatherer = GathererOf(self);
        EndVouch(slot, key, other.ReceivedAt, "disagrees");
        if (!slot.IsProven)
        {
            // Only time had placed it here; its book is no longer kept.
            slot = Unplaced(gatherer, slot.EpochId, slot.OpenedAt, [other]);
            CloseIfLeft(stretch);
            Touch();
            return;
        }

        Dissent(ref slot, gatherer, stretch, key, digest, held, other);
    }

    private void Dissent(ref RunSlot slot, int gatherer, Stretch stretch, ChangeKey after, ulong digest, in MarketChange held, in MarketChange other)
    {
        var run = new Run { Gatherer = gatherer, EpochId = slot.EpochId, OpenedAt = slot.OpenedAt, HasBook = true, Key = after, Digest = digest };
        run.Changes.Add(other);
        run.Disagreement = new Disagreement(Id, ++_disagreements, other.ReceivedAt, after, held, HolderBits(stretch, after), other, gatherer, 0, "");
        slot = new RunSlot { EpochId = slot.EpochId, State = RunState.Dissenting, Stretch = stretch, Detail = run, OpenedAt = slot.OpenedAt };
        _context.Counters.Disagreements++;
        Output.OnDisagreement(run.Disagreement);
        CloseIfLeft(stretch);
        Touch();
    }

    /// <summary>A run without a place meets the stretch at a key both must have, and differs there.</summary>
    private bool TryDissent(int self, ref RunSlot slot, Run run, int change, Stretch stretch, ChangeKey key)
    {
        if (self < 0 && change >= run.Checked)
        {
            return false; // Nothing will settle what a run that is over says.
        }

        var window = stretch.Window!;
        var index = 0;
        while (index < window.Count && window[index].Key < key)
        {
            index++;
        }

        var (after, digest) = window.Before(index);
        var held = index < window.Count ? window[index].Change : default;
        slot = new RunSlot { EpochId = run.EpochId, OpenedAt = run.OpenedAt };
        Dissent(ref slot, GathererOf(self), stretch, after, run.HasBook ? run.DigestAfter(change) : digest, held, run.Changes[change]);
        Feed(self, ref slot, run, change + 1);
        return true;
    }

    /// <summary>Where changes are no longer kept nothing can be compared but the end: the run is given up.</summary>
    private void DisagreeBlindly(int self, ref RunSlot slot, in MarketChange other)
    {
        var stretch = slot.Stretch!;
        var gatherer = GathererOf(self);
        TellUncompared(stretch, slot.Detail!.Key, gatherer, other, other.ReceivedAt, "held: not kept for comparison");
        var ended = slot;
        slot = default;
        Detach(ended, 0, "disagrees");
        Touch();
    }

    /// <summary>A contradiction somewhere before a place, where nothing was compared change by change: found and over at once.</summary>
    private void TellUncompared(Stretch stretch, ChangeKey after, int gatherer, in MarketChange other, long at, string verdict)
    {
        _context.Counters.Disagreements++;
        Output.OnDisagreement(new Disagreement(Id, ++_disagreements, at, after, default, HolderBits(stretch, after), other, gatherer, at, verdict));
    }

    /// <summary>Gatherers whose runs are past the place.</summary>
    private uint HolderBits(Stretch stretch, ChangeKey after)
    {
        var bits = 0u;
        for (var i = 0; i < _slots.Length; i++)
        {
            if (_slots[i].Stretch == stretch && _slots[i].State != RunState.Dissenting && PositionOf(_slots[i]).Key > after)
            {
                bits |= 1u << i;
            }
        }

        return bits;
    }

    /// <summary>A snapshot fits the merged book at the place: what was held against it behind that is wrong.</summary>
    private void SettleHeld(Stretch stretch, ChangeKey key, long receivedAt)
    {
        foreach (ref var slot in _slots.AsSpan())
        {
            if (slot.State == RunState.Dissenting && slot.Stretch == stretch && slot.Detail!.Key < key)
            {
                Settle(ref slot, receivedAt, "held: its snapshot fits");
                slot = default;
            }
        }
    }

    private void Settle(ref RunSlot slot, long settledAt, string verdict)
    {
        _context.Counters.Settled++;
        slot.Detail!.Disagreement = slot.Detail.Disagreement with { SettledAt = Math.Max(settledAt, slot.Detail.Disagreement.FoundAt), Verdict = verdict };
        Output.OnDisagreement(slot.Detail.Disagreement);
        MarkDirty();
    }

    private void OnDissentingSnapshot(
        int gatherer, ref RunSlot slot, long receivedAt, ulong digest, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        if (slot.Detail!.DigestAtEnd == digest)
        {
            _context.Counters.SnapshotsChecked++;
            Correct(gatherer, ref slot, receivedAt, "other: its snapshot fits");
            return;
        }

        _context.Counters.SnapshotMismatches++;
        Settle(ref slot, receivedAt, "held: the other one's snapshot does not fit");
        var changes = slot.Detail!.Changes;
        changes.RemoveAt(0); // The one at which they part is wrong; those behind it lead to the snapshot.
        BeginRun(gatherer, ref slot, slot.EpochId, changes.Count > 0 ? changes[0].ReceivedAt : receivedAt, digest, yes, no);
        BeginBefore(slot.Detail!, digest, yes, no, changes);
    }

    /// <summary>The run's own snapshot is not the merged book: what it is attached to, or its last row, is wrong.</summary>
    private void OnMismatch(int gatherer, ref RunSlot slot, long receivedAt, ulong digest, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        _context.Counters.SnapshotMismatches++;
        if (slot is { State: RunState.Attached, Detail: { } behind })
        {
            // What it said there was not compared change by change.
            _context.Counters.Settled++;
            TellUncompared(slot.Stretch!, behind.Key, gatherer, default, receivedAt, "held: the other one's changes do not lead to its own snapshot");
        }

        var (epochId, ended) = (slot.EpochId, slot);
        ended.State = RunState.Attached;
        var position = PositionOf(ended).Key;
        BeginRun(gatherer, ref slot, epochId, receivedAt, digest, yes, no);
        Detach(ended, 0, "snapshot mismatch");
        if (FirstDissenting(ended.Stretch!, position) is var first and >= 0)
        {
            Correct(first, ref _slots[first], receivedAt, "other: the held one's snapshot does not fit");
        }
    }

    /// <summary>Whose version parts from the stretch's first, before a place; −1: nobody's.</summary>
    private int FirstDissenting(Stretch stretch, ChangeKey before)
    {
        var first = -1;
        for (var i = 0; i < _slots.Length; i++)
        {
            if (_slots[i] is { State: RunState.Dissenting, Detail: { } dissent } && _slots[i].Stretch == stretch && dissent.Key < before)
            {
                (first, before) = (i, dissent.Key);
            }
        }

        return first;
    }

    /// <summary>Production takes the dissenting run's version from where they part.</summary>
    private void Correct(int self, ref RunSlot slot, long receivedAt, string verdict)
    {
        var stretch = slot.Stretch!;
        var run = slot.Detail!;
        Settle(ref slot, receivedAt, verdict);
        Withdraw(stretch, run.Key, run.Digest);
        slot = new RunSlot { EpochId = slot.EpochId, State = RunState.Attached, Stretch = stretch, Vouch = ++_vouches, OpenedAt = run.OpenedAt, IsProven = true };
        Output.OnVouch(new Vouch(Id, slot.Vouch, GathererOf(self), slot.EpochId, run.OpenedAt, run.Key));
        stretch.IsOpen = true;
        TellCoverage(stretch);
        Feed(self, ref slot, run, 0);
        for (var i = 0; i < _slots.Length; i++)
        {
            // Others that said the same go on with it.
            if (_slots[i] is { State: RunState.Dissenting, Detail: { } other } && _slots[i].Stretch == stretch && other.Key == run.Key)
            {
                Settle(ref _slots[i], receivedAt, verdict);
                _slots[i] = new RunSlot { EpochId = other.EpochId, State = RunState.Attached, Stretch = stretch, Vouch = ++_vouches, OpenedAt = other.OpenedAt, IsProven = true };
                Output.OnVouch(new Vouch(Id, _slots[i].Vouch, i, other.EpochId, other.OpenedAt, run.Key));
                SetPosition(ref _slots[i], run.Key, run.Digest, hasDigest: true);
                Feed(i, ref _slots[i], other, 0);
            }
        }

        Touch();
    }

    /// <summary>Takes back what the stretch holds behind a place. Runs that are past it said what is taken back: they are over.</summary>
    private void Withdraw(Stretch stretch, ChangeKey after, ulong digest)
    {
        for (var i = 0; i < _slots.Length; i++)
        {
            ref var slot = ref _slots[i];
            if (slot.Stretch != stretch || slot.State == RunState.Dissenting)
            {
                continue;
            }

            var key = slot.State == RunState.Joining ? stretch.Last : PositionOf(slot).Key;
            if (key > after)
            {
                EndVouch(slot, after, 0, "contradicted");
                slot = default;
            }
            else if (slot.Detail is null)
            {
                slot.Lag -= stretch.WindowCount - CountTo(stretch, after);
            }
        }

        if (stretch.Last > after)
        {
            Output.OnWithdrawn(Id, after, stretch.Last);
        }

        if (stretch.Window is { } window)
        {
            window.Truncate(CountTo(stretch, after));
            if (window.Count == 0)
            {
                stretch.Window = null;
                _context.ReturnWindow(window);
            }
        }

        (stretch.Last, stretch.Digest) = (after, digest);
        _snapshotKey = _snapshotKey > after ? after : _snapshotKey;
        if (stretch.First > after)
        {
            (stretch.First, stretch.FirstCount, stretch.Last) = (ChangeKey.None, 0, ChangeKey.None);
        }
        else if (stretch.First.At == after.At)
        {
            stretch.FirstCount = after.Ordinal - stretch.First.Ordinal + 1;
        }

        if (NextWithChangesOf(stretch) is { } next && NextKeyOf(stretch, next.First.At).Ordinal - next.First.Ordinal is var shift and < 0)
        {
            Renumber(next, next.First.At, shift);
        }
    }

    /// <summary>Entries of the stretch's window up to and including the key.</summary>
    private static int CountTo(Stretch stretch, ChangeKey key) => stretch.Window?.CountTo(key) ?? 0;

    private void CloseIfLeft(Stretch stretch)
    {
        if (!HasAttached(stretch))
        {
            stretch.IsOpen = false;
            TellCoverage(stretch);
        }
    }
}
