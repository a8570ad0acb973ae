namespace Kalshi.Daemon.Books;

/// <summary>A run of dense seq on one (session, sid), with what its frames were: the counts add up to LastSeq − FirstSeq + 1.</summary>
internal sealed class Epoch
{
    public required long EpochId { get; init; }
    public required int Session { get; init; }
    public required int Sid { get; init; }

    /// <summary>As `subscribed` named it, else as its frames show; "unknown" when neither did.</summary>
    public required string Channel { get; set; }
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

    /// <summary>Null while open; else why it ended: "gap…", "session closed: …", "error 25: …", "unsubscribed", "process ended", "journal damage".</summary>
    public string? EndReason;

    /// <summary>Frames counted by what they were.</summary>
    public long Frames => Deltas + Snapshots + Trades + Lifecycle + Acks + Unknown + Rejected;

    /// <summary>Whether every number of the run was accounted for by exactly one frame.</summary>
    public bool IsDense => Frames == LastSeq - FirstSeq + 1;
}
