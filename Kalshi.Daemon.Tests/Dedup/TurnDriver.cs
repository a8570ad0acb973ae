using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// Tells a merge what the gatherers' stores hold, turn by turn, as <see cref="IBookInput"/> documents it, and commits each turn to a production in memory together with
/// the merge's memory. It may die before or after a commit and goes on from what production holds.
/// </summary>
internal sealed class TurnDriver
{
    private const long Second = 1_000_000;

    private readonly Scenario _scenario;
    private readonly MergeMaker _maker;
    private readonly Func<BookOutput, BookOutput?>? _alter;
    private readonly TextWriter? _trace;
    private readonly int _tracedMarket;
    private readonly Random _random;
    private readonly TurnOrder _order;
    private readonly List<(long From, long To)>[] _absences;
    private readonly List<byte[]> _memoryLog = [];
    private byte[]? _memoryState;
    private IBookInput _merge = null!;
    private BookOutputLog _output = null!;

    /// <summary>Committed with production: what is fed of each gatherer, how far it is told, and who is present.</summary>
    private Position[] _positions;
    private long _watermark = long.MinValue;

    private record struct Position(int Next, long ToldTo, bool IsPresent);

    /// <param name="plan">Seed of turns, interleavings and kills: another one, another order of arrival.</param>
    /// <param name="trace">Where truth, calls and outputs of `tracedMarket` (0: all) are printed.</param>
    public TurnDriver(Scenario scenario, MergeMaker maker, int plan, TurnOrder order, Func<BookOutput, BookOutput?>? alter = null, TextWriter? trace = null, int tracedMarket = 0)
    {
        (_scenario, _maker, _alter, _trace, _tracedMarket, _order) = (scenario, maker, alter, trace, tracedMarket, order);
        _random = new Random(plan);
        _positions = new Position[scenario.Feeds.Length];
        _absences = [.. scenario.Feeds.Select((_, gatherer) => Absences(gatherer))];
    }

    public BookProduction Production { get; } = new();

    public int Restarts { get; private set; }

    public long Told { get; private set; }

    private long EndAt => TruthGenerator.StartAt + _scenario.Recipe.Duration;

    public void Run()
    {
        Start();
        var now = TruthGenerator.StartAt - (5 * Second);
        var lastAt = _scenario.Feeds.SelectMany(feed => feed).Select(item => item.ReceivedAt).DefaultIfEmpty(EndAt).Max();
        var pace = _random.Next(3) switch { 0 => Second / 2, 1 => 3 * Second, _ => 20 * Second };
        while (now < lastAt)
        {
            now += 1 + _random.NextInt64(pace);
            Turn(now);
        }

        // Everybody comes back, and time goes on without a row.
        var settledAt = now + (3 * (_scenario.Recipe.LagBudget + _scenario.Recipe.Margin));
        while (now < settledAt || Array.Exists(_positions, position => !position.IsPresent))
        {
            now += Math.Max(Second, _scenario.Recipe.Margin / 2);
            Turn(now);
            settledAt = Array.Exists(_positions, position => !position.IsPresent) ? Math.Max(settledAt, now + (2 * _scenario.Recipe.Margin)) : settledAt;
        }
    }

    private List<(long From, long To)> Absences(int gatherer)
    {
        var absences = new List<(long, long)>();
        if (_order == TurnOrder.OneAfterAnother)
        {
            absences.Add((0, EndAt + (((gatherer + _random.Next(2)) % 4 * 60) * Second)));
            return absences;
        }

        for (var left = _scenario.Recipe.Absences; left > 0; left--)
        {
            if (_random.NextDouble() < left)
            {
                var from = TruthGenerator.StartAt + _random.NextInt64(-10 * Second, _scenario.Recipe.Duration);
                absences.Add((from, from + _random.NextInt64(_scenario.Recipe.Duration / 2)));
            }
        }

        return absences;
    }

