using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// What the gatherers' stores say of the books, one gatherer after another in any interleaving; each gatherer's own calls come in the
/// order of its received_at. `gatherer`: its index in the configuration, from 0; `market`: the production's id, from 1. One thread.
/// </summary>
internal interface IBookInput
{
    /// <summary>A snapshot; levels ascending by price.</summary>
    void OnSnapshot(int gatherer, int market, long epochId, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no);

    /// <summary>A change; `change.At` is <see cref="Message.Absent"/> when the frame had no stamp.</summary>
    void OnChange(int gatherer, int market, long epochId, in MarketChange change);

    /// <summary>
    /// The market's coverage within the epoch is over: nothing of it was missed up to `coveredTo` (received_at of the epoch's last frame), nothing is known behind it.
    /// It became known at `receivedAt`.
    /// </summary>
    void OnCoverageEnded(int gatherer, int market, long epochId, long coveredTo, long receivedAt, string reason);

    /// <summary>
    /// The epoch is not dense here: a frame of it was rejected, or its rows lack a number. `market` 0: any of its markets may be concerned. What the
    /// epoch says of them before and what it says behind do not belong together.
    /// </summary>
    void OnBroken(int gatherer, int market, long epochId, long receivedAt, string reason);

    /// <summary>The gatherer's store was replaced by one that begins anew: everything open ends.</summary>
    void OnReplaced(int gatherer, long receivedAt);

    /// <summary>Everything the gatherer received up to `receivedAt` has been told.</summary>
    void OnProgress(int gatherer, long receivedAt);

    /// <summary>Whether the others wait for the gatherer: false while it is unreachable or too far behind.</summary>
    void OnPresence(int gatherer, bool isPresent);

    /// <summary>
    /// End of a turn: everything up to `watermark` (µs) was told by every gatherer that is present. Decides what was waiting. True when there is more of that than one turn should
    /// hold: the next turn goes on with it and tells nothing.
    /// </summary>
    bool OnTurn(long watermark);
}
