using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Verify;

/// <summary>One epoch: what its certificate says its frames were, against the rows that were found.</summary>
internal sealed class EpochAudit(long epochId)
{
    public long EpochId => epochId;

    /// <summary>What the replay or the export's certificates say; null when nothing does.</summary>
    public Epoch? Certificate;

    /// <summary>Rows found.</summary>
    public long Deltas;
    public long Snapshots;
    public long Trades;
    public long Lifecycle;

    /// <summary>Trades of the epoch that are not stored, because another row has their trade_id.</summary>
    public long TradesElsewhere;

    /// <summary>Frames rejected whose market or kind is not known: each may stand for one delta anywhere in the epoch.</summary>
    public long RejectedAnywhere;

    /// <summary>Line of the latest truth delta that the epoch holds: on one sid nothing produced before it is still to come.</summary>
    public int ReachOrdinal;

    public bool IsOver => Certificate?.EndReason is not null;

    /// <summary>Trades that the certificate says are stored.</summary>
    public long TradesExpected => (Certificate?.Trades ?? Trades) - TradesElsewhere;

    /// <summary>Frames, numbers and rows agree.</summary>
    public bool IsDense => Certificate is { IsDense: true } certificate && certificate.Deltas == Deltas && certificate.Snapshots == Snapshots
        && TradesExpected == Trades && certificate.Lifecycle == Lifecycle;
}
