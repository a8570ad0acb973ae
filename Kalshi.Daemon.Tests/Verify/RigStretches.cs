using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Tests.Verify;

/// <summary>One market of a <see cref="ProductionRig"/>: its changes cut into stretches and gaps, as SQL.</summary>
internal sealed class RigStretches
{
    private const string Open = "'infinity'";

    private readonly Random _random;
    private readonly int _market;
    private readonly List<MarketChange> _changes;
    private readonly Book _book = new();
    private int _number;
    private int _vouch;
    private readonly List<string> _rows = [];
    private readonly List<string> _snapshots = [];
    private ChangeKey _last = ChangeKey.None;

    public RigStretches(Random random, int market, List<MarketChange> changes)
    {
        (_random, _market, _changes) = (random, market, changes);
        var endAt = 0L;
        for (var (from, isLast) = (_random.Next(0, 10), false); !isLast;)
        {
            var to = from + _random.Next(15, 40);
            isLast = to >= changes.Count - 20;
            to = isLast ? changes.Count : EndOfInstant(to);
            if (endAt > 0)
            {
                Coverage("gap", endAt, changes[from].At, ChangeKey.None, ChangeKey.None, isLast: false);
            }

            Write(from, to, isLast);
            endAt = changes[to - 1].At;
            from = isLast ? to : EndOfInstant(Math.Min(changes.Count - 5, to + _random.Next(1, 6)));
            isLast |= from >= changes.Count - 5;
        }

        Statements.Add($"insert into kalshid.orderbook_deltas (exchange_at, received_at, delta, market_id, ordinal, price, side) values {string.Join(", ", _rows)}");
        Statements.Add("insert into kalshid.orderbook_snapshots (received_at, market_id, coverage_number, exchange_at, ordinal, yes_prices, yes_sizes, no_prices, no_sizes) "
            + $"select t, m, c, e::timestamptz, o::int4, yp::int4[], ys::int8[], np::int4[], ns::int8[] from (values {string.Join(", ", _snapshots)}) v (t, m, c, e, o, yp, ys, np, ns)");
    }

    public List<string> Statements { get; } = [];

    public long Held { get; private set; }

    /// <summary>So that both sides of a gap begin and end with whole instants.</summary>
    private int EndOfInstant(int index)
    {
        while (index < _changes.Count && _changes[index].At == _changes[index - 1].At)
        {
            index++;
        }

        return index;
    }

    private void Write(int from, int to, bool isLast)
    {
        var keys = new ChangeKey[to - from];
        for (var i = from; i < to; i++)
        {
            var key = new ChangeKey(_changes[i].At, _last.At == _changes[i].At ? _last.Ordinal + 1 : 0);
            keys[i - from] = _last = key;
            var change = _changes[i];
            _rows.Add($"('{At(change.At)}', '{At(change.ReceivedAt)}', {change.Delta}, {_market}, {key.Ordinal}, {change.Price}, '{(change.Side == Side.Yes ? 'y' : 'n')}')");
        }

        Held += keys.Length;
        var number = Coverage("whole", _changes[from].At, isLast ? long.MaxValue : _changes[to - 1].At, keys[0], isLast ? ChangeKey.None : keys[^1], isLast);
        FoldTo(from);
        Snapshot(number, ChangeKey.None, _changes[from].ReceivedAt - 1);
        for (var i = from; i < to; i++)
        {
            FoldTo(i + 1);
            if (_random.Next(8) == 0)
            {
                Snapshot(number, keys[i - from], _changes[i].ReceivedAt + 1);
            }
        }

        var middle = _random.Next(keys.Length);
        var before = new ChangeKey(keys[0].At, keys[0].Ordinal - 1);
        Vouch(0, before, isLast ? ChangeKey.None : keys[^1], isLast);
        Vouch(1, _random.Next(2) == 0 ? before : keys[middle], keys[^1], isOpen: false);
    }

    private int _folded;

    private void FoldTo(int count)
    {
        for (; _folded < count; _folded++)
        {
            _book.Apply(_changes[_folded].Side, _changes[_folded].Price, _changes[_folded].Delta);
        }
    }

    private int Coverage(string state, long fromAt, long toAt, ChangeKey first, ChangeKey last, bool isLast)
    {
        Statements.Add($"insert into kalshid.coverage (market_id, number, state, from_at, to_at, first_at, first_ordinal, last_at, last_ordinal, reason) values "
            + $"({_market}, {++_number}, '{state}', '{At(fromAt)}', '{At(toAt)}', {Key(first)}, {Key(last)}, '{(isLast ? "" : "disconnected")}')");
        return _number;
    }

    private void Snapshot(int number, ChangeKey after, long receivedAt) => _snapshots.Add(
        $"(timestamptz '{At(receivedAt)}', {_market}, {number}, {Key(after)}, {Levels(_book.Yes, _book.YesCount)}, {Levels(_book.No, _book.NoCount)})");

    private void Vouch(int gatherer, ChangeKey after, ChangeKey last, bool isOpen) => Statements.Add(
        $"insert into kalshid.vouches (market_id, number, gatherer_id, epoch_id, from_at, to_at, after_at, after_ordinal, last_at, last_ordinal) values "
        + $"({_market}, {++_vouch}, {gatherer}, '{At(ProductionRig.Start)}', '{At(after.At)}', {(isOpen ? Open : $"'{At(last.At + 90_000)}'")}, {Key(after)}, {Key(last)})");

    private static string Key(ChangeKey key) => key.IsNone ? "null, null" : $"'{At(key.At)}', {key.Ordinal}";

    private static string Levels(Func<int, Level> levels, int count)
    {
        var held = Enumerable.Range(0, count).Select(levels).ToArray();
        return $"'{{{string.Join(',', held.Select(level => level.Price))}}}', '{{{string.Join(',', held.Select(level => level.Quantity))}}}'";
    }

    private static string At(long at) => ProductionRig.At(at);
}
