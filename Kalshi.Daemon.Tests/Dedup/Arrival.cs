namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>A dense run of numbers of a connection. `Id` is known once its first frame has its received_at.</summary>
internal sealed class ConnectionEpoch
{
    public long Id { get; set; }
}

/// <summary>Something a connection brings its gatherer, before clocks are read: rows of one `Record` get one received_at.</summary>
internal sealed class Arrival
{
    public required FeedKind Kind { get; init; }
    public required int Market { get; init; }
    public required int Position { get; init; }
    public required ConnectionEpoch? Epoch { get; init; }

    /// <summary>Exchange's clock, µs: when it came in. And the session's begin.</summary>
    public required long ArrivesAt { get; init; }
    public required long SessionAt { get; init; }

    /// <summary>Unique within the connection, ascending.</summary>
    public required int Record { get; init; }

    /// <summary>Of the end of a coverage: the frame up to which it holds, or the time itself.</summary>
    public Arrival? CoveredTo { get; init; }
    public long CoveredToTime { get; init; }
    public string Reason { get; init; } = "";
    public long ReceivedAt { get; set; }
}
