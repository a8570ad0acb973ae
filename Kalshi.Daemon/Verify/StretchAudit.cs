using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Dedup.Reading;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// Production's books into an <see cref="Audit"/>: a stretch plays the part that an epoch's run plays in a gatherer's store.
/// <b>In</b>: an <see cref="IProductionBooks"/>. <b>Out</b>: the audit. <b>Thread</b>: one. <b>Bound</b>: one market, beside the audit.
/// </summary>
/// <remarks>
/// Without a truth it proves, of each market:
/// - places rise strictly, and ordinals count 0, 1, 2, … at each instant;
/// - a stretch begins and ends with the changes its row says, no change lies outside of one, and between two there is a row that says so;
/// - every change is vouched for by a gatherer, and no vouch reaches over the end of a stretch or over another one of its epoch;
/// - each snapshot stands after a change that is there and equals the fold of its stretch, and no level falls below zero.
/// What retention dropped is left out of it.
/// </remarks>
internal sealed class StretchAudit(Audit audit, ProductionFacts facts, StoreTickers tickers) : IProductionBooks
{
    private readonly ProductionCounts _counts = audit.Production ??= new ProductionCounts();
    private readonly List<(ChangeKey After, ChangeKey Last)> _vouched = [];
    private ProductionMarket _market = null!;
    private MarketAudit _audited = null!;
    private int _id;
    private int _stretch;
    private bool _isInside;
    private Run? _run;
    private ChangeKey _last;
    private int _nextVouch;
    private ChangeKey _vouchedTo;
    private int _nextSnapshot;

    public void BeginMarket(int marketId, ProductionMarket market)
    {
        (_id, _market, _audited) = (marketId, market, audit.Market(tickers.Bytes(marketId)));
        (_stretch, _isInside, _run, _last) = (0, false, null, ChangeKey.None);
        (_nextVouch, _vouchedTo, _nextSnapshot) = (0, ChangeKey.None, 0);
        _counts.Stretches += market.Stretches.Count;
        CheckCoverage();
        CheckVouches();
        FoldBeforeChanges();
    }

    public void OnChange(in MergedChange change)
    {
        audit.Deltas++;
        CheckPlace(change.Key);
        Enter(change.Key);
        _run ??= Begin(change.Key.At, change.Key.At);
        audit.Apply(_audited, _run, change.Key.At, change.Side, change.Price, change.Delta);
        _last = change.Key;
        FoldAfter(change.Key);
    }

    public void EndMarket()
    {
        Leave();
        for (_stretch += _isInside ? 1 : 0; _stretch < _market.Stretches.Count; _stretch++)
        {
            if (!IsDropped(ProductionMarket.EndOf(_market.Stretches[_stretch])))
            {
                Fault("stretch", $"none of the changes from {Spell(_market.Stretches[_stretch].First)} on is there");
            }
        }

        for (; _nextSnapshot < _market.Snapshots.Count; _nextSnapshot++)
        {
            OnStraySnapshot(_market.Snapshots[_nextSnapshot]);
        }
    }

    // ---- coverage ---------------------------------------------------------------------------------------------------------

    private void CheckCoverage()
    {
        foreach (var row in _market.Coverage)
        {
            if (row.State == CoverageState.Whole)
            {
                AddWhole(row);
            }
            else
            {
                var name = tickers.Name(_id);
                audit.OnCoverage(new Coverage("orderbook_delta", name, row.FromAt, row.ToAt, 0, 0, row.State, row.Reason));
            }

            if (row.ToAt < row.FromAt || (!row.Last.IsNone && (row.First.IsNone || row.Last < row.First)))
            {
                Fault("coverage", $"row {row.Number} ends before it begins");
            }
        }

        for (var i = 1; i < _market.Stretches.Count; i++)
        {
            var (left, right) = (_market.Stretches[i - 1], _market.Stretches[i]);
            if (ProductionMarket.EndOf(left) >= right.First)
            {
                Fault("coverage", $"stretches {left.Number} and {right.Number} overlap at {Spell(right.First)}");
            }
            else if (!_audited.HasGapBetween(left.ToAt, right.FromAt))
            {
                Fault("coverage", $"no gap is reported between the stretches {left.Number} and {right.Number}, from {Micros.Format(left.ToAt)} to {Micros.Format(right.FromAt)}");
            }
        }
    }

