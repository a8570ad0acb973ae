using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// What the merge of the books decides, to be written to production in this order, all of a turn in one transaction. Rows of
/// <see cref="OnCoverage"/>, <see cref="OnVouch"/> and <see cref="OnDisagreement"/> replace the earlier one of the same (market, number). One thread.
/// </summary>
internal interface IBookOutput
{
    /// <summary>The next change of a market's stream. `receivedAt`: the earliest.</summary>
    void OnChange(int market, ChangeKey key, in MarketChange change);

    /// <summary>
    /// The market's book after the change `after`, within coverage row `number`; <see cref="ChangeKey.None"/>: as it stood before the first change of that row. Of two at
    /// one place the later received one counts: an empty one is how the exchange clears a closed market's book, without changes.
    /// </summary>
    void OnSnapshot(int market, int number, ChangeKey after, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no);

    void OnCoverage(in ProductionCoverage coverage);

    void OnCoverageRemoved(int market, int number);

    void OnVouch(in Vouch vouch);

    /// <summary>The vouch `number` holds up to and including `last` (<see cref="ChangeKey.None"/>: it saw no change), and its gatherer watched until `toAt` (received_at).</summary>
    void OnVouchEnded(int market, int number, long toAt, ChangeKey last, string reason);

    void OnDisagreement(in Disagreement disagreement);

    // ---- rare, about rows that may be in production already: they take effect between the rows told before and after ----

    /// <summary>
    /// Changes of the market at the instant whose ordinal is in [first, first + count) get an ordinal greater by `by`; so does what refers to them: snapshots, first and
    /// last of coverage rows, `Last` of vouches, and `After` of vouches from first − 1 on.
    /// </summary>
    void OnRenumbered(int market, long at, int first, int count, int by);

    /// <summary>Coverage row `number` became part of row `into`: its snapshots belong there, and the one that opened it stands after the change `opening`.</summary>
    void OnJoined(int market, int number, int into, ChangeKey opening);

    /// <summary>The market's changes with after &lt; key ≤ last, and its snapshots behind `after` up to there, are withdrawn: they were wrong.</summary>
    void OnWithdrawn(int market, ChangeKey after, ChangeKey last);
}
