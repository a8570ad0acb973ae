using System.Globalization;
using System.Text;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// Rows of production as dedup writes them, for the functions of people: markets of several stretches, with changes of equal stamps, snapshots
/// between and books that the exchange clears, and gatherers that vouch for parts of it. It knows the answers by folding its own events.
/// </summary>
internal sealed class RandomProduction
{
    public const long Margin = 10 * Micros.PerSecond;

    /// <summary>Stretches of a market lie within some days from here on.</summary>
    public static readonly long Start = Micros.FromDateTime(new DateTime(2026, 11, 20, 0, 0, 0, DateTimeKind.Utc));

    public static readonly string[] Gatherers = ["one", "three", "two"];

    private readonly Random _random;
    private readonly long[] _positions;
    private readonly StringBuilder _sql = new();

    public RandomProduction(Random random, int markets)
    {
        _random = random;
        for (var market = 1; market <= markets; market++)
        {
            Markets.Add(NewMarket(market));
        }

        Watermark = Markets.Max(market => market.Stretches[^1].Events[^1].At) + Micros.PerHour;
        _positions = [Watermark, Watermark - (30 * Micros.PerMinute), Watermark];
        Write();
    }

    public List<Market> Markets { get; } = [];

    public long Watermark { get; }

    /// <summary>Fills an empty production database.</summary>
    public string Sql => _sql.ToString();

    /// <summary>Everything of the market is loaded up to here.</summary>
    public long LoadedTo(Market market) => market.Stretches[^1].IsOpen
        ? Math.Min(Watermark - Margin, market.Stretches.SelectMany(stretch => stretch.Vouches).Max(WatchEnd))
        : Watermark - Margin;

    public long WatchEnd(Vouched vouch)
    {
        var told = Math.Min(vouch.ToAt, _positions[vouch.Gatherer]) - Margin;
        return vouch.ToAt == long.MaxValue ? told : Math.Max(vouch.Last.At, told);
    }

    public static long WatchBegin(Vouched vouch) => Math.Min(vouch.First.At, vouch.FromAt + Margin);

    /// <summary>Names of those that saw the change, in order.</summary>
    public string[] SourcesOf(Stretch stretch, Change change) =>
        [.. stretch.Vouches.Where(vouch => vouch.First.CompareTo(change) <= 0
            && (vouch.ToAt == long.MaxValue ? change.ReceivedAt <= _positions[vouch.Gatherer] : vouch.Last.CompareTo(change) >= 0)).Select(vouch => Gatherers[vouch.Gatherer]).Distinct().Order(StringComparer.Ordinal)];

    private Market NewMarket(int id)
    {
        var market = new Market(id, $"KX-{id}");
        var at = Start + _random.NextInt64(Micros.PerHour);
        var stretches = _random.Next(1, 5);
        for (var number = 1; number <= stretches; number++)
        {
            var stretch = NewStretch((number * 2) - 1, ref at, isOpen: number == stretches && _random.Next(3) > 0);
            market.Stretches.Add(stretch);
            at = stretch.ToAt == long.MaxValue ? at : stretch.ToAt + _random.NextInt64(1, 6 * Micros.PerHour);
        }

        return market;
    }

    private Stretch NewStretch(int number, ref long at, bool isOpen)
    {
        var openedAt = at;
        var book = new SortedDictionary<(char Side, int Price), long>();
        var stretch = new Stretch(number, isOpen);
        for (var i = _random.Next(6); i > 0; i--)
        {
            book[(_random.Next(2) == 0 ? 'y' : 'n', _random.Next(1, 12) * 10_000)] = _random.Next(1, 500);
        }

        stretch.Snapshots.Add(new Snapshot(openedAt, null, new(book)));
        var count = _random.Next(1, 60);
        for (var i = 0; i < count; i++)
        {
            var before = stretch.Changes.Count > 0 ? stretch.Changes[^1] : null;
            var isSame = before is not null && _random.Next(3) == 0;
            at += isSame ? 0 : _random.Next(4) == 0 ? _random.NextInt64(1, Micros.PerHour) : _random.NextInt64(1, Micros.PerSecond);
            var level = (_random.Next(2) == 0 ? 'y' : 'n', _random.Next(1, 12) * 10_000);
            var size = book.GetValueOrDefault(level);
            var delta = size > 0 && _random.Next(2) == 0 ? -size : _random.Next(1, 500);
            var change = new Change(at, isSame ? before!.Ordinal + 1 : 0, at + _random.NextInt64(1, 300_000), level.Item1, level.Item2, delta);
            stretch.Changes.Add(change);
            Apply(book, change);
            if (_random.Next(8) == 0)
            {
                stretch.Snapshots.Add(new Snapshot(change.ReceivedAt + _random.NextInt64(Micros.PerMinute), change, new(book)));
            }

            if (_random.Next(15) == 0 && book.Values.Any(size => size != 0))
            {
                book.Clear();
                stretch.Snapshots.Add(new Snapshot(Math.Max(stretch.Snapshots[^1].ReceivedAt, change.ReceivedAt) + _random.NextInt64(1, Micros.PerMinute), change, new(book)));
                at += _random.NextInt64(1, 2 * Micros.PerMinute);
            }
        }

        stretch.FromAt = Math.Min(openedAt + Margin, stretch.Changes[0].At);
        stretch.ToAt = isOpen ? long.MaxValue : stretch.Changes[^1].At + _random.NextInt64(Micros.PerMinute);
        AddEvents(stretch);
        AddVouches(stretch, openedAt);
        return stretch;
    }