    private void AddWhole(in ProductionCoverage row)
    {
        audit.WholeCount++;
        if (audit.KeepsChanges)
        {
            _audited.Claims.Add((Math.Max(row.FromAt, facts.DroppedBefore), facts.WholeTo(_market, row)));
        }
    }

    // ---- vouches ----------------------------------------------------------------------------------------------------------

    private void CheckVouches()
    {
        _counts.Vouches += _market.Vouches.Count;
        _vouched.Clear();
        foreach (var vouch in _market.Vouches)
        {
            _counts.Epochs.Add((vouch.Gatherer, vouch.EpochId));
            CheckTimes(vouch);
            if (_market.Reach(vouch) is { } reach)
            {
                var end = ProductionMarket.EndOf(_market.Stretches[reach.Stretch]);
                if (reach.Last > end)
                {
                    Fault("vouch", $"vouch {vouch.Number} of {Name(vouch)} reaches to {Spell(reach.Last)}, its stretch to {Spell(end)}");
                }

                _vouched.Add((vouch.After, reach.Last < end ? reach.Last : end));
            }
            else if (vouch is { IsOpen: false, Last.IsNone: false } && vouch.Last > vouch.After)
            {
                Fault("vouch", $"vouch {vouch.Number} of {Name(vouch)} is of changes up to {Spell(vouch.Last)} that no stretch holds");
            }
        }

        _vouched.Sort(static (a, b) => a.After.CompareTo(b.After));
        CheckEpochs();
    }

    private void CheckTimes(in VouchRow vouch)
    {
        if (vouch.Gatherer < 0 || vouch.Gatherer >= facts.Gatherers.Length || facts.Gatherers[vouch.Gatherer].Length == 0)
        {
            Fault("vouch", $"vouch {vouch.Number} is of gatherer {vouch.Gatherer}, whom production does not know");
        }

        if (vouch.FromAt < vouch.EpochId || vouch.ToAt < vouch.FromAt || (!vouch.Last.IsNone && vouch.Last < vouch.After))
        {
            Fault("vouch", $"vouch {vouch.Number} of {Name(vouch)} ends before it begins, or begins before its epoch");
        }
    }

    /// <summary>Of one epoch a gatherer has each change once.</summary>
    private void CheckEpochs()
    {
        foreach (var epoch in _market.Vouches.Where(vouch => _market.Reach(vouch) is not null).GroupBy(vouch => (vouch.Gatherer, vouch.EpochId)).Where(epoch => epoch.Skip(1).Any()))
        {
            var before = default(VouchRow?);
            foreach (var vouch in epoch.OrderBy(vouch => vouch.After))
            {
                if (before is { } left && _market.Reach(left)!.Value.Last > vouch.After)
                {
                    Fault("vouch", $"vouches {left.Number} and {vouch.Number} of {Name(vouch)} overlap at {Spell(vouch.After)}");
                }

                before = vouch;
            }
        }
    }

    // ---- changes ----------------------------------------------------------------------------------------------------------

    private void CheckPlace(ChangeKey key)
    {
        if (key == _last)
        {
            Fault("doubled", $"two changes at {Spell(key)}");
        }
        else if (key.Ordinal != (key.At == _last.At ? _last.Ordinal + 1 : 0))
        {
            Fault("ordinal", $"the change at {Spell(key)} follows {Spell(_last)}");
        }

        for (; _nextVouch < _vouched.Count && _vouched[_nextVouch].After < key; _nextVouch++)
        {
            _vouchedTo = _vouched[_nextVouch].Last > _vouchedTo ? _vouched[_nextVouch].Last : _vouchedTo;
        }

        if (key > _vouchedTo)
        {
            Fault("unvouched", $"no gatherer vouches for the change at {Spell(key)}");
        }
    }

    /// <summary>The stretch that holds the place becomes the one under way.</summary>
    private void Enter(ChangeKey key)
    {
        if (_isInside && key <= ProductionMarket.EndOf(_market.Stretches[_stretch]))
        {
            return;
        }

        if (_isInside)
        {
            Leave();
            _stretch++;
        }

        for (; _stretch < _market.Stretches.Count && ProductionMarket.EndOf(_market.Stretches[_stretch]) < key; _stretch++)
        {
            Fault("stretch", $"none of the changes from {Spell(_market.Stretches[_stretch].First)} on is there");
        }

        if (_stretch < _market.Stretches.Count && _market.Stretches[_stretch].First <= key)
        {
            EnterStretch(_market.Stretches[_stretch], key);
            return;
        }

        Fault("outside", $"the change at {Spell(key)} belongs to no stretch");
    }