    private void Start()
    {
        _output = new BookOutputLog(_alter);
        _merge = _maker(_scenario, new MergeSettings(_scenario.Recipe.Gatherers, _scenario.Recipe.Margin, _scenario.Recipe.LagBudget), _output, Production);
        var memory = (IMergeMemory)_merge;
        if (_memoryState is not null)
        {
            Read(_memoryState, memory.ReadAll);
        }

        foreach (var changes in _memoryLog)
        {
            Read(changes, memory.ReadChanges);
        }

        if (_merge is BookMerge books && Restarts > 0)
        {
            Restore(books);
        }

        for (var gatherer = 0; gatherer < _positions.Length; gatherer++)
        {
            _merge.OnPresence(gatherer, _positions[gatherer].IsPresent);
        }
    }

    /// <summary>The recent changes are not in the memory: production has them.</summary>
    private void Restore(BookMerge books)
    {
        foreach (var truth in _scenario.Markets)
        {
            var changes = Production.Market(truth.Id).Changes;
            for (var row = Production.Market(truth.Id).FindFirst(new ChangeKey(books.RecentFrom, 0)); row < changes.Count; row++)
            {
                books.Restore(truth.Id, changes[row].Key, changes[row].Change);
            }
        }

        books.EndRestore();
    }

    private static void Read(byte[] bytes, Action<StateReader> read)
    {
        using var stream = new MemoryStream(bytes);
        using var reader = new StateReader(stream);
        read(reader);
        if (stream.Position != stream.Length)
        {
            throw new InvalidDataException($"The merge read {stream.Position} of its {stream.Length} bytes.");
        }
    }

    private static byte[] Written(Action<StateWriter> write)
    {
        using var stream = new MemoryStream();
        using (var writer = new StateWriter(stream))
        {
            write(writer);
        }

        return stream.ToArray();
    }

    private void Turn(long now)
    {
        var dies = _random.NextDouble() < _scenario.Recipe.KillShare / 4;
        var isCommitted = _random.Next(2) == 0;
        var (positions, watermark) = (_positions.ToArray(), _watermark);
        Tell(now);
        if (dies && !isCommitted)
        {
            (_positions, _watermark) = (positions, watermark);
            Restart("before its commit");
            return;
        }

        TraceOutputs();
        Production.Apply(_output.Entries);
        _output.Entries.Clear();
        if (_scenario.Recipe.KillShare > 0)
        {
            Remember();
        }

        if (dies)
        {
            Restart("behind its commit");
        }
    }

    private void Remember()
    {
        var memory = (IMergeMemory)_merge;
        if (_memoryLog.Count > 0 && _random.Next(12) == 0)
        {
            _memoryState = Written(memory.WriteAll);
            _memoryLog.Clear();
        }
        else
        {
            _memoryLog.Add(Written(memory.WriteChanges));
        }
    }

    private void Restart(string when)
    {
        _trace?.WriteLine($"-- killed {when}");
        Restarts++;
        Start();
    }

    private void Tell(long now)
    {
        var until = new long[_positions.Length];
        for (var gatherer = 0; gatherer < until.Length; gatherer++)
        {
            until[gatherer] = Until(gatherer, now);
        }

        var present = Enumerable.Range(0, until.Length).Where(gatherer => _positions[gatherer].IsPresent).ToArray();
        foreach (var gatherer in InOrder(until))
        {
            TellItem(gatherer, _scenario.Feeds[gatherer][_positions[gatherer].Next++]);
        }

        for (var gatherer = 0; gatherer < until.Length; gatherer++)
        {
            if (until[gatherer] > _positions[gatherer].ToldTo)
            {
                _positions[gatherer].ToldTo = until[gatherer];
                Trace($"progress of {gatherer} to {until[gatherer]}");
                _merge.OnProgress(gatherer, until[gatherer]);
            }

            if (!_positions[gatherer].IsPresent && until[gatherer] == now)
            {
                SetPresence(gatherer, true);
            }
        }

        _watermark = present.Length > 0 ? Math.Max(_watermark, now) : Math.Max(_watermark, until.Max());
        Trace($"turn to {_watermark}");
        _merge.OnTurn(_watermark);
    }

