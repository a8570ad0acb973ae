using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// Exported Parquet files into a <see cref="BookAt"/>: the coverage of the hours up to the instant, then back from its hour to the
/// covering epoch's last snapshot, and from there forward.
/// </summary>
internal sealed class BookParquetSource
{
    private readonly ParquetHours _hours;
    private readonly BookAt _book;
    private readonly byte[] _ticker;

    private BookParquetSource(ParquetHours hours, BookAt book)
    {
        _hours = hours;
        _book = book;
        _ticker = Encoding.UTF8.GetBytes(book.Ticker);
    }

    public static void Read(string directory, BookAt book)
    {
        var source = new BookParquetSource(new ParquetHours(directory), book);
        var last = Micros.ToDateTime(book.At).ToString("'date='yyyy-MM-dd'/hour='HH", System.Globalization.CultureInfo.InvariantCulture);
        var hours = source._hours.Names.Where(hour => string.CompareOrdinal(hour, last) <= 0).ToArray();
        foreach (var hour in hours.TakeLast(2))
        {
            source.ReadCoverage(hour);
        }

        for (var i = hours.Length - 1; i >= 0; i--)
        {
            if (source.FindSnapshot(hours[i]))
            {
                source.Rebuild(hours[i..]);
                return;
            }
        }
    }

    private void Each(string table, string hour, Action<ParquetReader, int> read)
    {
        foreach (var part in _hours.Parts(table, hour))
        {
            using var reader = new ParquetReader(File.OpenRead(part));
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                read(reader, group);
            }
        }
    }

    private void ReadCoverage(string hour) => Each("coverage", hour, (reader, group) =>
    {
        var tickers = reader.Texts(group, "ticker");
        foreach (var ticker in tickers.Distinct)
        {
            _book.Tickers.GetOrAdd(ticker);
        }

        if (CodeOf(tickers) is not (var code and >= 0))
        {
            return;
        }

        var (channel, state, reason) = (reader.Texts(group, "channel"), reader.Texts(group, "state"), reader.Texts(group, "reason"));
        var (fromAt, toAt, epochId, fromSeq) = (reader.Integers(group, "from_at"), reader.Integers(group, "to_at"), reader.Integers(group, "epoch_id"), reader.Integers(group, "from_seq"));
        for (var i = 0; i < fromAt.Length; i++)
        {
            if (tickers.Codes[i] == code)
            {
                var what = state[i].AsSpan().SequenceEqual("whole"u8) ? CoverageState.Whole : CoverageState.Gap;
                _book.OnCoverage(new Coverage(Of(channel[i]), _book.Ticker, fromAt[i], toAt[i], epochId[i], fromSeq[i], what, Of(reason[i])));
            }
        }
    });

    /// <summary>Whether the hour holds a snapshot to begin with: of the covering epoch, or any when nothing covers the instant.</summary>
    private bool FindSnapshot(string hour)
    {
        var isFound = false;
        Each("orderbook_snapshots", hour, (reader, group) =>
        {
            var tickers = reader.Texts(group, "ticker");
            if (CodeOf(tickers) is not (var code and >= 0))
            {
                return;
            }

            var (receivedAt, epochId) = (reader.Integers(group, "received_at"), reader.Integers(group, "epoch_id"));
            for (var i = 0; i < receivedAt.Length; i++)
            {
                isFound |= tickers.Codes[i] == code && receivedAt[i] <= _book.At && (_book.Cover is not { } cover || cover.EpochId == epochId[i]);
            }
        });
        return isFound;
    }

    private void Rebuild(string[] hours)
    {
        foreach (var hour in hours)
        {
            var events = new List<(long ReceivedAt, Action Emit)>();
            Each("orderbook_snapshots", hour, (reader, group) => ReadSnapshots(reader, group, events));
            Each("orderbook_deltas", hour, (reader, group) => ReadDeltas(reader, group, events));
            foreach (var (_, emit) in events.OrderBy(item => item.ReceivedAt))
            {
                emit();
            }
        }
    }

    private void ReadSnapshots(ParquetReader reader, int group, List<(long, Action)> events)
    {
        var tickers = reader.Texts(group, "ticker");
        if (CodeOf(tickers) is not (var code and >= 0))
        {
            return;
        }

        var (receivedAt, epochId, seq) = (reader.Integers(group, "received_at"), reader.Integers(group, "epoch_id"), reader.Integers(group, "seq"));
        var (yes, no) = ((reader.Lists(group, "yes_prices"), reader.Lists(group, "yes_sizes")), (reader.Lists(group, "no_prices"), reader.Lists(group, "no_sizes")));
        for (var i = 0; i < receivedAt.Length; i++)
        {
            if (tickers.Codes[i] == code)
            {
                var (row, place) = (new RowKey(epochId[i], seq[i], receivedAt[i]), i);
                events.Add((receivedAt[i], () => _book.OnSnapshot(row, ParquetSource.Levels(yes.Item1[place], yes.Item2[place]), ParquetSource.Levels(no.Item1[place], no.Item2[place]))));
            }
        }
    }

    private void ReadDeltas(ParquetReader reader, int group, List<(long, Action)> events)
    {
        var tickers = reader.Texts(group, "ticker");
        if (CodeOf(tickers) is not (var code and >= 0))
        {
            return;
        }

        var side = reader.Texts(group, "side");
        var (receivedAt, epochId, seq) = (reader.Integers(group, "received_at"), reader.Integers(group, "epoch_id"), reader.Integers(group, "seq"));
        var (price, delta) = (reader.Integers(group, "price"), reader.Integers(group, "delta"));
        for (var i = 0; i < receivedAt.Length; i++)
        {
            if (tickers.Codes[i] == code && receivedAt[i] <= _book.At)
            {
                var (row, leg, p, d) = (new RowKey(epochId[i], seq[i], receivedAt[i]), side[i] is [(byte)'y', ..] ? Side.Yes : Side.No, (int)price[i], delta[i]);
                events.Add((receivedAt[i], () => _book.OnDelta(row, leg, p, d)));
            }
        }
    }

    private int CodeOf(TextValues tickers) => Array.FindIndex(tickers.Distinct, ticker => ticker.AsSpan().SequenceEqual(_ticker));

    private static string Of(byte[]? text) => text is null ? "" : Encoding.UTF8.GetString(text);
}
