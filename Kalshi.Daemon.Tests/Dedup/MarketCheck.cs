using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>One market of a production, held against the truth and the runs that gatherers had of it.</summary>
internal sealed class MarketCheck
{
    private const int FindingsMax = 5;

    private readonly Scenario _scenario;
    private readonly MarketTruth _truth;
    private readonly MarketProduction _production;
    private readonly TruthRun[] _runs;
    private readonly SoftInstants _soft;

    /// <summary>By row of production: its change of the truth, or −1 where that is not certain.</summary>
    private readonly int[] _changeOf;

    /// <summary>By change of the truth: the stretch that holds it, as its coverage row's number; 0 = none.</summary>
    private readonly int[] _heldBy;
    private List<ProductionCoverage> _stretches = [];

    public MarketCheck(Scenario scenario, MarketTruth truth, MarketProduction production)
    {
        (_scenario, _truth, _production) = (scenario, truth, production);
        _runs = [.. scenario.RunsByMarket[truth.Id]];
        _soft = new SoftInstants(truth, _runs);
        _changeOf = new int[production.Changes.Count];
        Array.Fill(_changeOf, -1);
        _heldBy = new int[truth.Changes.Count];
    }

    public List<Finding> Findings { get; } = [];

    public long Missing { get; private set; }

    public long Sources { get; private set; }

    public long SourcesUntold { get; private set; }

    public void Run()
    {
        if (_scenario.IsAltered(_truth.Id))
        {
            Expect(_production.Disagreements.Count > 0, "the altered change was not noticed");
        }

        if (_scenario.IsStampAltered(_truth.Id))
        {
            return; // The book does not tell which stamp is right.
        }

        CheckOrdinals();
        CheckStretches();
        if (Findings.Count > 0)
        {
            return; // Without places the rest would only repeat it.
        }

        CheckHeld();
        CheckSnapshots();
        CheckCoverage();
        CheckVouches();
        CheckEnd();
    }

    // ---- places -----------------------------------------------------------------------------------------------------------

    private void CheckOrdinals()
    {
        var rows = _production.Changes;
        for (var i = 0; i < rows.Count; i++)
        {
            var expected = i > 0 && rows[i - 1].Key.At == rows[i].Key.At ? rows[i - 1].Key.Ordinal + 1 : 0;
            Expect(rows[i].Key.Ordinal == expected, $"{Text(rows[i].Key)} has not the ordinal {expected}");
        }
    }

    private void CheckStretches()
    {
        _stretches = [.. _production.Coverage.Values.Where(row => row is { State: CoverageState.Whole, First.IsNone: false }).OrderBy(row => row.First)];
        var next = 0;
        for (var i = 0; i < _stretches.Count; i++)
        {
            var stretch = _stretches[i];
            var isOpen = stretch.ToAt == long.MaxValue;
            Expect(!isOpen || i == _stretches.Count - 1, $"stretch {stretch.Number} goes on though another one follows");
            Expect(isOpen == stretch.Last.IsNone, $"stretch {stretch.Number} goes on and has a last change, or neither");
            var begin = _production.FindFirst(stretch.First);
            var end = isOpen ? _production.Changes.Count : _production.FindFirst(stretch.Last) + 1;
            if (begin != next || end <= begin || end > _production.Changes.Count || _production.Changes[begin].Key != stretch.First
                || (!isOpen && _production.Changes[end - 1].Key != stretch.Last))
            {
                Expect(false, $"stretch {stretch.Number} from {Text(stretch.First)} to {Text(stretch.Last)} is not the changes behind the stretch before it");
                return;
            }

            CheckStretch(stretch, begin, end);
            next = end;
        }

        Expect(next == _production.Changes.Count, $"{_production.Changes.Count - next} changes are in no stretch");
    }

    /// <summary>Instant by instant: those in its midst are the truth's, the first one its end, the last one its begin.</summary>
    private void CheckStretch(ProductionCoverage stretch, int begin, int end)
    {
        var before = -1;
        for (var from = begin; from < end && Findings.Count < FindingsMax;)
        {
            var at = _production.Changes[from].Key.At;
            var to = from;
            while (to < end && _production.Changes[to].Key.At == at)
            {
                to++;
            }

            var instant = _truth.FindInstant(at);
            if (instant < 0)
            {
                Expect(false, $"the exchange did nothing at the instant of {Text(_production.Changes[from].Key)}");
                return;
            }

            Expect(before < 0 || instant == before + 1, $"stretch {stretch.Number} holds {Text(_production.Changes[from].Key)} but not {MissingText(before + 1, instant)}");
            CheckInstant(stretch, instant, from, to, isFirst: from == begin, isLast: to == end);
            (before, from) = (instant, to);
        }
    }

