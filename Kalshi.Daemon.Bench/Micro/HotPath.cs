using BenchmarkDotNet.Attributes;
using Kalshi.Daemon.Bench.Pipeline;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Bench.Micro;

/// <summary>Each step a message takes from the socket to the journal, and its decoding, alone, for one real-sized delta. Under the JIT, in this process.</summary>
[InProcess]
[MemoryDiagnoser]
public class HotPath
{
    private readonly byte[] _frame = FrameFeeder.Frame(FrameFeeder.FirstSeq);
    private readonly byte[] _wire;
    private readonly ByteRing _ring = new(1 << 20);
    private readonly SequenceTracker _sequence = new();
    private readonly FrameDecoder _decoder = new();
    private long _seq;

    public HotPath() => _wire = [0x81, 126, (byte)(_frame.Length >> 8), (byte)_frame.Length, .. _frame];

    [Benchmark(Description = "cut a WebSocket frame")]
    public int Cut()
    {
        WebSocketFrames.Parse(_wire, out _, out _, out var headerBytes, out var payloadBytes);
        return headerBytes + payloadBytes;
    }

    [Benchmark(Description = "through the ring")]
    public long Ring()
    {
        _ring.TryWrite(1, 1, _frame);
        _ring.Publish();
        _ring.Snapshot();
        _ring.TryRead(out _, out var stamp, out _);
        _ring.Release();
        return stamp;
    }

    [Benchmark(Description = "read the head")]
    public long Head() => FrameHeadReader.Read(_frame).Seq;

    [Benchmark(Description = "check density")]
    public bool Density() => _sequence.Observe(1, ++_seq, out _) == SequenceVerdict.Dense;

    [Benchmark(Description = "decode every field")]
    public long Decode()
    {
        _decoder.Decode(_frame, useYesPrice: true);
        return _decoder.Message.Delta;
    }
}
