using System.Globalization;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Dedup.Reading;

/// <summary>
/// Production's books, read market by market.
/// <b>In</b>: the database. <b>Out</b>: an <see cref="IProductionBooks"/>. <b>Thread</b>: one. <b>Bound</b>: `rowsMax` changes, and the coverage,
/// vouches and snapshots of the markets they are of.
/// </summary>
/// <remarks>
/// Markets are taken together as far as the bound allows, and all of them is read in one short repeatable-read transaction: while dedup goes on,
/// and even corrects what is old, each market is seen as of one moment. A market with more changes is read page by page, by time, in its own transaction.
/// Without an index by market (dedup.market_index) and without compression each piece reads everything.
/// </remarks>
internal sealed class ProductionBooks(StoreReader reader, IProductionBooks books, int rowsMax = ProductionBooks.RowsMax)
{
    public const int RowsMax = 200_000;
    private const int RowsPerSnapshot = 10;
    private const int FirstSpan = 1_000;
    private const string ByKey = " order by market_id, exchange_at, ordinal";

    private readonly CopyRows _rows = new();
    private readonly List<MergedChange> _changes = [];
    private readonly List<(int Market, MergedSnapshot Snapshot)> _snapshots = [];
    private readonly List<ProductionCoverage> _coverage = [];
    private readonly List<(int Market, VouchRow Vouch)> _vouches = [];
    private readonly ProductionMarket _market = new();
    private readonly int _snapshotsMax = Math.Max(1, rowsMax / RowsPerSnapshot);
    private int _openMarket;

    /// <summary>Where the next page of a market begins.</summary>
    private ChangeKey _next;

    public void Read()
    {
        reader.Execute("set jit = off");
        var rows = reader.Copy("select coalesce(max(market_id), 0) from kalshid.markets");
        rows.TryRow();
        var last = rows.Int32();
        var span = (long)FirstSpan;
        for (long after = int.MinValue, next = 0; after < int.MaxValue; after = next)
        {
            var wanted = Math.Max(after, 0) + span;
            next = ReadPiece((int)after, wanted >= last ? int.MaxValue : (int)wanted, out var fill);
            span = fill < 0.4 ? Math.Min(int.MaxValue / 2, span * 2) : fill >= 1 ? Math.Max(1, (next - Math.Max(after, 0)) * 3 / 4) : span;
        }
    }

    /// <summary>Tells markets with after &lt; id ≤ until, as far as the bounds allow, and returns the last of them.</summary>
    private int ReadPiece(int after, int until, out double fill)
    {
        reader.Begin();
        var isPaged = ReadFirstChanges(after, ref until);
        fill = (double)_changes.Count / rowsMax;
        until = ReadSnapshots(after, until);
        fill = Math.Max(fill, (double)_snapshots.Count / _snapshotsMax);
        _changes.RemoveAll(change => change.Market > until);
        ReadCoverage(after, until);
        Tell();
        while (isPaged)
        {
            isPaged = ReadMoreChanges(until);
            _changes.ForEach(change => books.OnChange(change));
        }

        EndMarket();
        reader.End();
        return until;
    }

    /// <summary>True when the piece is one market with more changes than these.</summary>
    private bool ReadFirstChanges(int after, ref int until)
    {
        ReadChanges($"{Within(after, until)}{ByKey}");
        if (_changes.Count < rowsMax)
        {
            return false;
        }

        var last = _changes[^1].Market;
        if (_changes[0].Market == last)
        {
            until = last;
            LeaveLastKey();
            return true;
        }

        until = last - 1;
        _changes.RemoveAll(change => change.Market == last);
        return false;
    }

    private bool ReadMoreChanges(int market)
    {
        var (at, ordinal) = (StoreReader.Spell(_next.At), StoreReader.Spell(_next.Ordinal));
        ReadChanges($" where market_id = {StoreReader.Spell(market)} and (exchange_at, ordinal) >= ({at}, {ordinal}) order by exchange_at, ordinal");
        if (_changes.Count < rowsMax)
        {
            return false;
        }

        LeaveLastKey();
        return true;
    }

