using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Books;

/// <summary>Where a row came from. `EpochId` is the received_at of the epoch's first frame: unique for ever, the same at every re-decode; 0 for frames without seq and for REST.</summary>
internal readonly record struct RowOrigin(long ReceivedAt, int Session, int Sid, long EpochId, long Seq);

/// <summary>What <see cref="Replay"/> finds in a journal, or <see cref="Store.StoreReplay"/> in a store, in journal order. `message` is reused: copy what is kept.</summary>
internal interface IReplaySink
{
    /// <summary>A delta, snapshot, trade, ticker or lifecycle message, by `message.Type`; `frame` holds the bytes that Payload refers to.</summary>
    void OnRow(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame);

    /// <summary>A trade from a REST page; may repeat one from the stream or an earlier page: trade_id tells.</summary>
    void OnBackfilledTrade(in RowOrigin origin, Message message);

    /// <summary>A frame that could not become a row; it stays in the journal. `message.Ticker` is set as far as it was readable.</summary>
    void OnRejected(in RowOrigin origin, Message message, string reason, ReadOnlySpan<byte> frame);

    /// <summary>A frame of a type we do not know: journalled, counted, harmless. A store does not keep the `frame`: then it is empty.</summary>
    void OnUnknown(in RowOrigin origin, ReadOnlySpan<byte> frame);

    /// <summary>An epoch ended (or, at <see cref="Replay.Finish"/>, is still open: EndReason null).</summary>
    void OnEpoch(Epoch epoch);

    /// <summary>
    /// An interval of coverage or of its absence ended. What <see cref="Replay.Finish"/> reports is provisional: open
    /// intervals (ToAt `long.MaxValue`) and trade gaps that wait for their backfill come again when the replay is fed on.
    /// </summary>
    void OnCoverage(in Coverage coverage);

    /// <summary>
    /// The live picture of <see cref="OnCoverage"/>, told at once: an interval began (ToAt `long.MaxValue`), or its end became known, or a gap
    /// turned out empty (ToAt = FromAt). The begin always comes first. (Channel, Ticker, FromAt, EpochId) is its identity; a repair is told
    /// by <see cref="OnCoverage"/> alone.
    /// </summary>
    void OnCoverageChanged(in Coverage coverage)
    {
    }

    /// <summary>An epoch began; comes before its first row.</summary>
    void OnEpochBegan(Epoch epoch)
    {
    }

    /// <summary>A numbered frame that makes no row: an acknowledgement, or an error of the exchange that names a sid.</summary>
    void OnNumberedReply(in RowOrigin origin, Message message)
    {
    }

    /// <summary>`opened` is null when the record could not be read.</summary>
    void OnSessionOpened(long receivedAt, int session, SessionOpened? opened)
    {
    }

    /// <summary>Comes once for each session that was opened, after its epochs have ended.</summary>
    void OnSessionClosed(long receivedAt, int session, string reason)
    {
    }

    /// <summary>A REST page other than a trades backfill (registry, sweeps).</summary>
    void OnRestPage(long receivedAt, RestPage page, ReadOnlySpan<byte> body);

    /// <summary>Only from a store: a numbered trade without a row, because the one that has its trade_id was there first.</summary>
    void OnKnownTrade(in RowOrigin origin)
    {
    }

    /// <summary>Only from a store, which has no pages: a new version of a market, event or series. `item` is reused.</summary>
    void OnObject(ObjectKind kind, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
    }
}