    private string MissingText(int fromInstant, int toInstant) =>
        fromInstant < toInstant ? $"the {_truth.BeginOf(toInstant) - _truth.BeginOf(fromInstant)} changes before it from {Text(_truth.KeyOf(_truth.BeginOf(fromInstant)))}" : "in the truth's order";

    private void CheckInstant(ProductionCoverage stretch, int instant, int from, int to, bool isFirst, bool isLast)
    {
        if (_soft.Contains(instant))
        {
            return;
        }

        var (begin, end, count) = (_truth.BeginOf(instant), _truth.EndOf(instant), to - from);
        if (count > end - begin || (count < end - begin && !isFirst && !isLast))
        {
            Expect(false, $"stretch {stretch.Number} holds {count} of the {end - begin} changes of {Text(_truth.KeyOf(begin))}");
            return;
        }

        var place = isFirst && isLast ? FindPiece(stretch, begin, end, from, count) : isFirst ? end - count : begin;
        for (var i = 0; i < count; i++)
        {
            var (key, change) = _production.Changes[from + i];
            var truth = place + i;
            if (!change.IsSame(_truth.ChangeAt(truth, 0)))
            {
                Expect(false, $"{Text(key)} is {Text(change)}, the exchange made {Text(_truth.ChangeAt(truth, 0))} (change {truth})");
                return;
            }

            Expect(_heldBy[truth] == 0, $"change {truth} is held twice, in {_heldBy[truth]} and {stretch.Number}");
            (_heldBy[truth], _changeOf[from + i]) = (stretch.Number, truth);
        }
    }

    /// <summary>A stretch within one instant: where the book it begins with says.</summary>
    private int FindPiece(ProductionCoverage stretch, int begin, int end, int from, int count)
    {
        var opening = _production.Snapshots.LastOrDefault(snapshot => snapshot.Number == stretch.Number && snapshot.After.IsNone);
        for (var place = begin; place + count <= end; place++)
        {
            if (_production.Changes[from].Change.IsSame(_truth.ChangeAt(place, 0)) && (opening is null || _truth.IsBook(place, opening.Yes, opening.No)))
            {
                return place;
            }
        }

        return begin;
    }

    // ---- what must be there -----------------------------------------------------------------------------------------------

    private void CheckHeld()
    {
        var isCovered = new bool[_truth.Changes.Count];
        foreach (var run in _runs.Where(run => run.HasBook))
        {
            Array.Fill(isCovered, true, run.Begin, run.End - run.Begin);
        }

        for (var i = 0; i < isCovered.Length; i++)
        {
            var isSoft = _soft.Contains(_truth.InstantOf(i));
            Expect(isSoft || !isCovered[i] || _heldBy[i] != 0, $"change {i} {Text(_truth.KeyOf(i))} was covered by {Covering(i)} and is not held");
            Expect(_heldBy[i] == 0 || Array.Exists(_runs, run => run.Covers(i)), $"change {i} {Text(_truth.KeyOf(i))} is held, though nobody was told of it");
            Missing += !isSoft && _heldBy[i] == 0 ? 1 : 0;
        }

        for (var instant = 0; instant < _truth.Instants; instant++)
        {
            if (_soft.Contains(instant))
            {
                CheckSoft(instant);
            }
        }
    }

    private string Covering(int change) => string.Join(" and ", _runs.Where(run => run.HasBook && run.Covers(change)));

    private void CheckSoft(int instant)
    {
        var (begin, end) = (_truth.BeginOf(instant), _truth.EndOf(instant));
        var held = HeldAt(_truth.StampOf(instant));
        var most = _soft.Tally(begin, end);
        foreach (var (what, count) in held)
        {
            Expect(count <= most.GetValueOrDefault(what), $"{what} is held {count} times at {Text(_truth.KeyOf(begin))}, the exchange made it {most.GetValueOrDefault(what)} times");
        }

        foreach (var run in _runs.Where(run => run.HasBook))
        {
            foreach (var (what, count) in _soft.Tally(Math.Max(begin, run.Begin), Math.Min(end, run.End)))
            {
                Expect(held.GetValueOrDefault(what) >= count, $"{what} is held {held.GetValueOrDefault(what)} times at {Text(_truth.KeyOf(begin))}, {run} saw it {count} times");
            }
        }
    }

