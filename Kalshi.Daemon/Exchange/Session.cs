using System.Collections.Concurrent;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Exchange;

/// <summary>What the exchange said to a command. `Timeout`: nothing, within the limit.</summary>
internal readonly record struct Reply(FrameType Type, int Sid, int ErrorCode, string ErrorText)
{
    public static readonly Reply Timeout = new(FrameType.Unknown, 0, 0, "no answer");

    public bool Accepted => Type is FrameType.Subscribed or FrameType.Ok or FrameType.Unsubscribed;

    public override string ToString() => Type == FrameType.Error ? $"error {ErrorCode} {ErrorText}" : ErrorText;
}

/// <summary>
/// One WebSocket connection from dial to close, with commands and their replies matched by id. Commands may come from one
/// subscription loop at a time; replies and signals come from the control loop.
/// </summary>
internal sealed class Session(int number, FrameSocket socket, CaptureSession capture, Func<int, byte[], Task> journalCommand) : IAsyncDisposable
{
    /// <summary>Error 10 (channel error) and 25 (subscription buffer overflow) end the sid they name.</summary>
    public static bool EndsSid(int errorCode) => errorCode is 10 or 25;

    /// <summary>Error 27: the exchange wants fewer commands a second. It says nothing about the sid.</summary>
    public const int TooManyRequests = 27;

    private const int BusyAttemptsMax = 5;
    private static readonly TimeSpan ReplyLimit = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<long, TaskCompletionSource<Reply>> _pending = new();
    private readonly ConcurrentDictionary<int, bool> _gaps = new();
    private readonly ConcurrentDictionary<int, string> _endedSids = new();
    private readonly WakeSignal _wake = new();
    private long _id;

    public int Number { get; } = number;

    public FrameSocket Socket { get; } = socket;

    public CaptureSession Capture { get; } = capture;

    /// <summary>Completes with the reason when the receive loop has ended.</summary>
    public required Task<string> Ended { get; init; }

    public long NextId() => Interlocked.Increment(ref _id);

    /// <summary>
    /// Journals the command, sends it and waits for the reply with its id. A lost socket reads as <see cref="Reply.Timeout"/>.
    /// </summary>
    public async Task<Reply> CommandAsync(long id, byte[] command)
    {
        var reply = new TaskCompletionSource<Reply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[id] = reply;
        try
        {
            await SendAsync(command);
            await Task.WhenAny(reply.Task, Ended, Task.Delay(ReplyLimit));
            return reply.Task.IsCompleted ? await reply.Task : Reply.Timeout;
        }
        catch (IOException)
        {
            return Reply.Timeout;
        }
        finally
        {
            _pending.TryRemove(id, out _);
        }
    }

    /// <summary>
    /// Sends get_snapshot and waits until every market has answered in the stream. False: an error came, or nothing more for
    /// `quietLimit`. Error 27 is waited out: a busy exchange is no reason to climb the ladder.
    /// </summary>
    public async Task<bool> SnapshotsAsync(int sid, IReadOnlyList<string> tickers, TimeSpan quietLimit)
    {
        for (var attempt = 1; ; attempt++)
        {
            var reply = await SnapshotsOnceAsync(sid, tickers, quietLimit);
            if (reply.ErrorCode != TooManyRequests || attempt >= BusyAttemptsMax)
            {
                return reply.Accepted;
            }

            await Task.WhenAny(Ended, CommandPace.BusyAsync(CancellationToken.None));
        }
    }

    /// <summary>`Ok` when all came; the error; <see cref="Reply.Timeout"/> when they stayed away.</summary>
    private async Task<Reply> SnapshotsOnceAsync(int sid, IReadOnlyList<string> tickers, TimeSpan quietLimit)
    {
        var id = NextId();
        Capture.ExpectAnswers(id);
        var refused = new TaskCompletionSource<Reply>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[id] = refused;
        try
        {
            await SendAsync(Commands.Update(id, sid, "get_snapshot", tickers));
            var (answers, progressTicks) = (0, Environment.TickCount64);
            while ((answers, progressTicks) is var before && (answers = Capture.Answers(id)) < tickers.Count)
            {
                progressTicks = answers == before.answers ? before.progressTicks : Environment.TickCount64;
                if (refused.Task.IsCompleted)
                {
                    return await refused.Task;
                }

                if (Ended.IsCompleted || HasEnded(sid) || Environment.TickCount64 - progressTicks > quietLimit.TotalMilliseconds)
                {
                    return Reply.Timeout;
                }

                await Task.Delay(5);
            }

            return new Reply(FrameType.Ok, sid, 0, "");
        }
        catch (IOException)
        {
            return Reply.Timeout;
        }
        finally
        {
            _pending.TryRemove(id, out _);
        }
    }

    /// <summary>Control loop: a reply frame of this session was captured.</summary>
    public void OnReply(long id, Reply reply)
    {
        if (reply.Type == FrameType.Error && EndsSid(reply.ErrorCode) && reply.Sid > 0)
        {
            _endedSids[reply.Sid] = reply.ToString();
            Wake();
        }

        if (_pending.TryGetValue(id, out var pending))
        {
            pending.TrySetResult(reply);
        }
    }

    /// <summary>Control loop: `seq` of the sid was not dense.</summary>
    public void OnGap(int sid)
    {
        _gaps[sid] = true;
        Wake();
    }

    /// <summary>Subscription loop: was there a gap on the sid since the last call?</summary>
    public bool TakeGap(int sid) => _gaps.TryRemove(sid, out _);

    public bool HasGap(int sid) => _gaps.ContainsKey(sid);

    public bool HasEnded(int sid) => _endedSids.ContainsKey(sid);

    /// <summary>Subscription loop: did the exchange end the sid (error 10, 25), and with what words?</summary>
    public bool TakeEnded(int sid, out string text) => _endedSids.TryRemove(sid, out text!);

    /// <summary>Makes the subscription loop look at its state. Any thread.</summary>
    public void Wake() => _wake.Set();

    /// <summary>Waits for a wake-up, at most `limit`; false when the session has ended or `stop` was asked for.</summary>
    public async Task<bool> WaitAsync(TimeSpan limit, CancellationToken stop)
    {
        await Task.WhenAny(_wake.WaitAsync(limit, stop), Ended);
        return !Ended.IsCompleted && !stop.IsCancellationRequested;
    }

    public ValueTask DisposeAsync() => Socket.DisposeAsync();

    private async Task SendAsync(byte[] command)
    {
        // Queued for the journal before it is sent, so that capture writes it before the reply.
        _ = journalCommand(Number, command);
        await Socket.SendTextAsync(command);
    }
}
