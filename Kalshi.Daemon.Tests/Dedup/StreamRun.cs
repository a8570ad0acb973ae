using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// One way a script's rows reach the merges: turns of random length, gatherers that are absent for a while and catch up, one that is replaced. With
/// `restarts`, the merges are thrown away between turns now and then, and made again from what they wrote.
/// </summary>
internal sealed class StreamRun
{
    /// <summary>So small that everything is forgotten and recalled all the time.</summary>
    private static readonly WindowBounds Small = new(Span: 2 * Micros.PerSecond, Keep: 4 * Micros.PerSecond, CountMax: 300);
    private static readonly ObjectBounds FewObjects = new(Keep: 10 * Micros.PerSecond, CountMax: 8);

    private readonly StreamScript _script;
    private readonly Random _random;
    private readonly Random? _restarts;
    private readonly Message _message = new();
    private readonly int[] _next;
    private readonly (long From, long To)[] _absences;
    private readonly List<(StreamRow Row, string Instance)>[] _told;
    private readonly List<byte[]> _log = [];
    private StreamMerges _merges;
    private byte[]? _state;

    private StreamRun(StreamScript script, int seed, Random? restarts)
    {
        (_script, _random, _restarts) = (script, new Random(seed), restarts);
        _next = new int[script.Gatherers.Length];
        _told = [.. script.Gatherers.Select(_ => new List<(StreamRow, string)>())];
        _absences = new (long, long)[script.Gatherers.Length];
        _merges = NewMerges();
    }

    public StreamProduction Production { get; } = new();

    /// <summary>What each teller told; a gatherer that was replaced is two.</summary>
    public List<List<(StreamRow Row, string Instance)>> Tellers { get; } = [];

    public int Restarts { get; private set; }

    /// <summary>Everybody is there all the time. `isOrdered`: a turn's rows by received_at, as dedup feeds them; otherwise in any interleaving.</summary>
    public static StreamRun Together(StreamScript script, int seed, bool isOrdered)
    {
        var run = new StreamRun(script, seed, restarts: null);
        run.Play(isOrdered, replacedAt: long.MaxValue);
        return run;
    }

    public static StreamRun WithAbsences(StreamScript script, int seed, Random? restarts = null)
    {
        var run = new StreamRun(script, seed, restarts);
        foreach (ref var absence in run._absences.AsSpan())
        {
            absence.From = StreamScript.Begin + run._random.NextInt64(StreamScript.End - StreamScript.Begin);
            absence.To = absence.From + run._random.NextInt64(StreamScript.End - StreamScript.Begin);
        }

        run.Play(isOrdered: run._random.Next(2) == 0, StreamScript.Begin + run._random.NextInt64(2 * (StreamScript.End - StreamScript.Begin)));
        return run;
    }

    private StreamMerges NewMerges() =>
        new(new MergeSettings(_script.Gatherers.Length, StreamScript.Margin, LagBudget: 0), Production, Production, Small, Small, Small, FewObjects);

    private void Play(bool isOrdered, long replacedAt)
    {
        var watermark = StreamScript.Begin;
        while (!IsOver())
        {
            watermark += 1 + _random.NextInt64(StreamScript.Margin);
            Turn(watermark, isOrdered);
            if (watermark >= replacedAt)
            {
                Replace(_random.Next(_next.Length), watermark);
                replacedAt = long.MaxValue;
            }

            Production.EndTurn();
            if (_restarts is not null)
            {
                Save(_restarts);
            }
        }

        Tellers.AddRange(_told);
    }

    private bool IsOver() => _next.Index().All(next => next.Item == _script.Gatherers[next.Index].Count);

    private void Turn(long watermark, bool isOrdered)
    {
        var queues = new Queue<(StreamRow Row, string Instance)>[_next.Length];
        foreach (var (gatherer, rows) in _script.Gatherers.Index())
        {
            var isAbsent = watermark >= _absences[gatherer].From && watermark < _absences[gatherer].To;
            var upTo = rows.FindIndex(_next[gatherer], row => row.Row.ReceivedAt > watermark) is var end and >= 0 ? end : rows.Count;
            var count = isAbsent ? 0 : upTo - _next[gatherer];
            count = watermark < _absences[gatherer].To + (20 * StreamScript.Margin) ? Math.Min(count, _random.Next(400)) : count;
            queues[gatherer] = new Queue<(StreamRow Row, string Instance)>(rows.GetRange(_next[gatherer], count));
            _next[gatherer] += count;
        }

        while (Array.Exists(queues, queue => queue.Count > 0))
        {
            var gatherer = isOrdered
                ? queues.Index().Where(queue => queue.Item.Count > 0).MinBy(queue => queue.Item.Peek().Row.ReceivedAt).Index
                : _random.Next(queues.Length);
            if (queues[gatherer].TryDequeue(out var told))
            {
                told.Row.Tell(_merges, gatherer, _message);
                _told[gatherer].Add(told);
            }
        }

        foreach (var (gatherer, _) in queues.Index())
        {
            _merges.OnProgress(gatherer, watermark);
        }

        _merges.OnTurn(watermark);
    }

    /// <summary>Another machine takes over, which has told nothing yet and was there for the last rows already.</summary>
    private void Replace(int gatherer, long at)
    {
        _merges.OnReplaced(gatherer, at);
        Tellers.Add(_told[gatherer]);
        _told[gatherer] = [];
        _next[gatherer] = Math.Max(0, _next[gatherer] - _random.Next(100));
    }

    private void Save(Random restarts)
    {
        if (_state is null || restarts.Next(20) == 0)
        {
            _state = Write(_merges.WriteAll);
            _log.Clear();
        }
        else
        {
            _log.Add(Write(_merges.WriteChanges));
        }

        if (restarts.Next(5) == 0)
        {
            Restarts++;
            _merges = NewMerges();
            Read(_state, _merges.ReadAll);
            _log.ForEach(changes => Read(changes, _merges.ReadChanges));
        }
    }

    private static byte[] Write(Action<StateWriter> write)
    {
        var bytes = new MemoryStream();
        using (var writer = new StateWriter(bytes))
        {
            write(writer);
        }

        return bytes.ToArray();
    }

    private static void Read(byte[] bytes, Action<StateReader> read)
    {
        var stream = new MemoryStream(bytes);
        using var reader = new StateReader(stream);
        read(reader);
        Checks.That(stream.Position == stream.Length, "A merge reads all that it wrote.");
    }
}