    /// <summary>How far the gatherer's rows are told in this turn; who was away comes back in pieces.</summary>
    private long Until(int gatherer, long now)
    {
        ref var position = ref _positions[gatherer];
        if (IsAbsent(gatherer, now))
        {
            if (position.IsPresent)
            {
                SetPresence(gatherer, false);
            }

            return position.ToldTo;
        }

        if (position.IsPresent || _random.Next(3) == 0)
        {
            return now;
        }

        return Math.Min(now, Math.Max(position.ToldTo, TruthGenerator.StartAt - (10 * Second)) + _random.NextInt64(60 * Second));
    }

    private bool IsAbsent(int gatherer, long now) => _absences[gatherer].Exists(absence => absence.From <= now && now < absence.To);

    private void SetPresence(int gatherer, bool isPresent)
    {
        _positions[gatherer].IsPresent = isPresent;
        Trace($"gatherer {gatherer} is {(isPresent ? "present" : "absent")}");
        _merge.OnPresence(gatherer, isPresent);
    }

    /// <summary>Whose row is next, until all are told.</summary>
    private IEnumerable<int> InOrder(long[] until)
    {
        while (true)
        {
            var ready = Enumerable.Range(0, until.Length).Where(gatherer => HasRow(gatherer, until[gatherer])).ToArray();
            if (ready.Length == 0)
            {
                yield break;
            }

            if (_order == TurnOrder.ByReceivedAt)
            {
                yield return ready.MinBy(gatherer => _scenario.Feeds[gatherer][_positions[gatherer].Next].ReceivedAt);
                continue;
            }

            var chosen = ready[_random.Next(ready.Length)];
            for (var count = _random.Next(1, 30); count > 0 && HasRow(chosen, until[chosen]); count--)
            {
                yield return chosen;
            }
        }
    }

    private bool HasRow(int gatherer, long until) =>
        _positions[gatherer].Next < _scenario.Feeds[gatherer].Count && _scenario.Feeds[gatherer][_positions[gatherer].Next].ReceivedAt <= until;

    private void TellItem(int gatherer, in FeedItem item)
    {
        Told++;
        if (_trace is not null && (_tracedMarket == 0 || item.Market == _tracedMarket || item.Market == 0))
        {
            _trace.WriteLine($"{gatherer}: {ScenarioText.Of(_scenario, item)}");
        }

        switch (item.Kind)
        {
            case FeedKind.Snapshot:
                var (yes, no) = _scenario.Market(item.Market).Levels(item.Position);
                _merge.OnSnapshot(gatherer, item.Market, item.EpochId, item.ReceivedAt, yes, no);
                break;
            case FeedKind.Change:
                _merge.OnChange(gatherer, item.Market, item.EpochId, ChangeOf(item));
                break;
            case FeedKind.CoverageEnded:
                _merge.OnCoverageEnded(gatherer, item.Market, item.EpochId, item.CoveredTo, item.ReceivedAt, item.Reason);
                break;
            case FeedKind.Broken:
                _merge.OnBroken(gatherer, item.Market, item.EpochId, item.ReceivedAt, item.Reason);
                break;
            case FeedKind.Replaced:
                _merge.OnReplaced(gatherer, item.ReceivedAt);
                break;
        }
    }

    private MarketChange ChangeOf(in FeedItem item)
    {
        var truth = _scenario.Market(item.Market);
        var change = truth.ChangeAt(item.Position, item.ReceivedAt);
        return change with
        {
            At = truth.Changes[item.Position].IsUnstamped ? Message.Absent : change.At + item.AlteredAt,
            Delta = change.Delta + item.AlteredDelta,
        };
    }

    private void TraceOutputs()
    {
        if (_trace is null)
        {
            return;
        }

        foreach (var entry in _output.Entries.Where(entry => _tracedMarket == 0 || entry.Market == _tracedMarket))
        {
            _trace.WriteLine($"    => {ScenarioText.Of(entry)}");
        }
    }

    private void Trace(string sentence) => _trace?.WriteLine($"-- {sentence}");
}
