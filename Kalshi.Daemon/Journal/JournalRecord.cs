namespace Kalshi.Daemon.Journal;

/// <summary>What a record holds. Values are part of the file format: never renumber, only add.</summary>
internal enum RecordKind : byte
{
    /// <summary>A WebSocket message, the exchange's own bytes.</summary>
    Frame = 1,

    /// <summary>A command we sent, its text as sent. Stands before any reply to it.</summary>
    Command = 2,

    /// <summary>JSON <see cref="SessionOpened"/>: first record of a session.</summary>
    SessionOpened = 3,

    /// <summary>JSON <see cref="SessionClosed"/>: last record of a session; missing after a kill.</summary>
    SessionClosed = 4,

    /// <summary>JSON <see cref="GapSeen"/>: stands just before the frame that showed the gap.</summary>
    GapSeen = 5,

    /// <summary>A REST answer: one line of JSON <see cref="RestPage"/>, `\n`, then the body as received.</summary>
    RestPage = 6,

    /// <summary>JSON <see cref="ProcessStarted"/>: every session before it has ended.</summary>
    ProcessStarted = 7,

    /// <summary>JSON <see cref="ProcessStopped"/>: a clean stop.</summary>
    ProcessStopped = 8,
}

/// <summary>One journal record. `Bytes` is valid until the reader's next call.</summary>
internal readonly ref struct JournalRecord(long receivedAt, int session, RecordKind kind, ReadOnlySpan<byte> bytes)
{
    /// <summary>µs UTC, strictly increasing over the whole journal: receive time, identity and position in one.</summary>
    public long ReceivedAt { get; } = receivedAt;

    /// <summary>The session it belongs to; 0 for records of the process itself (REST pages, start, stop).</summary>
    public int Session { get; } = session;

    public RecordKind Kind { get; } = kind;

    public ReadOnlySpan<byte> Bytes { get; } = bytes;
}