    /// <summary>In order: changes, and where the book was cleared: when that was received, but before the change behind it.</summary>
    private static void AddEvents(Stretch stretch)
    {
        var clears = stretch.Snapshots.Where(snapshot => snapshot is { After: not null, Book.Count: 0 }).ToLookup(snapshot => snapshot.After!);
        for (var i = 0; i < stretch.Changes.Count; i++)
        {
            var change = stretch.Changes[i];
            stretch.Events.Add((change.At, change));
            if (clears[change].FirstOrDefault() is { } clear)
            {
                stretch.Events.Add((i + 1 < stretch.Changes.Count ? Math.Min(clear.ReceivedAt, stretch.Changes[i + 1].At) : clear.ReceivedAt, null));
            }
        }
    }

    /// <summary>One gatherer sees all of it, others parts.</summary>
    private void AddVouches(Stretch stretch, long openedAt)
    {
        var full = _random.Next(Gatherers.Length);
        for (var gatherer = 0; gatherer < Gatherers.Length; gatherer++)
        {
            var first = gatherer == full ? 0 : _random.Next(stretch.Changes.Count);
            var last = gatherer == full ? stretch.Changes.Count - 1 : _random.Next(first, stretch.Changes.Count);
            if (gatherer != full && _random.Next(4) == 0)
            {
                continue;
            }

            while (stretch.Changes[first].Ordinal > 0)
            {
                first--; // an instant is seen from its beginning
            }

            var isOpen = stretch.IsOpen && (gatherer == full || _random.Next(2) == 0);
            stretch.Vouches.Add(new Vouched(
                gatherer, gatherer == full ? openedAt : stretch.Changes[first].At - _random.NextInt64(Micros.PerMinute), isOpen ? long.MaxValue : stretch.Changes[last].ReceivedAt + _random.NextInt64(Micros.PerMinute),
                stretch.Changes[first], stretch.Changes[last]));
        }
    }

    private static void Apply(SortedDictionary<(char Side, int Price), long> book, Change change) =>
        book[(change.Side, change.Price)] = book.GetValueOrDefault((change.Side, change.Price)) + change.Delta;

    private void Write()
    {
        Line($"update kalshid.store set watermark = {At(Watermark)}, margin = '10 seconds'");
        for (var i = 0; i < Gatherers.Length; i++)
        {
            Line($"insert into kalshid.gatherers (gatherer_id, name, first_record_at, position) values ({i}, '{Gatherers[i]}', {At(Start)}, {At(_positions[i])})");
        }

        Line($"select kalshid.make_partitions({At(Start - Micros.PerDay)}, {At(Watermark + Micros.PerDay)})");
        foreach (var market in Markets)
        {
            Line($"insert into kalshid.markets (market_id, ticker, first_seen_at, changed_at) values ({market.Id}, '{market.Ticker}', {At(Start)}, {At(Start)})");
            var vouches = 0;
            for (var i = 0; i < market.Stretches.Count; i++)
            {
                var stretch = market.Stretches[i];
                Line($"insert into kalshid.coverage (market_id, number, state, from_at, to_at, first_at, first_ordinal, last_at, last_ordinal, reason) values ({market.Id}, {stretch.Number}, 'whole', {At(stretch.FromAt)}, {At(stretch.ToAt)}, {Key(stretch.Changes[0])}, {Key(stretch.IsOpen ? null : stretch.Changes[^1])}, '')");
                if (i > 0)
                {
                    Line($"insert into kalshid.coverage (market_id, number, state, from_at, to_at, reason) values ({market.Id}, {stretch.Number - 1}, 'gap', {At(market.Stretches[i - 1].ToAt)}, {At(stretch.FromAt)}, 'nobody was there')");
                }

                WriteStretch(market, stretch, ref vouches);
            }
        }

        Line("analyze kalshid.markets");
    }

