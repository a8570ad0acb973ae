using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Books;

/// <summary>
/// Turns gaps of the trade channel into `Repaired` once REST pages cover them.
/// <b>In</b>: the trade ledger's coverage, stream trades, backfill pages. <b>Out</b>: coverage rows. <b>Thread</b>: the replay's.
/// <b>Bound</b>: <see cref="PendingMax"/> gaps, <see cref="WalksMax"/> walks. <b>When full</b>: the oldest gap is reported as the
/// gap it is; the oldest walk is forgotten.
/// </summary>
/// <remarks>
/// Gaps are intervals of receive time, walks of exchange time. Trades that were lost came after the last one received before
/// the gap, and before the stream began again; so a walk must reach from the former to the latter. A walk proves nothing about
/// trades made after its first page was asked for.
/// </remarks>
internal sealed class TradeBackfills(CoverageOutput output)
{
    public const int PendingMax = 1_024;
    public const int WalksMax = 256;

    private readonly List<PendingGap> _pending = [];
    private readonly List<Walk> _walks = [];

    /// <summary>Exchange time of the newest trade of the stream; `Message.Absent` before the first.</summary>
    private long _newestTradeAt = Message.Absent;

    /// <summary>Whether some pending gap still waits for the first trade after it.</summary>
    private bool _awaitsTrade;

    /// <summary>What the trade ledger emits.</summary>
    public void OnCoverage(in Coverage coverage)
    {
        if (coverage.State != CoverageState.Gap || coverage.ToAt == long.MaxValue)
        {
            output(coverage);
            return;
        }

        var gap = new PendingGap(coverage, _newestTradeAt, Message.Absent);
        if (IsCovered(gap))
        {
            output(coverage with { State = CoverageState.Repaired });
            return;
        }

        if (_pending.Count == PendingMax)
        {
            output(_pending[0].Gap);
            _pending.RemoveAt(0);
        }

        _pending.Add(gap);
        _awaitsTrade = true;
    }

    /// <summary>A trade came over the stream.</summary>
    public void OnTrade(long exchangeAt)
    {
        if (_awaitsTrade)
        {
            NoteFirstAfter(exchangeAt);
        }

        _newestTradeAt = Math.Max(_newestTradeAt, exchangeAt);
    }

    /// <summary>A page of a walk; `isReadable` when its status was 200 and every trade of it was decoded.</summary>
    public void OnPage(RestPage page, long receivedAt, bool isReadable)
    {
        var index = _walks.FindLastIndex(walk => walk.FromAt == page.FromAt && walk.ToAt == page.ToAt && !walk.IsComplete);
        if (!page.Path.Contains("cursor=", StringComparison.Ordinal))
        {
            if (index >= 0)
            {
                _walks.RemoveAt(index);
            }
            else if (_walks.Count == WalksMax)
            {
                _walks.RemoveAt(0);
            }

            index = _walks.Count;
            _walks.Add(new Walk(page.FromAt, page.ToAt, receivedAt, IsComplete: false));
        }

        if (index < 0)
        {
            return;
        }

        // An error page is asked for again by the gatherer; an unreadable trade is not, so the walk proves nothing.
        if (!isReadable && page.Status == 200)
        {
            _walks.RemoveAt(index);
        }
        else if (page.Last && page.Status == 200)
        {
            _walks[index] = _walks[index] with { IsComplete = true };
            Settle();
        }
    }

    /// <summary>Pages may have been lost: walks under way prove nothing.</summary>
    public void OnBreak() => _walks.RemoveAll(walk => !walk.IsComplete);

    /// <summary>Reports the gaps that no walk has covered yet; they stay pending.</summary>
    public void Report()
    {
        foreach (var pending in _pending)
        {
            output(pending.Gap);
        }
    }

    private void NoteFirstAfter(long exchangeAt)
    {
        for (var i = 0; i < _pending.Count; i++)
        {
            if (_pending[i].NextTradeAt == Message.Absent)
            {
                _pending[i] = _pending[i] with { NextTradeAt = exchangeAt };
            }
        }

        _awaitsTrade = false;
        Settle();
    }

    private void Settle()
    {
        foreach (var repaired in _pending.FindAll(IsCovered))
        {
            output(repaired.Gap with { State = CoverageState.Repaired });
            _pending.Remove(repaired);
        }
    }

    private bool IsCovered(PendingGap pending)
    {
        var reach = pending.LastTradeAt == Message.Absent ? pending.Gap.FromAt : pending.LastTradeAt;
        var needed = pending.NextTradeAt == Message.Absent ? pending.Gap.ToAt : Math.Min(pending.Gap.ToAt, pending.NextTradeAt);
        var isWalked = false;
        foreach (var walk in _walks.Where(walk => walk.IsComplete).OrderBy(walk => walk.FromAt))
        {
            if (walk.FromAt <= reach)
            {
                reach = Math.Max(reach, Math.Min(walk.ToAt, walk.BegunAt));
                isWalked = true;
            }
        }

        return isWalked && reach >= needed;
    }

    public void Save(StateWriter writer)
    {
        writer.Write(_newestTradeAt);
        writer.Write(_pending.Count);
        foreach (var (gap, lastTradeAt, nextTradeAt) in _pending)
        {
            writer.WriteReason(gap.Channel);
            writer.WriteReason(gap.Reason);
            writer.Write(gap.FromAt);
            writer.Write(gap.ToAt);
            writer.Write(lastTradeAt);
            writer.Write(nextTradeAt);
        }

        writer.Write(_walks.Count);
        foreach (var (fromAt, toAt, begunAt, isComplete) in _walks)
        {
            writer.Write(fromAt);
            writer.Write(toAt);
            writer.Write(begunAt);
            writer.Write(isComplete);
        }
    }

    public void Load(StateReader reader)
    {
        _newestTradeAt = reader.ReadInt64();
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            var (channel, reason) = (reader.ReadReason()!, reader.ReadReason()!);
            var gap = new Coverage(channel, "", reader.ReadInt64(), reader.ReadInt64(), 0, 0, CoverageState.Gap, reason);
            _pending.Add(new PendingGap(gap, reader.ReadInt64(), reader.ReadInt64()));
        }

        _awaitsTrade = _pending.Exists(gap => gap.NextTradeAt == Message.Absent);
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            _walks.Add(new Walk(reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadBoolean()));
        }
    }

    /// <summary>A gap with the exchange times of the stream's trades around it.</summary>
    private readonly record struct PendingGap(Coverage Gap, long LastTradeAt, long NextTradeAt);

    /// <summary>A walk over REST pages, newest trade first, of an interval of exchange time.</summary>
    private readonly record struct Walk(long FromAt, long ToAt, long BegunAt, bool IsComplete);
}
