using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Exchange;

/// <summary>
/// Makes sessions: dials, numbers them for ever, hands the ring to capture, starts the receive loop. Thread-safe. Dials of the
/// whole process share one limiter, so that an outage of 150 sockets does not come back as a storm.
/// </summary>
internal sealed class Dialer(Uri url, RequestSigner signer, int firstSession, Capture capture, ILogger log)
{
    public const int RingBytes = 1 << 20;

    private const double DialsPerSecond = 10;
    private const double DialBurst = 20;
    private static readonly TimeSpan DialLimit = TimeSpan.FromSeconds(15);

    private readonly TokenBucket _dials = new(DialsPerSecond, DialBurst);
    private readonly Stack<ByteRing> _rings = new();
    private int _next = firstSession - 1;

    /// <summary>Throws <see cref="DialException"/>; its status says what the exchange thought of the dial.</summary>
    public async Task<Session> DialAsync(string purpose, CancellationToken cancel)
    {
        await _dials.TakeAsync(1, cancel);
        var socket = await FrameSocket.DialAsync(url, signer, DialLimit, cancel);
        var number = Interlocked.Increment(ref _next);
        var attached = new CaptureSession(number, purpose, TakeRing());
        capture.Attach(attached, new SessionOpened(number, url.ToString(), purpose));
        log.SessionOpened(number, purpose);
        return new Session(number, socket, attached, (session, command) => capture.AppendAsync(Journal.RecordKind.Command, session, command))
        {
            Ended = Task.Run(() => socket.ReceiveAsync(attached.Ring)),
        };
    }

    /// <summary>Waits until capture has drained the session, then frees its socket and keeps the ring for the next one.</summary>
    public async Task RetireAsync(Session session)
    {
        var reason = await session.Ended;
        await session.Capture.Drained;
        await session.DisposeAsync();
        lock (_rings)
        {
            _rings.Push(session.Capture.Ring);
        }

        log.SessionClosed(session.Number, session.Capture.Purpose, reason, session.Capture.Frames);
    }

    private ByteRing TakeRing()
    {
        lock (_rings)
        {
            return _rings.TryPop(out var ring) ? ring : new ByteRing(RingBytes);
        }
    }
}
