namespace Kalshi.Daemon.Store;

/// <summary>
/// A store's rows of one range of positions, every table's on its own. Buffers are used again. `rowsMax` bounds every table lower than
/// <see cref="ReadTable.RowsMax"/> does.
/// </summary>
internal sealed class StoreRange(int rowsMax = int.MaxValue)
{
    public readonly CopyRows Deltas = new(), Snapshots = new(), Trades = new(), Tickers = new(), Lifecycle = new(), Others = new(), Rejected = new();
    public readonly CopyRows Epochs = new(), Coverage = new(), Markets = new(), Events = new(), Series = new();

    /// <summary>In the order they are read: the one most likely to cut the range comes first.</summary>
    private (ReadTable Table, CopyRows Rows)[] Tables =>
    [
        (ReadTables.Deltas, Deltas), (ReadTables.Tickers, Tickers), (ReadTables.Trades, Trades), (ReadTables.Snapshots, Snapshots),
        (ReadTables.Others, Others), (ReadTables.Lifecycle, Lifecycle), (ReadTables.Rejected, Rejected), (ReadTables.Epochs, Epochs),
        (ReadTables.Coverage, Coverage), (ReadTables.Markets, Markets), (ReadTables.Events, Events), (ReadTables.Series, Series),
    ];

    /// <summary>The range is `After` &lt; position ≤ `Until`, µs.</summary>
    public long After { get; private set; }

    public long Until { get; private set; }

    /// <summary>How full the fullest table is: 1 = it cut the range.</summary>
    public double Fill { get; private set; }

    /// <summary>Of the rows held.</summary>
    public long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (var (_, rows) in Tables)
            {
                bytes += rows.HeldBytes;
            }

            return bytes;
        }
    }

    /// <summary>The first position with anything but a delta (epochs aside); `long.MaxValue` when there is none left.</summary>
    public long NextButDeltas
    {
        get
        {
            var next = Math.Min(Math.Min(Tickers.Key, Trades.Key), Math.Min(Snapshots.Key, Others.Key));
            next = Math.Min(next, Math.Min(Math.Min(Lifecycle.Key, Rejected.Key), Coverage.Key));
            return Math.Min(next, Math.Min(Math.Min(Markets.Key, Events.Key), Series.Key));
        }
    }

    /// <summary>Epoch of the frame at the position; 0 when there is none.</summary>
    public long EpochAt(long at)
    {
        ReadOnlySpan<CopyRows> withEpoch = [Deltas, Trades, Snapshots, Others, Lifecycle, Rejected];
        foreach (var rows in withEpoch)
        {
            if (rows.Key == at && rows.PeekTime(0) is var epochId and not 0)
            {
                return epochId;
            }
        }

        return 0;
    }

    public void Clear()
    {
        foreach (var (_, rows) in Tables)
        {
            rows.Clear();
        }
    }

    /// <summary>Reads as much of the range as the tables' bounds allow, and at least one position that has rows.</summary>
    public void Read(StoreReader reader, long after, long until) => ReadAsync((select, rows) =>
    {
        reader.Copy(select, rows);
        return Task.CompletedTask;
    }, after, until).GetAwaiter().GetResult();

    /// <summary>As <see cref="Read"/>; `copy` fills the buffer with the answer to a select.</summary>
    public async Task ReadAsync(Func<string, CopyRows, Task> copy, long after, long until)
    {
        (After, Until, Fill) = (after, until, 0);
        foreach (var (table, rows) in Tables)
        {
            var limit = Math.Min(rowsMax, table.RowsMax);
            await copy(table.Select(After, Until, limit), rows);
            Fill = Math.Max(Fill, (double)rows.Count / limit);
            if (rows.Count >= limit)
            {
                await CutAsync(copy, table, rows);
            }
        }

        foreach (var (_, rows) in Tables)
        {
            rows.Begin(Until);
            rows.MoveNext();
        }
    }

    /// <summary>Of the last position there may be more rows than were read: it is left for the next range, or read alone.</summary>
    private async Task CutAsync(Func<string, CopyRows, Task> copy, ReadTable table, CopyRows rows)
    {
        if (rows.FirstKey < rows.LastKey)
        {
            Until = rows.LastKey - 1;
            return;
        }

        Until = rows.LastKey;
        await copy(table.Select(After, Until, limit: null), rows);
    }
}