    private Dictionary<(Side, int, long), int> HeldAt(long at)
    {
        var held = new Dictionary<(Side, int, long), int>();
        for (var i = _production.FindFirst(new ChangeKey(at, 0)); i < _production.Changes.Count && _production.Changes[i].Key.At == at; i++)
        {
            var change = _production.Changes[i].Change;
            CollectionsMarshal.GetValueRefOrAddDefault(held, (change.Side, change.Price, change.Delta), out _)++;
        }

        return held;
    }

    // ---- books ------------------------------------------------------------------------------------------------------------

    private void CheckSnapshots()
    {
        foreach (var snapshot in _production.Snapshots)
        {
            var what = $"the snapshot of {snapshot.Number} after {Text(snapshot.After)}";
            if (!_production.Coverage.TryGetValue(snapshot.Number, out var stretch) || stretch.State != CoverageState.Whole)
            {
                Expect(false, $"{what} belongs to no stretch");
                continue;
            }

            Expect(PositionsOf(snapshot, stretch, what).Any(position => _truth.IsBook(position, snapshot.Yes, snapshot.No)), $"{what} is not the exchange's book there");
        }
    }

    /// <summary>Where in the truth it may stand.</summary>
    private IEnumerable<int> PositionsOf(BookOutput.Snapshot snapshot, ProductionCoverage stretch, string what)
    {
        var key = snapshot.After.IsNone ? stretch.First : snapshot.After;
        if (key.IsNone)
        {
            return Enumerable.Range(0, _truth.Changes.Count + 2);
        }

        var row = _production.FindFirst(key);
        if (row == _production.Changes.Count || _production.Changes[row].Key != key)
        {
            Expect(false, $"{what} stands at no change");
            return [];
        }

        if (_changeOf[row] < 0)
        {
            var instant = _truth.FindInstant(key.At);
            return Enumerable.Range(_truth.BeginOf(instant), _truth.EndOf(instant) - _truth.BeginOf(instant) + (_truth.EndOf(instant) == _truth.Changes.Count ? 2 : 1));
        }

        var position = _changeOf[row] + (snapshot.After.IsNone ? 0 : 1);
        Expect(snapshot.After.IsNone || _heldBy[_changeOf[row]] == snapshot.Number, $"{what} stands in another stretch");
        return position == _truth.Changes.Count && _truth.IsCleared ? [position, position + 1] : [position];
    }

    // ---- intervals --------------------------------------------------------------------------------------------------------

    /// <summary>What is missing lies outside of stretches, and within a gap when stretches are on both sides or the market is in one now.</summary>
    private void CheckCoverage()
    {
        foreach (var row in _production.Coverage.Values)
        {
            Expect(row.FromAt <= row.ToAt, $"coverage row {row.Number} ends before it begins");
        }

        var (isBehindStretch, lastHeld) = (false, Array.FindLastIndex(_heldBy, number => number != 0));
        for (var i = 0; i < _heldBy.Length; i++)
        {
            isBehindStretch |= _heldBy[i] != 0;
            if (_heldBy[i] != 0 || _soft.Contains(_truth.InstantOf(i)))
            {
                continue;
            }

            var at = _truth.Changes[i].At;
            foreach (var row in _production.Coverage.Values.Where(row => row.State == CoverageState.Whole && row.FromAt < at && at < row.ToAt))
            {
                Expect(false, $"change {i} {Text(_truth.KeyOf(i))} is not held, though stretch {row.Number} is said to be whole there");
            }

            var isInGap = _production.Coverage.Values.Any(row => row.State != CoverageState.Whole && row.FromAt <= at && at <= row.ToAt);
            Expect(isInGap || !isBehindStretch || (i > lastHeld && IsEdge(at)), $"change {i} {Text(_truth.KeyOf(i))} is neither held nor in a gap");
        }
    }

    /// <summary>Lost behind all that is held: at the very end of the last stretch, where a gap row may begin later by as much as clocks differ.</summary>
    private bool IsEdge(long at) => _production.Coverage.Values.Any(row => row.State != CoverageState.Whole && row.ToAt == long.MaxValue && row.FromAt <= at + _scenario.Recipe.Margin);

    // ---- sources ----------------------------------------------------------------------------------------------------------

