using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;

namespace Kalshi.Daemon.Books;

/// <summary>Where a row came from. `EpochId` is the received_at of the epoch's first frame: unique for ever, the same at every re-decode; 0 for frames without seq and for REST.</summary>
internal readonly record struct RowOrigin(long ReceivedAt, int Session, int Sid, long EpochId, long Seq);

/// <summary>A run of dense seq on one (session, sid), with what its frames were: the counts add up to LastSeq − FirstSeq + 1.</summary>
internal sealed class Epoch
{
    public required long EpochId { get; init; }
    public required int Session { get; init; }
    public required int Sid { get; init; }
    public required string Channel { get; init; }
    public required long FirstSeq { get; init; }
    public long LastSeq;

    /// <summary>received_at of the first and of the last frame.</summary>
    public required long FromAt { get; init; }
    public long ToAt;

    public long Deltas;
    public long Snapshots;
    public long Trades;
    public long Lifecycle;

    /// <summary>Acks and sid-scoped errors: numbered, but no rows.</summary>
    public long Acks;
    public long Unknown;
    public long Rejected;

    /// <summary>Null while open; else why it ended: "gap", "session closed: …", "error 25: …", "unsubscribed", "process ended".</summary>
    public string? EndReason;
}

internal enum CoverageState : byte
{
    /// <summary>Every change in the interval is held.</summary>
    Whole,

    /// <summary>Changes in the interval may be missing.</summary>
    Gap,

    /// <summary>A gap that was filled afterwards (trades by REST; books never).</summary>
    Repaired,
}

/// <summary>
/// A market's (or, for global channels, a channel's) interval of coverage or its absence, in received_at µs. For
/// `Whole` book coverage the interval is exact in the stream as well: from the snapshot (FromSeq) to the epoch's last frame.
/// </summary>
/// <param name="Channel">orderbook_delta, trade, market_lifecycle_v2, …</param>
/// <param name="Ticker">Empty for a channel subscribed for all markets.</param>
/// <param name="ToAt">`long.MaxValue` while still open.</param>
internal readonly record struct Coverage(string Channel, string Ticker, long FromAt, long ToAt, long EpochId, long FromSeq, CoverageState State, string Reason);

/// <summary>What <see cref="Replay"/> finds, in journal order. `message` is reused: copy what is kept.</summary>
internal interface IReplaySink
{
    /// <summary>A delta, snapshot, trade, ticker or lifecycle message, by `message.Type`; `frame` holds its bytes (for Payload).</summary>
    void OnRow(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame);

    /// <summary>A trade from a REST page; may repeat one from the stream or an earlier page: trade_id tells.</summary>
    void OnBackfilledTrade(in RowOrigin origin, Message message);

    /// <summary>A frame that could not become a row; it stays in the journal. `message.Ticker` is set as far as it was readable.</summary>
    void OnRejected(in RowOrigin origin, Message message, string reason, ReadOnlySpan<byte> frame);

    /// <summary>A frame of a type we do not know: journalled, counted, harmless.</summary>
    void OnUnknown(in RowOrigin origin, ReadOnlySpan<byte> frame);

    /// <summary>An epoch ended (or, at <see cref="Replay.Finish"/>, is still open: EndReason null).</summary>
    void OnEpoch(Epoch epoch);

    /// <summary>An interval of coverage or of its absence ended (or is still open at Finish).</summary>
    void OnCoverage(in Coverage coverage);

    /// <summary>A REST page other than a trades backfill (registry, sweeps).</summary>
    void OnRestPage(long receivedAt, RestPage page, ReadOnlySpan<byte> body);
}

/// <summary>
/// Journal records → rows with epochs, coverage and gaps: the one place that knows what a frame means in its stream. The
/// same records always give the same rows. One thread.
/// </summary>
internal sealed class Replay
{
    public Replay(IReplaySink sink) => throw new NotImplementedException();

    /// <summary>Feeds the next record; records must come in journal order.</summary>
    public void Feed(in JournalRecord record) => throw new NotImplementedException();

    /// <summary>A damaged range was skipped before the next record: every open epoch ends, their markets have a gap.</summary>
    public void Feed(in Damage damage) => throw new NotImplementedException();

    /// <summary>Reports what is still open. The replay may be fed further afterwards.</summary>
    public void Finish() => throw new NotImplementedException();
}
