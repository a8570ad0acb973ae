using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// A truth of the streams, what each of N gatherers receives of it, and what production must hold then. Clocks and delays differ by no more than the margin.
/// A told row names what it is an instance of: production holds as many as the teller that has most of them.
/// </summary>
internal sealed class StreamScript
{
    public const long Margin = Micros.PerSecond;
    public const long Begin = 1_790_000_000 * Micros.PerSecond;
    public const long End = Begin + (2 * Micros.PerMinute);

    private const int Markets = 4;

    private readonly Random _random;
    private readonly double _loss;
    private readonly List<(StreamRow Row, string Instance)> _truth = [];

    public StreamScript(Random random, int gatherers)
    {
        _random = random;
        _loss = random.Next(3) * 0.15;
        AddTrades();
        AddTickers();
        AddLifecycle();
        Gatherers = [.. Enumerable.Range(0, gatherers).Select(_ => Receive())];
        for (var market = 1; market <= Markets * 3; market++)
        {
            AddObjects(market);
        }

        foreach (var rows in Gatherers)
        {
            rows.Sort((left, right) => left.Row.ReceivedAt.CompareTo(right.Row.ReceivedAt));
        }
    }

    /// <summary>By gatherer: what it tells, in order of received_at.</summary>
    public List<(StreamRow Row, string Instance)>[] Gatherers { get; }

    /// <summary>How many rows production must hold of each instance, when each of `tellers` has told its rows.</summary>
    public static SortedDictionary<string, int> Expect(IEnumerable<IEnumerable<(StreamRow Row, string Instance)>> tellers)
    {
        var expected = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var counts in tellers.Select(rows => rows.CountBy(row => row.Instance)))
        {
            foreach (var (instance, count) in counts)
            {
                var most = instance.StartsWith("trade", StringComparison.Ordinal) || instance.StartsWith("object", StringComparison.Ordinal) ? 1 : count;
                expected[instance] = Math.Max(expected.GetValueOrDefault(instance), most);
            }
        }

        return expected;
    }

    /// <summary>The same of what production holds: a row of the messages without a stamp is of the cluster that it was received in.</summary>
    public static SortedDictionary<string, int> Count(IEnumerable<StreamRow> rows) =>
        new(rows.CountBy(InstanceOf).ToDictionary(), StringComparer.Ordinal);

    private static string InstanceOf(StreamRow row) => row.StreamKind switch
    {
        StreamKind.Trade => $"trade {row.Content}",
        StreamKind.Ticker => $"ticker {row.Market} {row.Content} {row.At}",
        StreamKind.Lifecycle => $"lifecycle {row.Market} {row.Content} {(row.ReceivedAt - Begin + (4 * Margin)) / (8 * Margin)}",
        _ => $"object {row.Market} {row.Content}",
    };

    private void AddTrades()
    {
        for (var at = Begin; at < End; at += _random.Next(400_000))
        {
            _truth.Add((new StreamRow(StreamKind.Trade, _random.Next(1, Markets + 1), at, 0, $"t{at - Begin}"), ""));
        }
    }

    /// <summary>Few values, stamps cut to milliseconds, bursts: many are equal in all but where they stand.</summary>
    private void AddTickers()
    {
        for (var at = Begin; at < End; at += _random.Next(4) == 0 ? 0 : _random.Next(300_000))
        {
            at -= at % Micros.PerMillisecond;
            _truth.Add((new StreamRow(StreamKind.Ticker, _random.Next(1, Markets + 1), at, 0, $"{_random.Next(3)}"), ""));
        }
    }

    /// <summary>Clusters of equal messages, a quarter of the margin long, eight margins apart.</summary>
    private void AddLifecycle()
    {
        for (var at = Begin; at < End; at += 8 * Margin)
        {
            for (var count = _random.Next(12); count > 0; count--)
            {
                var content = $"{{\"is_deactivated\":{_random.Next(2)}}}";
                _truth.Add((new StreamRow(StreamKind.Lifecycle, _random.Next(1, Markets + 1), at + _random.NextInt64(Margin / 4), 0, content), ""));
            }
        }
    }

    private List<(StreamRow Row, string Instance)> Receive()
    {
        var skew = _random.NextInt64(Margin / 4);
        var rows = new List<(StreamRow, string)>();
        foreach (var (row, _) in _truth)
        {
            var receivedAt = row.At + skew + _random.NextInt64(Margin / 4);
            if (row.StreamKind == StreamKind.Trade && _random.Next(5) == 0)
            {
                // Missed, and told by a REST page later, with a stamp that says more.
                rows.Add(Named(row with { ReceivedAt = receivedAt + _random.NextInt64(20 * Margin), Flag = true }));
            }
            else if (_random.NextDouble() >= _loss)
            {
                var at = row.StreamKind == StreamKind.Trade ? row.At - (row.At % Micros.PerMillisecond) : row.At;
                rows.Add(Named(row with { At = at, ReceivedAt = receivedAt }));
                if (row.StreamKind == StreamKind.Trade && _random.Next(20) == 0)
                {
                    rows.Add(Named(row with { At = at, ReceivedAt = receivedAt + 1 }));
                }
            }
        }

        return rows;
    }

    private static (StreamRow Row, string Instance) Named(StreamRow row) => (row, InstanceOf(row));

    /// <summary>Versions that each gatherer may or may not see, by message at once or by sweep while they last.</summary>
    private void AddObjects(int market)
    {
        var version = 0;
        for (var at = Begin + _random.NextInt64(10 * Margin); at < End; version++)
        {
            var next = at + (4 * Margin) + _random.NextInt64(30 * Margin);
            foreach (var rows in Gatherers)
            {
                var delay = _random.Next(2) == 0 ? _random.NextInt64(Margin / 2) : _random.NextInt64(next - at - (2 * Margin));
                if (_random.Next(4) > 0)
                {
                    rows.Add(Named(new StreamRow(StreamKind.Object, market, Message.Absent, at + delay, $"{{\"version\":{version},\"volume\":7}}")));
                }
            }

            at = next;
        }
    }
}