    /// <summary>There may be more rows of the last key than were read: they are read with the next page.</summary>
    private void LeaveLastKey()
    {
        _next = _changes[^1].Key;
        var next = _next;
        if (_changes.RemoveAll(change => change.Key == next) == rowsMax)
        {
            throw new SetupException(ExitCode.Failed, $"Production holds {rowsMax} changes of one market and one place: this was not written by kalshid.");
        }
    }

    private void ReadChanges(string condition)
    {
        _changes.Clear();
        reader.Copy($"{ProductionQueries.Select(ProductionQueries.Changes)}{condition} limit {StoreReader.Spell(rowsMax)}", _rows);
        while (_rows.TryRow())
        {
            _changes.Add(ProductionDecoder.Change(_rows, _rows.Time()));
        }
    }

    private int ReadSnapshots(int after, int until)
    {
        const string order = " order by market_id, exchange_at nulls first, ordinal, received_at";
        ReadSnapshots($"{Within(after, until)}{order} limit {StoreReader.Spell(_snapshotsMax)}");
        if (_snapshots.Count < _snapshotsMax)
        {
            return until;
        }

        var last = _snapshots[^1].Market;
        if (_snapshots[0].Market < last)
        {
            _snapshots.RemoveAll(snapshot => snapshot.Market == last);
            return last - 1;
        }

        ReadSnapshots($"{Within(after, last)}{order}");
        return last;
    }

    private void ReadSnapshots(string condition)
    {
        _snapshots.Clear();
        reader.Copy(ProductionQueries.Select(ProductionQueries.Snapshots) + condition, _rows);
        while (_rows.TryRow())
        {
            _snapshots.Add(ProductionDecoder.Snapshot(_rows, _rows.Time()));
        }
    }

    private void ReadCoverage(int after, int until)
    {
        _coverage.Clear();
        _vouches.Clear();
        reader.Copy($"{ProductionQueries.Coverage}{Within(after, until)} order by market_id, number", _rows);
        while (_rows.TryRow())
        {
            _coverage.Add(ProductionDecoder.Coverage(_rows));
        }

        reader.Copy($"{ProductionQueries.Vouches}{Within(after, until)} order by market_id, number", _rows);
        while (_rows.TryRow())
        {
            _vouches.Add(ProductionDecoder.Vouch(_rows));
        }
    }

    /// <summary>Every list is in order of market; a market that is in any of them is told.</summary>
    private void Tell()
    {
        int changes = 0, snapshots = 0, coverage = 0, vouches = 0;
        while (true)
        {
            var market = Math.Min(
                Math.Min(changes < _changes.Count ? _changes[changes].Market : int.MaxValue, snapshots < _snapshots.Count ? _snapshots[snapshots].Market : int.MaxValue),
                Math.Min(coverage < _coverage.Count ? _coverage[coverage].Market : int.MaxValue, vouches < _vouches.Count ? _vouches[vouches].Market : int.MaxValue));
            if (market == int.MaxValue)
            {
                return;
            }

            EndMarket();
            for (; coverage < _coverage.Count && _coverage[coverage].Market == market; coverage++)
            {
                _market.Coverage.Add(_coverage[coverage]);
            }

            for (; vouches < _vouches.Count && _vouches[vouches].Market == market; vouches++)
            {
                _market.Vouches.Add(_vouches[vouches].Vouch);
            }

            for (; snapshots < _snapshots.Count && _snapshots[snapshots].Market == market; snapshots++)
            {
                _market.Snapshots.Add(_snapshots[snapshots].Snapshot);
            }

            _market.Arrange();
            _openMarket = market;
            books.BeginMarket(market, _market);
            for (; changes < _changes.Count && _changes[changes].Market == market; changes++)
            {
                books.OnChange(_changes[changes]);
            }
        }
    }

    /// <summary>The last market of a piece stays open until its pages are told.</summary>
    private void EndMarket()
    {
        if (_openMarket != 0)
        {
            books.EndMarket();
            _market.Clear();
            _openMarket = 0;
        }
    }

    private static string Within(int after, int until) => string.Create(CultureInfo.InvariantCulture, $" where market_id > {after} and market_id <= {until}");
}
