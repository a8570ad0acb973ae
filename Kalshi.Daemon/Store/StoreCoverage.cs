using System.Text;
using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Store;

/// <summary>
/// Intervals of coverage out of a store, as a replay tells them: those that ended, where it became known; and those that were open at a
/// position, when asked. One thread.
/// </summary>
/// <remarks>
/// A row is written when its interval begins (known_at) and again when something more is known of it (recorded_at). So what was
/// open at a position is what was known by then and told later. Gaps of the trade channel are told as a replay does: not when they
/// end but at every finish, until a backfill repairs them; whether one that was repaired since had ended by then shows in the
/// coverage that begins where it ends.
/// </remarks>
internal sealed class StoreCoverage(IReplaySink sink, StoreTickers tickers)
{
    /// <summary>Intervals told by one record.</summary>
    private readonly List<Coverage> _told = [];

    /// <summary>What stood open at the position, and trade gaps that might still be repaired.</summary>
    public static string SelectOpen(long at) => Columns.Replace("{at}", StoreReader.Spell(at), StringComparison.Ordinal);

    private const string Columns = """
        select known_at, from_at, to_at, epoch_id, from_seq, market_id, channel, state, reason,
            channel = 'trade' and state <> 'whole' and to_at < 'infinity' and (recorded_at <= {at} or exists (
                select from kalshid.coverage whole
                where whole.market_id = it.market_id and whole.channel = it.channel and whole.state = 'whole' and whole.from_at = it.to_at and whole.known_at <= {at}))
        from kalshid.coverage it
        where known_at <= {at} and (to_at = 'infinity' or recorded_at > {at} or (market_id = 0 and channel = 'trade' and state = 'gap'))
        order by market_id, channel, from_at, epoch_id
        """;

    /// <summary>Takes the rows at a position and tells those that its frame ended; what its own epoch covered is told after the frame.</summary>
    public void TellBefore(CopyRows rows, long at, long ownEpochId)
    {
        for (; rows.Key == at; rows.MoveNext())
        {
            _told.Add(Read(rows));
        }

        foreach (var coverage in _told)
        {
            if (coverage.EpochId != ownEpochId || ownEpochId == 0)
            {
                sink.OnCoverage(coverage);
            }
        }

        _told.RemoveAll(coverage => coverage.EpochId != ownEpochId || ownEpochId == 0);
    }

    public void TellAfter()
    {
        foreach (var coverage in _told)
        {
            sink.OnCoverage(coverage);
        }

        _told.Clear();
    }

    /// <summary>Tells the answer to <see cref="SelectOpen"/>.</summary>
    public void TellOpen(CopyRows rows)
    {
        for (rows.MoveNext(); rows.Key != long.MaxValue; rows.MoveNext())
        {
            var coverage = Read(rows);
            var hasEnded = rows.Bool() == 1;
            if (coverage.State == CoverageState.Whole)
            {
                sink.OnCoverage(coverage with { ToAt = long.MaxValue });
            }
            else if (hasEnded ? coverage.ToAt > coverage.FromAt : coverage.Reason != "deleted")
            {
                sink.OnCoverage(coverage with { State = CoverageState.Gap, ToAt = hasEnded ? coverage.ToAt : long.MaxValue });
            }
        }
    }

    /// <summary>The column `state`.</summary>
    public static CoverageState StateOf(ReadOnlySpan<byte> text) => text switch { [(byte)'w', ..] => CoverageState.Whole, [(byte)'g', ..] => CoverageState.Gap, _ => CoverageState.Repaired };

    private Coverage Read(CopyRows rows)
    {
        var (fromAt, toAt, epochId, fromSeq) = (rows.Time(), rows.Time(), rows.Time(0), rows.Int64(0));
        var ticker = tickers.Name(rows.Int32());
        var channel = Text(rows);
        var state = StateOf(rows.Bytes());
        return new Coverage(channel, ticker, fromAt, toAt, epochId, fromSeq, state, Text(rows));
    }

    /// <summary>Few different ones.</summary>
    private static string Text(CopyRows rows) => string.Intern(Encoding.UTF8.GetString(rows.Bytes()));
}
