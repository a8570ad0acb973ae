using System.Runtime.InteropServices;
using System.Text.Json;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Verify;

/// <summary>A delta the exchange produced.</summary>
/// <param name="Ordinal">Its line in the truth file: the order in which the exchange produced everything.</param>
/// <param name="BookAfter">Hash of the market's book after it.</param>
internal readonly record struct TruthChange(Change Change, int Ordinal, ulong BookAfter);

/// <summary>A snapshot put on some session's stream: the book after the market's first `Position` deltas.</summary>
internal readonly record struct TruthSnapshot(int Position, ulong Hash);

/// <summary>What the exchange produced for one market, in stream order.</summary>
internal sealed class TruthMarket
{
    public Growing<TruthChange> Changes;
    public Growing<TruthSnapshot> Snapshots;

    /// <summary>Null before the first snapshot: nobody was listening yet.</summary>
    public Book? Book;

    /// <summary>Number of deltas before the first snapshot: no run can begin earlier.</summary>
    public int KnownFrom => Snapshots.Count == 0 ? int.MaxValue : Snapshots[0].Position;

    /// <summary>Whether the book with this hash stood after `position` deltas.</summary>
    public bool HasBookAt(int position, ulong hash)
    {
        if (position > KnownFrom && position <= Changes.Count && Changes[position - 1].BookAfter == hash)
        {
            return true;
        }

        // A stream's snapshots come in order.
        for (var i = Snapshots.FirstNotBelow(position, snapshot => snapshot.Position); i < Snapshots.Count && Snapshots[i].Position == position; i++)
        {
            if (Snapshots[i].Hash == hash)
            {
                return true;
            }
        }

        // A closed or unknown market is empty, and the truth need not say so.
        return hash == 0 && position == Changes.Count;
    }
}

/// <summary>
/// The truth file of `simulate --truth`, read once (its format stands in `TruthFile`). One thread; about 40 bytes a delta.
/// </summary>
internal sealed class Truth
{
    public const int LineBytesMax = 64 << 20;

    public readonly TickerTable Tickers = new();
    public readonly List<TruthMarket> Markets = [];

    /// <summary>Trades by hash of trade_id: (hash of all values, line).</summary>
    public readonly Dictionary<UInt128, (UInt128 Values, int Ordinal, int Ticker)> Trades = [];

    /// <summary>Ticker frames by hash of all values: how often.</summary>
    public readonly Dictionary<UInt128, int> TickerFrames = [];

    /// <summary>Lifecycle frames in order: hash of (type, event type, subject), line, and whether they are of the combos' channel.</summary>
    public readonly List<(UInt128 Key, int Ordinal, bool IsCombo)> Lifecycle = [];
    public long Deltas;
    public long Snapshots;
    public long TickerCount;

    /// <summary>Snapshots that are neither the folded book nor an emptied one: the truth contradicts itself.</summary>
    public long Contradictions;
    private readonly List<Level> _yes = [];
    private readonly List<Level> _no = [];
    private readonly TruthLine _line = new();
    private int _ordinal;

    /// <summary>Throws <see cref="SetupException"/> for a file that cannot be read or a line that is no truth line.</summary>
    public static Truth Read(string path)
    {
        var truth = new Truth();
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1, FileOptions.SequentialScan);
            truth.ReadLines(file, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SetupException(ExitCode.InputOutput, $"Cannot read the truth file {path}: {e.Message}");
        }

        return truth;
    }

    private void ReadLines(Stream file, string path)
    {
        var buffer = new byte[1 << 20];
        var used = 0;
        while (true)
        {
            var read = file.Read(buffer.AsSpan(used));
            used += read;
            var rest = buffer.AsSpan(0, used);
            int end;
            while ((end = rest.IndexOf((byte)'\n')) >= 0)
            {
                ReadLine(rest[..end], path);
                rest = rest[(end + 1)..];
            }

            rest.CopyTo(buffer);
            used = rest.Length;
            if (read == 0)
            {
                // A last line without its end: the simulator was killed within it, so it was never produced in full.
                return;
            }

            if (used == buffer.Length)
            {
                Array.Resize(ref buffer, Math.Min(LineBytesMax, buffer.Length * 2));
            }
        }
    }

    private void ReadLine(ReadOnlySpan<byte> text, string path)
    {
        _ordinal++;
        if (text.IsEmpty)
        {
            return;
        }

        _yes.Clear();
        _no.Clear();
        try
        {
            _line.Read(text, _yes, _no);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            throw new SetupException(ExitCode.InputOutput, $"{path} line {_ordinal} is no line of a truth file: {e.Message}");
        }

        switch (_line.Kind)
        {
            case TruthKind.Delta: AddDelta(); break;
            case TruthKind.Snapshot: AddSnapshot(); break;
            case TruthKind.Trade: AddTrade(); break;
            case TruthKind.Ticker: AddTicker(); break;
            case TruthKind.Lifecycle:
                Lifecycle.Add((RowHash.Lifecycle(_line.Type, _line.EventType, _line.Ticker), _ordinal, _line.Type.StartsWith("multivariate"u8)));
                break;
            default: throw new SetupException(ExitCode.InputOutput, $"{path} line {_ordinal} has an unknown kind.");
        }
    }

    private TruthMarket Market(out int id)
    {
        id = Tickers.GetOrAdd(_line.Ticker);
        if (id == Markets.Count)
        {
            Markets.Add(new TruthMarket());
        }

        return Markets[id];
    }

    private void AddDelta()
    {
        var market = Market(out _);
        market.Book?.Apply(_line.Side, _line.Price, _line.Delta);
        market.Changes.Add(new TruthChange(new Change(_line.ExchangeAt, _line.Side, _line.Price, _line.Delta), _ordinal, market.Book?.Hash ?? 0));
        Deltas++;
    }

    private void AddSnapshot()
    {
        var market = Market(out _);
        var yes = CollectionsMarshal.AsSpan(_yes);
        var no = CollectionsMarshal.AsSpan(_no);
        var hash = Book.HashOf(yes, no);
        if (market.Book is { } book && book.Hash != hash && hash != 0)
        {
            Contradictions++;
        }

        if (market.Book?.Hash != hash)
        {
            (market.Book ??= new Book()).Replace(yes, no);
        }

        var snapshot = new TruthSnapshot(market.Changes.Count, hash);
        if (market.Snapshots.Count == 0 || market.Snapshots[market.Snapshots.Count - 1] != snapshot)
        {
            market.Snapshots.Add(snapshot);
        }

        Snapshots++;
    }

    private void AddTrade()
    {
        Market(out var id);
        Trades[RowHash.Text(_line.TradeId)] = (RowHash.Trade(_line.Ticker, _line.Trade with { ExchangeAt = _line.ExchangeAt }), _ordinal, id);
    }

    private void AddTicker()
    {
        Market(out _);
        TickerCount++;
        CollectionsMarshal.GetValueRefOrAddDefault(TickerFrames, RowHash.Ticker(_line.Ticker, _line.ExchangeAt, _line.Values), out _)++;
    }
}