    private void EnterStretch(in ProductionCoverage stretch, ChangeKey key)
    {
        _isInside = true;
        _run = Begin(stretch.FromAt, stretch.ToAt);
        if (stretch.First != key && !IsDropped(stretch.First))
        {
            Fault("stretch", $"stretch {stretch.Number} begins with {Spell(key)} instead of {Spell(stretch.First)}");
        }

        foreach (var snapshot in _market.Snapshots)
        {
            if (snapshot.After.IsNone && snapshot.Number == stretch.Number && !IsDropped(stretch.First))
            {
                audit.Apply(_audited, _run, snapshot.ReceivedAt, snapshot.Yes, snapshot.No);
            }
        }
    }

    private void Leave()
    {
        if (_isInside && _market.Stretches[_stretch] is { ToAt: < long.MaxValue } stretch && stretch.Last != _last)
        {
            Fault("stretch", $"stretch {stretch.Number} ends with {Spell(_last)} instead of {Spell(stretch.Last)}");
        }

        _run = null;
    }

    private Run Begin(long fromAt, long endAt)
    {
        var run = new Run(new EpochAudit(_counts.Stretches), fromAt) { EndAt = endAt };
        if (audit.KeepsChanges)
        {
            _audited.Runs.Add(run);
        }

        return run;
    }

    // ---- snapshots --------------------------------------------------------------------------------------------------------

    /// <summary>Those before the first change of their row wait for it; of a row without changes they are compared among each other.</summary>
    private void FoldBeforeChanges()
    {
        audit.Snapshots += _market.Snapshots.Count;
        var empty = default((int Number, Run Run)?);
        for (; _nextSnapshot < _market.Snapshots.Count && _market.Snapshots[_nextSnapshot] is { After.IsNone: true } snapshot; _nextSnapshot++)
        {
            _audited.HasSnapshot = true;
            if (!_market.Coverage.Exists(row => row.Number == snapshot.Number && row.State == CoverageState.Whole))
            {
                Fault("snapshot", $"the one received {Micros.Format(snapshot.ReceivedAt)} is of coverage row {snapshot.Number}, which is no stretch");
            }
            else if (!_market.Stretches.Exists(stretch => stretch.Number == snapshot.Number))
            {
                empty = empty is { } known && known.Number == snapshot.Number ? known : (snapshot.Number, new Run(new EpochAudit(0), 0));
                audit.Apply(_audited, empty.Value.Run, snapshot.ReceivedAt, snapshot.Yes, snapshot.No);
            }
        }
    }

    private void FoldAfter(ChangeKey key)
    {
        for (; _nextSnapshot < _market.Snapshots.Count && _market.Snapshots[_nextSnapshot] is var snapshot && snapshot.After <= key; _nextSnapshot++)
        {
            if (snapshot.After < key || !_isInside || snapshot.Number != _market.Stretches[_stretch].Number)
            {
                OnStraySnapshot(snapshot);
            }
            else
            {
                audit.Apply(_audited, _run!, snapshot.ReceivedAt, snapshot.Yes, snapshot.No);
            }
        }
    }

    private void OnStraySnapshot(MergedSnapshot snapshot)
    {
        if (!IsDropped(snapshot.After))
        {
            Fault("snapshot", $"the one received {Micros.Format(snapshot.ReceivedAt)} stands after {Spell(snapshot.After)} in row {snapshot.Number}, where no such change is");
        }
    }

    // ---- texts ------------------------------------------------------------------------------------------------------------

    private bool IsDropped(ChangeKey key) => key.At < facts.DroppedBefore;

    private string Name(in VouchRow vouch) => facts.Gatherers.ElementAtOrDefault(vouch.Gatherer) ?? "";

    private static string Spell(ChangeKey key) => key.IsNone ? "nothing" : key == ProductionMarket.End ? "the end" : $"{Micros.Format(key.At)} #{key.Ordinal}";

    private void Fault(string kind, string text)
    {
        var name = tickers.Name(_id);
        audit.AddFault(kind, () => $"{name}: {text}");
    }
}