    private void WriteStretch(Market market, Stretch stretch, ref int vouches)
    {
        Line($"insert into kalshid.orderbook_deltas (market_id, exchange_at, ordinal, received_at, side, price, delta) values {string.Join(", ", stretch.Changes.Select(change => Format($"({market.Id}, {Key(change)}, {At(change.ReceivedAt)}, '{change.Side}', {change.Price}, {change.Delta})")))}");
        foreach (var snapshot in stretch.Snapshots)
        {
            Line($"insert into kalshid.orderbook_snapshots (received_at, market_id, coverage_number, exchange_at, ordinal, yes_prices, yes_sizes, no_prices, no_sizes) values ({At(snapshot.ReceivedAt)}, {market.Id}, {stretch.Number}, {Key(snapshot.After)}, {Levels(snapshot.Book, 'y')}, {Levels(snapshot.Book, 'n')})");
        }

        foreach (var vouch in stretch.Vouches)
        {
            Line($"insert into kalshid.vouches (market_id, number, gatherer_id, epoch_id, from_at, to_at, after_at, after_ordinal, last_at, last_ordinal) values ({market.Id}, {++vouches}, {vouch.Gatherer}, {At(vouch.FromAt)}, {At(vouch.FromAt)}, {At(vouch.ToAt)}, {At(vouch.First.At)}, {vouch.First.Ordinal - 1}, {Key(vouch.ToAt == long.MaxValue ? null : vouch.Last)})");
        }
    }

    private static string Levels(SortedDictionary<(char Side, int Price), long> book, char side)
    {
        var levels = book.Where(level => level.Key.Side == side && level.Value != 0).ToList();
        return $"'{{{string.Join(',', levels.Select(level => level.Key.Price))}}}', '{{{string.Join(',', levels.Select(level => level.Value))}}}'";
    }

    private static string At(long micros) => StoreReader.Spell(micros);

    private static string Key(Change? change) => change is null ? "null, null" : Format($"{At(change.At)}, {change.Ordinal}");

    private static string Format(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private void Line(FormattableString text) => _sql.Append(Format(text)).Append(";\n");

    private void Line(string text) => _sql.Append(text).Append(";\n");

    internal sealed record Market(int Id, string Ticker)
    {
        public List<Stretch> Stretches { get; } = [];
    }

    internal sealed record Stretch(int Number, bool IsOpen)
    {
        public long FromAt { get; set; }

        public long ToAt { get; set; }

        public List<Change> Changes { get; } = [];

        public List<Snapshot> Snapshots { get; } = [];

        public List<Vouched> Vouches { get; } = [];

        /// <summary>A change, or null: the book is cleared.</summary>
        public List<(long At, Change? Change)> Events { get; } = [];

        /// <summary>The book with everything up to the instant.</summary>
        public List<(string Side, int Price, long Size)> BookAt(long at)
        {
            var book = new SortedDictionary<(char Side, int Price), long>(Snapshots[0].Book);
            foreach (var (_, change) in Events.TakeWhile(item => item.At <= at))
            {
                if (change is null)
                {
                    book.Clear();
                }
                else
                {
                    Apply(book, change);
                }
            }

            return [.. book.Where(level => level.Value != 0).Select(level => (level.Key.Side == 'y' ? "yes" : "no", level.Key.Price, level.Value)).OrderByDescending(level => level)];
        }
    }

    internal sealed record Change(long At, int Ordinal, long ReceivedAt, char Side, int Price, long Delta)
    {
        public int CompareTo(Change other) => (At, Ordinal).CompareTo((other.At, other.Ordinal));
    }

    internal sealed record Snapshot(long ReceivedAt, Change? After, SortedDictionary<(char Side, int Price), long> Book);

    /// <summary>A gatherer saw everything from `First` to `Last`, and to the end while `ToAt` is infinite.</summary>
    internal sealed record Vouched(int Gatherer, long FromAt, long ToAt, Change First, Change Last);
}
