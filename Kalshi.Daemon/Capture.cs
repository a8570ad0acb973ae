using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon;

/// <summary>
/// The one thread between the sockets and the journal. It knows no prices: it reads type, sid and seq of a frame, checks
/// density before anything could filter, and appends the exchange's own bytes.
///
/// In:        one <see cref="ByteRing"/> per session; records of our own (commands, REST pages) through <see cref="AppendAsync"/>.
/// Out:       the journal, one write a turn; <see cref="CaptureEvent"/>s for the control loop.
/// Thread:    its own.
/// Bound:     <see cref="TurnBytesMax"/> a turn; the event channel's capacity.
/// When full: a disk that refuses stops the turn: rings fill and sockets push back, and nothing that was read is lost. A full
///            event channel drops the event (counted; the frame itself is in the journal).
/// </summary>
internal sealed class Capture
{
    private const int TurnBytesMax = 4 << 20;

    /// <summary>
    /// Below this much a turn, a short sleep makes larger and cheaper writes: at 2,000 messages a second the wake-ups would cost more
    /// than the work. A ring holds far more than a socket brings in that time.
    /// </summary>
    private const int BusyBytes = 64 << 10;
    private const int IdleSleepMs = 2;

    private const int RefusedWaitMs = 100;
    private const long SampleIntervalMs = 250;

    private readonly JournalWriter _journal;
    private readonly ChannelWriter<CaptureEvent> _events;
    private readonly ILogger _log;
    private readonly ConcurrentQueue<OwnRecord> _own = new();
    private readonly Queue<TaskCompletionSource> _unconfirmed = new();
    private readonly Lock _attaching = new();
    private readonly Thread _thread;

    /// <summary>Replaced whole under `_attaching`; read by the capture thread once a turn.</summary>
    private volatile CaptureSession[] _sessions = [];
    private volatile bool _stop;
    private long _sampleTicks;

    public Capture(JournalWriter journal, ChannelWriter<CaptureEvent> events, ILogger log)
    {
        (_journal, _events, _log) = (journal, events, log);
        _thread = new Thread(Run) { Name = "capture", Priority = ThreadPriority.AboveNormal };
    }

    public CaptureCounters Counters { get; } = new();

    /// <summary>Forward trade frames as events: only while some market is without a stream and may have to be promoted.</summary>
    public bool ForwardTrades { get; set; }

    /// <summary>The bug that ended the thread, if one did.</summary>
    public Exception? Failure { get; private set; }

    public void Start() => _thread.Start();

    /// <summary>Adds a session; its SessionOpened record is journalled before any of its frames.</summary>
    public void Attach(CaptureSession session, SessionOpened opened)
    {
        _own.Enqueue(new OwnRecord(RecordKind.SessionOpened, session.Number, SessionRecords.Bytes(opened), null));
        lock (_attaching)
        {
            _sessions = [.. _sessions, session];
        }
    }

    /// <summary>Journals a record of our own; done when it is in the file. Waiting for it is what bounds the queue.</summary>
    public Task AppendAsync(RecordKind kind, int session, byte[] bytes)
    {
        var written = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _own.Enqueue(new OwnRecord(kind, session, bytes, written));
        return written.Task;
    }

    /// <summary>Drains what is there, flushes, and ends the thread. Call when every session is drained.</summary>
    public void Stop()
    {
        _stop = true;
        _thread.Join();
    }

    private void Run()
    {
        try
        {
            while (true)
            {
                var stopping = _stop;
                var drained = Turn();
                if (drained > 0)
                {
                    Write();
                }
                else if (stopping)
                {
                    return;
                }

                if (drained < BusyBytes)
                {
                    Thread.Sleep(IdleSleepMs);
                }
            }
        }
        catch (Exception e)
        {
            Failure = e;
            _log.CaptureFailed(e);
            Environment.Exit(ExitCode.Bug);
        }
    }

    /// <summary>
    /// One pass. Ring ends are fixed first, then our own records are appended, then the rings: so a command stands before its
    /// reply, because it was queued before it was sent.
    /// </summary>
    private int Turn()
    {
        var sessions = _sessions;
        var any = false;
        foreach (var session in sessions)
        {
            any |= session.Ring.Snapshot();
        }

        var bytes = AppendOwn();
        if (!any)
        {
            return bytes;
        }

        var ticks = Environment.TickCount64;
        foreach (var session in sessions)
        {
            bytes += Drain(session, ticks);
            if (bytes > TurnBytesMax)
            {
                Write();
            }
        }

        return bytes;
    }