    private void CheckVouches()
    {
        var isTold = new HashSet<(int Gatherer, int Row)>();
        foreach (var vouch in _production.Vouches.Values)
        {
            CheckVouch(vouch, isTold);
        }

        for (var row = 0; row < _changeOf.Length; row++)
        {
            if (_changeOf[row] < 0)
            {
                continue;
            }

            foreach (var gatherer in _runs.Where(run => run.HasBook && run.Covers(_changeOf[row])).Select(run => run.Gatherer).Distinct())
            {
                Sources++;
                SourcesUntold += isTold.Contains((gatherer, row)) ? 0 : 1;
            }
        }
    }

    private void CheckVouch(Vouch vouch, HashSet<(int Gatherer, int Row)> isTold)
    {
        var ended = _production.VouchEnds.GetValueOrDefault(vouch.Number);
        var runs = Array.FindAll(_runs, run => run.Gatherer == vouch.Gatherer && run.EpochId == vouch.EpochId);
        Expect(runs.Length > 0, $"vouch {vouch.Number} is of a gatherer that had no such run");
        Expect(ended is not null || Array.Exists(runs, run => !run.IsClosed), $"vouch {vouch.Number} goes on, though the run of gatherer {vouch.Gatherer} is over");
        if (vouch.After.IsNone)
        {
            return; // It opened a stretch and has seen no change: it says nothing of any.
        }

        var last = ended?.Last ?? new ChangeKey(long.MaxValue, 0);
        for (var row = _production.FindFirst(vouch.After); row < _production.Changes.Count && _production.Changes[row].Key <= last; row++)
        {
            if (_production.Changes[row].Key == vouch.After)
            {
                continue;
            }

            isTold.Add((vouch.Gatherer, row));
            var change = _changeOf[row];
            Expect(
                change < 0 || Array.Exists(runs, run => run.Covers(change) || (!run.IsClosed && run.Begin <= change)),
                $"vouch {vouch.Number} of gatherer {vouch.Gatherer} behind {Text(vouch.After)} holds change {change}, which it did not see in that epoch");
        }
    }

    /// <summary>A market that somebody covered is known, and where its book was cleared that is the last thing known of it.</summary>
    private void CheckEnd()
    {
        if (!Array.Exists(_runs, run => run.HasBook))
        {
            return;
        }

        Expect(_production.Coverage.Values.Any(row => row.State == CoverageState.Whole), "it was covered, but there is no stretch");
        if (Array.Exists(_runs, run => run.SawClear) && !IsSoftEnd)
        {
            var last = _production.Snapshots.Where(IsLast).ToList();
            last = last.FindAll(snapshot => snapshot.ReceivedAt >= last.Max(other => other.ReceivedAt) - _scenario.Recipe.Margin); // Clocks do not tell which of these is the last one.
            Expect(last.Count == 0 || last.Exists(snapshot => snapshot.Yes.Length == 0 && snapshot.No.Length == 0), "the exchange cleared the book, and the last snapshot is not empty");
            Expect(last.Count > 0 || _truth.Book(_truth.Changes.Count).IndexOfAnyExcept(0) < 0, "the exchange cleared the book, which no snapshot says");
        }
    }

    private bool IsSoftEnd => _truth.Instants > 0 && _soft.Contains(_truth.Instants - 1);

    private bool IsLast(BookOutput.Snapshot snapshot)
    {
        var key = snapshot.After;
        return _production.Changes.Count == 0 || (!key.IsNone && key == _production.Changes[^1].Key)
            || (key.IsNone && _production.Coverage.TryGetValue(snapshot.Number, out var row) && row.First.IsNone && row.FromAt >= _production.Changes[^1].Key.At);
    }

    private void Expect(bool holds, string sentence, [CallerLineNumber] int kind = 0)
    {
        if (!holds && Findings.Count < FindingsMax)
        {
            Findings.Add(new Finding(_truth.Id, sentence, kind));
        }
    }

    /// <summary>The sentence is made only when it is needed.</summary>
    private void Expect(bool holds, [InterpolatedStringHandlerArgument(nameof(holds))] ref UnlessText sentence, [CallerLineNumber] int kind = 0)
    {
        if (!holds)
        {
            Expect(false, sentence.ToString(), kind);
        }
    }

    private static string Text(ChangeKey key) => ScenarioText.Of(key);

    private static string Text(MarketChange change) => $"{change.Side} {change.Price} {change.Delta:+0;-0}";
}
