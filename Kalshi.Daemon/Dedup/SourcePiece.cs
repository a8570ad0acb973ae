using System.Runtime.InteropServices;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Dedup;

/// <summary>An epoch that was over at position `At`; its last row has the number `LastSeq`.</summary>
internal readonly record struct EndedEpoch(long At, long EpochId, long LastSeq, string Reason);

/// <summary>
/// A store's rows behind one position up to another, as of one moment, with what else must be known of them. Filled by one task, then used by the
/// thread of the turns. Buffers are used again.
/// </summary>
internal sealed class SourcePiece(int rowsMax)
{
    private readonly CopyRows _epochs = new();
    private readonly List<EndedEpoch> _ends = [];

    public StoreRange Range { get; } = new(rowsMax);

    /// <summary>known_at or recorded_at, from_at, to_at, epoch_id, channel, state, reason: of channels subscribed to for all markets.</summary>
    public CopyRows Channels { get; } = new();

    /// <summary>first_seen_at, market_id, ticker: those that no piece before had, in order of their ids.</summary>
    public CopyRows Markets { get; } = new();

    /// <summary>known_at, market_id, exchange_id.</summary>
    public CopyRows ExchangeIds { get; } = new();

    /// <summary>Epochs that ended within the piece, in order.</summary>
    public ReadOnlySpan<EndedEpoch> Ends => CollectionsMarshal.AsSpan(_ends);

    /// <summary>The piece holds the rows with `After` &lt; position ≤ `Until`, µs.</summary>
    public long After { get; private set; }

    public long Until { get; private set; }

    /// <summary>first_record_at of the store.</summary>
    public long FirstRecordAt { get; private set; }

    /// <summary>The store's loader stood there when the piece was read.</summary>
    public long Loaded { get; private set; }

    /// <summary>The first piece of another store than that of the piece before.</summary>
    public bool IsReplacing { get; private set; }

    /// <summary>Retention may have dropped rows up to here before they were read; 0: none.</summary>
    public long LostTo { get; set; }

    /// <summary>The epochs under way at `Until`.</summary>
    public List<long> OpenEpochs { get; } = [];

    /// <summary>The largest market id known with this piece.</summary>
    public int LastMarket { get; private set; }

    /// <summary>Of the rows held.</summary>
    public long Bytes => Range.Bytes + Channels.HeldBytes + Markets.HeldBytes + ExchangeIds.HeldBytes;

    /// <summary>Without rows, for now: memory that many needed goes by and by.</summary>
    public void Clear()
    {
        Range.Clear();
        Channels.Clear();
        Markets.Clear();
        ExchangeIds.Clear();
        _epochs.Clear();
    }

    /// <summary>Within one transaction.</summary>
    public async Task ReadAsync(Func<string, CopyRows, Task> copy, SourceProgress progress, StoreFacts facts)
    {
        (After, IsReplacing, FirstRecordAt, Loaded, LostTo) = (progress.Begin(facts), progress.IsReplacedBy(facts), facts.FirstAt, facts.Cursor, 0);
        await Range.ReadAsync(copy, After, progress.Span.End(After, facts.Cursor));
        Until = Range.Until;
        await ReadListAsync(copy, Channels, SelectChannels(After, Until));
        await ReadMarketsAsync(copy, IsReplacing ? 0 : progress.LastMarket);
        await ReadListAsync(copy, ExchangeIds,
            $"select known_at, market_id, exchange_id from kalshid.exchange_ids where known_at > {StoreReader.Spell(After)} and known_at <= {StoreReader.Spell(Until)} order by known_at, market_id");
        await ReadEpochsAsync(copy, progress.OpenEpochsAt(After, IsReplacing));
    }

    private async Task ReadMarketsAsync(Func<string, CopyRows, Task> copy, int known)
    {
        await ReadListAsync(copy, Markets,
            $"select first_seen_at, market_id, ticker from kalshid.markets where market_id > {StoreReader.Spell(known)} and first_seen_at <= {StoreReader.Spell(Until)} order by market_id");
        LastMarket = known;
        for (; Markets.Key != long.MaxValue; Markets.MoveNext())
        {
            LastMarket = Markets.Int32();
            Markets.Bytes();
        }

        Markets.Begin();
        Markets.MoveNext();
    }

    /// <summary>`rows` then stands on the first.</summary>
    private static async Task ReadListAsync(Func<string, CopyRows, Task> copy, CopyRows rows, string select)
    {
        await copy(select, rows);
        rows.Begin();
        rows.MoveNext();
    }

    /// <summary>Which epochs are under way, and which of them are over by the end of the piece. `open`: those under way before it; null: not known.</summary>
    private async Task ReadEpochsAsync(Func<string, CopyRows, Task> copy, IReadOnlyCollection<long>? open)
    {
        _ends.Clear();
        OpenEpochs.Clear();
        if (open is null)
        {
            await copy(StoreEpochs.SelectOpen(After), _epochs);
        }
        else if (open.Count > 0)
        {
            await copy($"select {ReadTables.EpochColumns} from kalshid.epochs where epoch_id in ({string.Join(", ", open.Select(StoreReader.Spell))})", _epochs);
        }
        else
        {
            _epochs.Clear();
        }

        _epochs.Begin();
        _epochs.MoveNext();
        Take(_epochs);
        Take(Range.Epochs);
        _ends.Sort(static (one, other) => (one.At, one.EpochId).CompareTo((other.At, other.EpochId)));
    }

    private void Take(CopyRows rows)
    {
        for (; rows.Key != long.MaxValue; rows.MoveNext())
        {
            var epoch = StoreEpoch.Of(rows, rows.Key, cutBefore: 0);
            if (epoch.EndedAt > Until)
            {
                OpenEpochs.Add(epoch.Id);
            }
            else
            {
                _ends.Add(new EndedEpoch(epoch.EndedAt, epoch.Id, epoch.Told!.LastSeq, epoch.Told.EndReason!));
            }
        }
    }

    /// <summary>An interval is told as open where it began, when more is known of it since, and as it is where that was recorded.</summary>
    private static string SelectChannels(long after, long until)
    {
        var (from, to) = (StoreReader.Spell(after), StoreReader.Spell(until));
        return $"""
            select at, from_at, to_at, epoch_id, channel, state, reason from (
                select known_at as at, from_at, timestamptz 'infinity' as to_at, epoch_id, channel, case state when 'whole' then state else 'gap' end as state, reason, 0 as step
                from kalshid.coverage where market_id = 0 and known_at > {from} and known_at <= {to} and recorded_at > known_at
                union all
                select recorded_at, from_at, to_at, epoch_id, channel, state, reason, 1
                from kalshid.coverage where market_id = 0 and recorded_at > {from} and recorded_at <= {to}
            ) told order by at, channel, from_at, step
            """;
    }
}
