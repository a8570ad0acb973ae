using System.Runtime.InteropServices;

namespace Kalshi.Daemon.Books;

/// <summary>A stream's open coverage on one sid: since when, and from which seq.</summary>
internal readonly record struct Cover(long FromAt, long FromSeq);

internal delegate void CoverageOutput(in Coverage coverage);

/// <summary>
/// Coverage of one channel's streams: of each market by its dense id, or of the whole channel as id 0. A stream may be
/// covered on two sids at once; a gap is what no sid covers. One thread.
/// <code>
///   sid A   ├───── Whole ─────┤                        ├── Whole ──┤
///   sid B                            ├── Whole ──┤
///   rows                      └ Gap ─┘           └ Gap ┘
/// </code>
/// The `Whole` rows are the claim; `Gap` rows are derived from them as they become known.
/// </summary>
/// <param name="channel">The name rows carry.</param>
/// <param name="tickers">What the ids mean; null for a whole channel.</param>
/// <param name="earliestElsewhere">Since when another sid covers the stream (called only when one does).</param>
/// <param name="output">Final rows, and what the reports tell.</param>
/// <param name="changes">Every begin and end at once, see <see cref="IReplaySink.OnCoverageChanged"/>.</param>
internal sealed class CoverageLedger(
    string channel, TickerTable? tickers, Func<CoverageLedger, int, long> earliestElsewhere, CoverageOutput output,
    CoverageOutput changes)
{
    private Track[] _tracks = [];

    public string Channel => channel;

    /// <summary>A snapshot (or, for a global channel, the first frame): coverage begins unless this sid has it already.</summary>
    public void Open(ReplaySid sid, int id, long fromAt, long fromSeq)
    {
        if (!sid.Covers.TryAdd(id, new Cover(fromAt, fromSeq)))
        {
            return;
        }

        ref var track = ref TrackOf(id);
        if (track.OpenCount++ == 0 && track.Reason is not null)
        {
            EndGap(id, track.CoveredTo, fromAt, track.Reason);
        }

        Change(id, fromAt, long.MaxValue, sid.Epoch!.EpochId, fromSeq, CoverageState.Whole, "");
    }

    /// <summary>We dropped the stream from the sid. If it was in a gap already, that gap ends here and another, deliberate one begins.</summary>
    public void Drop(ReplaySid sid, int id, long at, string reason)
    {
        Close(sid, id, at, reason);
        ref var track = ref TrackOf(id);
        if (track.OpenCount > 0 || track.Reason is null)
        {
            return;
        }

        if (track.Reason != reason)
        {
            // A gap that began after `at` has never been: it is taken back.
            EndGap(id, track.CoveredTo, at, track.Reason);
            track.CoveredTo = Math.Max(track.CoveredTo, at);
            track.Reason = reason;
            Change(id, track.CoveredTo, long.MaxValue, 0, 0, CoverageState.Gap, reason);
        }

        track.IsDeliberate = true;
    }

    /// <summary>Coverage on this sid ended; `toAt` is the last received_at it is certain of.</summary>
    public void Close(ReplaySid sid, int id, long toAt, string reason)
    {
        if (!sid.Covers.Remove(id, out var cover))
        {
            return;
        }

        toAt = Math.Max(toAt, cover.FromAt);
        Emit(id, cover.FromAt, toAt, sid.Epoch!.EpochId, cover.FromSeq, CoverageState.Whole, "");
        Change(id, cover.FromAt, toAt, sid.Epoch.EpochId, cover.FromSeq, CoverageState.Whole, "");
        ref var track = ref TrackOf(id);
        track.CoveredTo = Math.Max(track.CoveredTo, toAt);
        track.Reason = reason;
        track.IsDeliberate = false;
        if (--track.OpenCount == 0)
        {
            Change(id, track.CoveredTo, long.MaxValue, 0, 0, CoverageState.Gap, reason);
        }
        else if (earliestElsewhere(this, id) is var earliest && earliest > track.CoveredTo)
        {
            Change(id, track.CoveredTo, long.MaxValue, 0, 0, CoverageState.Gap, reason);
            EndGap(id, track.CoveredTo, earliest, reason);
        }
    }

    public void CloseAll(ReplaySid sid, long toAt, string reason)
    {
        foreach (var id in InOrder(sid))
        {
            Close(sid, id, toAt, reason);
        }
    }

    /// <summary>Reports this sid's open coverage without closing it.</summary>
    public void ReportOpen(ReplaySid sid)
    {
        foreach (var id in InOrder(sid))
        {
            var cover = sid.Covers[id];
            Emit(id, cover.FromAt, long.MaxValue, sid.Epoch!.EpochId, cover.FromSeq, CoverageState.Whole, "");
        }
    }

    /// <summary>Reports the streams nobody covers any more, except those that we dropped ourselves.</summary>
    public void ReportOpenGaps()
    {
        for (var id = 0; id < _tracks.Length; id++)
        {
            ref var track = ref _tracks[id];
            if (track is { OpenCount: 0, Reason: not null, IsDeliberate: false })
            {
                Emit(id, track.CoveredTo, long.MaxValue, 0, 0, CoverageState.Gap, track.Reason);
            }
        }
    }

    /// <summary>Ids in ascending order: what a dictionary yields depends on its history, rows must not.</summary>
    private static int[] InOrder(ReplaySid sid)
    {
        int[] ids = [.. sid.Covers.Keys];
        Array.Sort(ids);
        return ids;
    }

    private ref Track TrackOf(int id)
    {
        if (id >= _tracks.Length)
        {
            Array.Resize(ref _tracks, Math.Max(id + 1, Math.Max(16, _tracks.Length * 2)));
        }

        return ref _tracks[id];
    }

    private void EndGap(int id, long fromAt, long toAt, string reason)
    {
        Change(id, fromAt, Math.Max(fromAt, toAt), 0, 0, CoverageState.Gap, reason);
        if (toAt > fromAt)
        {
            Emit(id, fromAt, toAt, 0, 0, CoverageState.Gap, reason);
        }
    }

    private void Change(int id, long fromAt, long toAt, long epochId, long fromSeq, CoverageState state, string reason) =>
        changes(new Coverage(channel, MarketOf(id), fromAt, toAt, epochId, fromSeq, state, reason));

    private void Emit(int id, long fromAt, long toAt, long epochId, long fromSeq, CoverageState state, string reason) =>
        output(new Coverage(channel, MarketOf(id), fromAt, toAt, epochId, fromSeq, state, reason));

    private CoveredMarket MarketOf(int id) => tickers is null ? default : new CoveredMarket(tickers, id);

    public void Save(StateWriter writer)
    {
        var used = _tracks.Length;
        while (used > 0 && _tracks[used - 1] is { OpenCount: 0, Reason: null })
        {
            used--;
        }

        writer.Write(used);
        foreach (ref readonly var track in _tracks.AsSpan(0, used))
        {
            writer.Write(track.CoveredTo);
            writer.Write(track.OpenCount);
            writer.WriteReason(track.Reason);
            writer.Write(track.IsDeliberate);
        }
    }

    public void Load(StateReader reader)
    {
        _tracks = new Track[reader.ReadInt32()];
        foreach (ref var track in _tracks.AsSpan())
        {
            track.CoveredTo = reader.ReadInt64();
            track.OpenCount = reader.ReadInt32();
            track.Reason = reader.ReadReason();
            track.IsDeliberate = reader.ReadBoolean();
        }
    }

    private struct Track
    {
        /// <summary>End of the coverage closed last, or where the reason of the gap after it changed.</summary>
        public long CoveredTo;

        /// <summary>Why that ended; null while the stream was never covered.</summary>
        public string? Reason;
        public int OpenCount;
        public bool IsDeliberate;
    }
}
