using Kalshi.Daemon.Books;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon;

/// <summary>What capture keeps of one session: its ring, its seq density and the answers it counted.</summary>
internal sealed class CaptureSession(int number, string purpose, ByteRing ring)
{
    private const int AnswerSlots = 256;

    private readonly int[] _answers = new int[AnswerSlots];
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _gaps;
    private long _frames;

    public int Number { get; } = number;

    public string Purpose { get; } = purpose;

    public ByteRing Ring { get; } = ring;

    /// <summary>Completes when capture has read the last entry: nothing of the session is in flight any more.</summary>
    public Task Drained => _drained.Task;

    /// <summary>Capture thread only.</summary>
    public SequenceTracker Sequence { get; } = new();

    /// <summary>Frames captured. Written by the capture thread.</summary>
    public long Frames => Volatile.Read(ref _frames);

    /// <summary>Gaps seen. Written by the capture thread.</summary>
    public long Gaps => Volatile.Read(ref _gaps);

    public void CountFrame() => Volatile.Write(ref _frames, _frames + 1);

    public void CountGap() => Volatile.Write(ref _gaps, _gaps + 1);

    public void SetDrained() => _drained.SetResult();

    /// <summary>Capture thread: one more snapshot that carries the id of a get_snapshot command.</summary>
    public void CountAnswer(long id) => Interlocked.Increment(ref _answers[id % AnswerSlots]);

    /// <summary>Subscription loop: forgets answers to an older command that used the same slot; call before sending `id`.</summary>
    public void ExpectAnswers(long id) => Interlocked.Exchange(ref _answers[id % AnswerSlots], 0);

    /// <summary>Snapshots that answered the command so far.</summary>
    public int Answers(long id) => Volatile.Read(ref _answers[id % AnswerSlots]);
}
