using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// One market's book at an instant of receive time (from production: of the exchange's time), and whether it is known: covered means that an interval of coverage holds
/// the instant, and then the book is that interval's last snapshot before it and every delta since. One thread.
/// </summary>
internal sealed class BookAt(string ticker, long at)
{
    private readonly Dictionary<long, Rebuilt> _epochs = [];

    public string Ticker => ticker;

    public long At => at;

    /// <summary>Intervals of the market's coverage and gaps, as far as they were read.</summary>
    public List<Coverage> Coverages { get; } = [];

    /// <summary>Every ticker met, for "did you mean".</summary>
    public TickerTable Tickers { get; } = new();

    /// <summary>How far the source was read, when it was not read to its end; an open interval reaches at least there.</summary>
    public long ReadTo { get; set; }

    /// <summary>Whether this comes from production: intervals are stretches, their numbers stand for epochs, the place of a change for its seq, and the exchange's time for receive time.</summary>
    public bool IsMerged { get; init; }

    /// <summary>From production: names of the gatherers that saw the last change, sorted.</summary>
    public IReadOnlyList<string> Sources { get; set; } = [];

    /// <summary>The interval that holds the instant; null = not covered.</summary>
    public Coverage? Cover => Find(CoverageState.Whole);

    /// <summary>The book of the covering epoch, or else the last one known before the instant; null when there is none.</summary>
    public Rebuilt? Book => Cover is { } cover ? _epochs.GetValueOrDefault(cover.EpochId) : _epochs.Values.MaxBy(book => book.ChangedAt);

    /// <summary>A book in the making: its snapshot, and how many deltas came after it.</summary>
    public sealed class Rebuilt
    {
        public readonly Book Book = new();
        public long SnapshotAt;
        public long SnapshotSeq;
        public long Deltas;
        public long ChangedAt;
    }

    public void OnSnapshot(in RowKey row, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        if (row.ReceivedAt > at)
        {
            return;
        }

        if (!_epochs.TryGetValue(row.EpochId, out var rebuilt))
        {
            _epochs.Add(row.EpochId, rebuilt = new Rebuilt());
        }

        rebuilt.Book.Replace(yes, no);
        (rebuilt.SnapshotAt, rebuilt.SnapshotSeq, rebuilt.Deltas, rebuilt.ChangedAt) = (row.ReceivedAt, row.Seq, 0, row.ReceivedAt);
    }

    /// <summary>Deltas of an epoch before its snapshot belong to no known book.</summary>
    public void OnDelta(in RowKey row, Side side, int price, long delta)
    {
        if (row.ReceivedAt <= at && _epochs.TryGetValue(row.EpochId, out var rebuilt))
        {
            rebuilt.Book.Apply(side, price, delta);
            rebuilt.Deltas++;
            rebuilt.ChangedAt = row.ReceivedAt;
        }
    }

    /// <summary>A change behind the instant, and before the epoch's snapshot that was told last: it is taken back.</summary>
    public void OnLaterDelta(long epochId, Side side, int price, long delta)
    {
        var rebuilt = _epochs[epochId];
        rebuilt.Book.Apply(side, price, -delta);
        rebuilt.Deltas++;
    }

    public void OnCoverage(in Coverage coverage)
    {
        if (coverage.Channel == "orderbook_delta" && coverage.Ticker == ticker)
        {
            Coverages.Add(coverage);
        }
    }

    /// <summary>One sentence: covered by what, or not and why.</summary>
    public string Statement()
    {
        if (Cover is { } stretch && IsMerged)
        {
            return Book is not { } rebuilt ? $"not known: stretch {stretch.EpochId} has no snapshot yet" : $"covered: stretch {stretch.EpochId}, snapshot {(rebuilt.SnapshotSeq < 0 ? "before its first change" : $"after {Micros.Format(rebuilt.SnapshotAt)} #{rebuilt.SnapshotSeq}")} "
                + $"and {Text.Count(rebuilt.Deltas)} changes from there; whole from {Micros.Format(stretch.FromAt)} to {(stretch.ToAt < long.MaxValue ? Micros.Format(stretch.ToAt) : $"at least {Micros.Format(ReadTo)}")}"
                + (Sources.Count == 0 ? "" : $"; seen by {string.Join(", ", Sources)}");
        }

        if (Cover is { } cover)
        {
            var book = Book!;
            return $"covered: epoch {Micros.Format(cover.EpochId)}, snapshot received {Micros.Format(book.SnapshotAt)} (seq {book.SnapshotSeq}) "
                + $"and {Text.Count(book.Deltas)} deltas since; whole from {Micros.Format(cover.FromAt)} to {End(cover.ToAt)}";
        }

        if (Find(CoverageState.Gap) is { } gap)
        {
            return $"not covered: gap from {Micros.Format(gap.FromAt)} to {End(gap.ToAt)}, {gap.Reason}";
        }

        var first = Coverages.Where(c => c.State == CoverageState.Whole && c.FromAt > at).Select(c => c.FromAt).DefaultIfEmpty(0).Min();
        return first > 0 ? $"not covered: coverage begins {Micros.Format(first)}"
            : Coverages.Count == 0 ? "not covered: there is no snapshot of this market up to then"
            : $"not covered: coverage ended {Micros.Format(Coverages.Where(c => c.State == CoverageState.Whole).Max(c => c.ToAt))}";
    }

    /// <summary>Ends of gaps are covered, their inside is not; where intervals meet, coverage wins.</summary>
    private Coverage? Find(CoverageState state)
    {
        foreach (var coverage in Coverages)
        {
            if (coverage.State == state && coverage.FromAt <= at && at <= coverage.ToAt)
            {
                return coverage;
            }
        }

        return null;
    }

    private string End(long end) => end < long.MaxValue ? Micros.Format(end) : $"at least {Micros.Format(Math.Max(ReadTo, at))}";
}