    private int Drain(CaptureSession session, long ticks)
    {
        var (ring, journal, counters, sequence, number) = (session.Ring, _journal, Counters, session.Sequence, session.Number);
        var bytes = 0;
        while (ring.TryRead(out var entry, out var stamp, out var frame))
        {
            if (entry != (byte)SocketEntry.Message)
            {
                Close(session, stamp, frame);
                return bytes + frame.Length;
            }

            var head = FrameHeadReader.Read(frame);
            if (sequence.Observe(head.Sid, head.Seq, out var expected) == SequenceVerdict.Gap)
            {
                AppendGap(session, stamp, head, expected);
            }

            var receivedAt = journal.Append(stamp, number, RecordKind.Frame, frame);
            counters.Count(head.Type, frame.Length);
            session.CountFrame();
            bytes += 1 + frame.Length;
            if (head.Type is FrameType.OrderbookDelta or FrameType.Ticker or FrameType.Trade && !ForwardTrades)
            {
                counters.DataTicks = ticks;
                if (ticks - _sampleTicks >= SampleIntervalMs)
                {
                    Sample(number, head, frame, receivedAt, ticks);
                }
            }
            else
            {
                Forward(session, head, frame, receivedAt, ticks);
            }
        }

        ring.Release();
        return bytes;
    }

    /// <summary>One write a turn. While the disk refuses (the journal raises that alarm) the turn waits here, and rings push back.</summary>
    private void Write()
    {
        while (_journal.Flush() == FlushVerdict.Refused)
        {
            Counters.FlushesRefused++;
            Thread.Sleep(RefusedWaitMs);
        }

        Counters.Turns++;
        Counters.WriteDelayMax = Math.Max(Counters.WriteDelayMax, Micros.Now() - _journal.LastReceivedAt);
        ConfirmOwn();
    }

    /// <summary>All that was queued when the ring ends were fixed, however much: a command left behind could come after its reply.</summary>
    private int AppendOwn()
    {
        var bytes = 0;
        for (var left = _own.Count; left > 0 && _own.TryDequeue(out var record); left--)
        {
            if (record.Kind == RecordKind.Command && !IsAttached(record.Session))
            {
                // The socket ended before the command could leave; nothing of a session stands behind its SessionClosed.
                record.Written?.SetResult();
                continue;
            }

            _journal.Append(Micros.Now(), record.Session, record.Kind, record.Bytes);
            bytes += Math.Max(1, record.Bytes.Length);
            if (record.Written is not null)
            {
                _unconfirmed.Enqueue(record.Written);
            }

            if (_journal.PendingBytes > TurnBytesMax)
            {
                Write();
            }
        }

        return bytes;
    }

    private bool IsAttached(int number) => Array.Exists(_sessions, session => session.Number == number);

    private void ConfirmOwn()
    {
        while (_unconfirmed.TryDequeue(out var written))
        {
            written.SetResult();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AppendGap(CaptureSession session, long stamp, FrameHead head, long expected)
    {
        Counters.Gaps++;
        session.CountGap();
        var gap = new GapSeen(session.Number, head.Sid, expected, head.Seq);
        var bytes = SessionRecords.Bytes(gap);
        var receivedAt = _journal.Append(stamp, session.Number, RecordKind.GapSeen, bytes);
        Tell(new CaptureEvent(CaptureEventKind.Gap, session.Number, head, bytes, receivedAt));
    }

    /// <summary>Frames the control loop must see, and the few that only count.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Forward(CaptureSession session, FrameHead head, ReadOnlySpan<byte> frame, long receivedAt, long ticks)
    {
        switch (head.Type)
        {
            case FrameType.OrderbookSnapshot:
                Counters.DataTicks = ticks;
                if (head.Id > 0)
                {
                    session.CountAnswer(head.Id);
                }

                break;
            case FrameType.Trade:
                Counters.DataTicks = ticks;
                Tell(new CaptureEvent(CaptureEventKind.Trade, session.Number, head, frame.ToArray(), receivedAt));
                break;
            case FrameType.MarketLifecycle or FrameType.EventLifecycle or FrameType.EventFeeUpdate or FrameType.MultivariateLifecycle:
                Counters.DataTicks = ticks;
                Tell(new CaptureEvent(CaptureEventKind.Lifecycle, session.Number, head, frame.ToArray(), receivedAt));
                break;
            case FrameType.Unknown:
                Counters.NotJson += head.IsJson ? 0 : 1;
                break;
            default:
                Tell(new CaptureEvent(CaptureEventKind.Reply, session.Number, head, frame.ToArray(), receivedAt));
                break;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Sample(int session, FrameHead head, ReadOnlySpan<byte> frame, long receivedAt, long ticks)
    {
        _sampleTicks = ticks;
        Tell(new CaptureEvent(CaptureEventKind.Sample, session, head, frame.ToArray(), receivedAt));
    }

    private void Close(CaptureSession session, long stamp, ReadOnlySpan<byte> reason)
    {
        var closed = new SessionClosed(session.Number, Encoding.UTF8.GetString(reason));
        _journal.Append(stamp, session.Number, RecordKind.SessionClosed, SessionRecords.Bytes(closed));
        lock (_attaching)
        {
            _sessions = Array.FindAll(_sessions, other => other != session);
        }

        session.Ring.Release();
        session.SetDrained();
    }

    private void Tell(in CaptureEvent captureEvent)
    {
        if (!_events.TryWrite(captureEvent))
        {
            Counters.EventsDropped++;
        }
    }

    private readonly record struct OwnRecord(RecordKind Kind, int Session, byte[] Bytes, TaskCompletionSource? Written);
}
