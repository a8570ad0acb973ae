using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>The union of a market's runs, as production's rows.</summary>
internal sealed class OracleMarket
{
    private readonly Scenario _scenario;
    private readonly MarketTruth _truth;
    private readonly IBookOutput _output;
    private readonly TruthRun[] _runs;
    private readonly List<(int Begin, int End)> _pieces = [];
    private readonly ChangeKey[] _keys;

    /// <summary>The run that was there last, without a change of its own, when all pieces end before it; it makes a stretch without changes.</summary>
    private readonly TruthRun? _quiet;

    public OracleMarket(Scenario scenario, MarketTruth truth, IBookOutput output)
    {
        (_scenario, _truth, _output) = (scenario, truth, output);
        _runs = [.. scenario.RunsByMarket[truth.Id].Where(run => run.HasBook).OrderBy(run => run.Begin)];
        _keys = new ChangeKey[truth.Changes.Count];
        foreach (var run in _runs.Where(run => run.End > run.Begin))
        {
            if (_pieces.Count > 0 && run.Begin <= _pieces[^1].End)
            {
                _pieces[^1] = (_pieces[^1].Begin, Math.Max(_pieces[^1].End, run.End));
            }
            else
            {
                _pieces.Add((run.Begin, run.End));
            }
        }

        _quiet = _runs.OrderBy(run => run.SawClear).ThenBy(run => run.End).LastOrDefault(run => run.End == run.Begin && (_pieces.Count == 0 || run.End > _pieces[^1].End));
    }

    private int QuietNumber => (2 * _pieces.Count) + 1;

    public void Tell()
    {
        TellChanges();
        TellCoverage();
        TellSnapshots();
        TellVouches();
        if (_scenario.IsAltered(_truth.Id))
        {
            _output.OnDisagreement(new Disagreement(_truth.Id, 1, 1, ChangeKey.None, default, 1, default, 0, 1, "held"));
        }
    }

    private void TellChanges()
    {
        var before = ChangeKey.None;
        foreach (var change in _pieces.SelectMany(piece => Enumerable.Range(piece.Begin, piece.End - piece.Begin)))
        {
            var at = _truth.Changes[change].At;
            before = _keys[change] = at == before.At ? before with { Ordinal = before.Ordinal + 1 } : new ChangeKey(at, 0);
            _output.OnChange(_truth.Id, before, _truth.ChangeAt(change, _truth.Changes[change].MadeAt));
        }
    }

    /// <summary>Stretch n has number 2n + 1, the gap behind it 2n + 2.</summary>
    private void TellCoverage()
    {
        if (_quiet is not null)
        {
            var isOpen = _quiet.End == _truth.Changes.Count;
            var at = _truth.Changes.Count == 0 ? _quiet.OpenedAt : _truth.Changes[^1].At;
            _output.OnCoverage(new ProductionCoverage(
                _truth.Id, QuietNumber, CoverageState.Whole, at, isOpen ? long.MaxValue : at, ChangeKey.None, ChangeKey.None, isOpen ? "" : "lost"));
        }

        for (var n = 0; n < _pieces.Count; n++)
        {
            var (first, last) = (_keys[_pieces[n].Begin], _keys[_pieces[n].End - 1]);
            var toAt = n + 1 < _pieces.Count ? _keys[_pieces[n + 1].Begin].At : long.MaxValue;
            var isOpen = toAt == long.MaxValue && _pieces[n].End == _truth.Changes.Count && _quiet is null;
            _output.OnCoverage(new ProductionCoverage(
                _truth.Id, (2 * n) + 1, CoverageState.Whole, first.At, isOpen ? long.MaxValue : last.At, first, isOpen ? ChangeKey.None : last, isOpen ? "" : "lost"));
            if (!isOpen)
            {
                _output.OnCoverage(new ProductionCoverage(_truth.Id, (2 * n) + 2, CoverageState.Gap, last.At, toAt, ChangeKey.None, ChangeKey.None, "lost"));
            }
        }
    }

    private void TellSnapshots()
    {
        for (var n = 0; n < _pieces.Count; n++)
        {
            TellSnapshot(n, _pieces[n].Begin, 0);
        }

        if (_quiet is not null)
        {
            var (yes, no) = _truth.Levels(_quiet.End + (_quiet.SawClear ? 1 : 0));
            _output.OnSnapshot(_truth.Id, QuietNumber, ChangeKey.None, long.MaxValue, yes, no);
        }

        foreach (var item in _scenario.Feeds.SelectMany(feed => feed).Where(item => item.Kind == FeedKind.Snapshot && item.Market == _truth.Id))
        {
            var change = Math.Min(item.Position, _truth.Changes.Count);
            var n = Math.Max(0, _pieces.FindIndex(piece => piece.Begin <= change && change <= piece.End));
            if (_pieces.Count > 0 && _pieces[n].Begin < change && change <= _pieces[n].End)
            {
                TellSnapshot(n, item.Position, item.ReceivedAt);
            }
        }
    }

    private void TellSnapshot(int piece, int position, long receivedAt)
    {
        var (yes, no) = _truth.Levels(position);
        var change = Math.Min(position, _truth.Changes.Count);
        var isOpening = change == _pieces[piece].Begin;
        _output.OnSnapshot(_truth.Id, (2 * piece) + 1, isOpening ? ChangeKey.None : _keys[change - 1], receivedAt, yes, no);
    }

    private void TellVouches()
    {
        var number = 0;
        foreach (var run in _runs.Where(run => run.End > run.Begin))
        {
            var first = _keys[run.Begin];
            _output.OnVouch(new Vouch(_truth.Id, ++number, run.Gatherer, run.EpochId, run.OpenedAt, first with { Ordinal = first.Ordinal - 1 }));
            if (run.IsClosed || run.End < _truth.Changes.Count)
            {
                _output.OnVouchEnded(_truth.Id, number, run.LastAt, _keys[run.End - 1], "ended");
            }
        }
    }
}
