using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon;

internal enum CaptureEventKind : byte
{
    /// <summary>subscribed, ok, unsubscribed or error.</summary>
    Reply,
    Lifecycle,
    Trade,
    Gap,

    /// <summary>A data frame, a few times a second, to see how old frames are on arrival.</summary>
    Sample,
}

/// <summary>What capture tells the control loop: a copy of a rare frame, or a fact about a session.</summary>
internal readonly record struct CaptureEvent(CaptureEventKind Kind, int Session, FrameHead Head, byte[] Bytes, long ReceivedAt);
