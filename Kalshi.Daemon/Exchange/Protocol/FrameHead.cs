namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// All that capture reads of a frame. 0 stands for absent: the exchange numbers sids, seqs and command ids from 1.
/// `IsJson` is false when the bytes are not one JSON object; such a frame is still journalled.
/// </summary>
internal readonly record struct FrameHead(FrameType Type, int Sid, long Seq, long Id, bool IsJson);

/// <summary>A frame's head with what the decoder needs besides: where `msg` stands and what else was at the top level.</summary>
internal struct FrameOutline
{
    public FrameType Type;
    public int Sid;
    public long Seq;
    public long Id;
    public bool IsJson;

    /// <summary>A known top-level key stands more than once. The head holds the first of each.</summary>
    public bool HasDuplicate;

    /// <summary>Top-level keys that are not known.</summary>
    public int UnknownKeys;

    /// <summary>`sending_ts_ms` in milliseconds; 0 when absent.</summary>
    public long SendingMs;

    /// <summary>`msg` with its brackets; Start is its first byte, Length 0 when absent.</summary>
    public JsonValue Payload;

    public readonly FrameHead Head => new(Type, Sid, Seq, Id, IsJson);
}
