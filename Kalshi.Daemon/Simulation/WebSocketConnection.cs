using System.Buffers.Binary;
using System.Net.Sockets;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// One WebSocket connection: frames of the exchange are encoded into one big buffer, and the writer sends whatever has
/// gathered with one system call.
/// In: frames (exchange's thread), bytes of the client. Out: the socket; commands to the pump. Thread: a reader task and a
/// writer task; the exchange's thread appends under the lock. Bound: `queueBytesMax`, plus a reserve for acks and errors.
/// When full: the frame is refused, which the exchange turns into error 25.
/// </summary>
internal sealed class WebSocketConnection : IWire, IDisposable
{
    /// <summary>A client message longer than this ends the connection with 1009.</summary>
    private const int MessageBytesMax = 16 << 20;

    /// <summary>Acks and errors find room even when the queue is full.</summary>
    private const int UrgentReserve = 1 << 20;

    /// <summary>Commands are not read on while more than this waits to be sent.</summary>
    private const int CommandsWaitAt = 8 << 20;

    private readonly Socket _socket;
    private readonly Stream _input;
    private readonly ExchangePump _pump;
    private readonly int _queueBytesMax;
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _signal = new(0, 1);
    private readonly CancellationTokenSource _ended = new();
    private byte[] _filling = new byte[64 << 10];
    private byte[] _writing = new byte[64 << 10];
    private int _filled;
    private bool _isSignalled;
    private bool _isClosing;
    private volatile int _queued;
    private long _fragmented;

    // By kind; guarded by the lock. Only set when a fault strikes.
    private readonly (long Until, int Size)[] _disturbances = new (long, int)[(int)WireDisturbanceKind.Fragment + 1];

    public WebSocketConnection(Socket socket, Stream input, ExchangePump pump, int queueBytesMax)
    {
        (_socket, _input, _pump, _queueBytesMax) = (socket, input, pump, queueBytesMax);
        _socket.NoDelay = true;
        Session = new Lazy<SimulatedSession>(() => pump.Exchange.Open(this));
    }

    /// <summary>Made by the exchange's thread when the connection is first announced to it.</summary>
    public Lazy<SimulatedSession> Session { get; }

    /// <summary>Bytes not yet taken by the socket. Written by both threads, read by any.</summary>
    public int Queued => _queued;

    public bool IsEnded => _ended.IsCancellationRequested;

    /// <summary>Runs until the client or a fault ends the connection.</summary>
    public async Task RunAsync()
    {
        await _pump.AskAsync(() => Session.Value.Number);
        _pump.Attach(this);
        var writer = WriteLoopAsync();
        try
        {
            await ReadLoopAsync();
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The client went away; the writer notices too.
        }

        // A close frame just queued still leaves; a client that does not read is not waited for.
        await Task.WhenAny(writer, Task.Delay(_isClosing ? 1_000 : 0));
        _ended.Cancel();
        await writer;
        _pump.Detach(this);
        await _pump.AskAsync(() => { _pump.Exchange.Close(Session.Value); return true; });
    }

    public bool TrySend(ReadOnlySpan<byte> frame)
    {
        lock (_lock)
        {
            if (_queued + frame.Length > _queueBytesMax)
            {
                return _isClosing;
            }

            Append(frame, Opcode.Text);
            return true;
        }
    }

    public void SendUrgent(ReadOnlySpan<byte> frame)
    {
        lock (_lock)
        {
            if (_queued + frame.Length <= _queueBytesMax + UrgentReserve)
            {
                Append(frame, Opcode.Text);
            }
        }
    }

    public void Disturb(in WireDisturbance disturbance)
    {
        switch (disturbance.Kind)
        {
            case WireDisturbanceKind.Reset: Reset(); break;
            case WireDisturbanceKind.Close: SendClose(1001); break;
            default:
                var until = disturbance.Micros == 0 ? long.MaxValue : Micros.Now() + disturbance.Micros;
                lock (_lock)
                {
                    _disturbances[(int)disturbance.Kind] = (until, disturbance.Size);
                }

                break;
        }
    }

    /// <summary>The disturbance's size while it lasts, else 0; a stall's size counts as 1.</summary>
    private int Disturbed(WireDisturbanceKind kind)
    {
        lock (_lock)
        {
            var (until, size) = _disturbances[(int)kind];
            return until > Micros.Now() ? Math.Max(1, size) : 0;
        }
    }

    public bool IsStalled => Disturbed(WireDisturbanceKind.Stall) > 0;

    /// <summary>Wakes the writer when something was appended since; once per turn of the pump, not per frame.</summary>
    public void Flush()
    {
        lock (_lock)
        {
            if (_filled == 0 || _isSignalled)
            {
                return;
            }

            _isSignalled = true;
        }

        _signal.Release();
    }

    public void SendPing()
    {
        SendControl(Opcode.Ping, "heartbeat"u8);
    }

    public void SendClose(ushort code)
    {
        Span<byte> payload = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(payload, code);
        lock (_lock)
        {
            Append(payload, Opcode.Close);
            _isClosing = true;
        }

        Flush();
    }

    public void Dispose()
    {
        _ended.Cancel();
        _socket.Dispose();
    }

    private void Reset()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _ended.Cancel();
        _socket.Close();
    }

    private void SendControl(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        lock (_lock)
        {
            if (_queued <= _queueBytesMax + UrgentReserve)
            {
                Append(payload, opcode);
            }
        }

        Flush();
    }

    private void Append(ReadOnlySpan<byte> payload, Opcode opcode)
    {
        if (_isClosing)
        {
            return;
        }

        var (until, size) = _disturbances[(int)WireDisturbanceKind.Fragment];
        if (until == 0 || opcode != Opcode.Text || payload.Length <= size || until < Micros.Now())
        {
            AppendFrame(payload, 0x80 | (int)opcode);
        }
        else
        {
            AppendFragments(payload, size);
        }
    }

    /// <summary>Continuation frames; every hundredth message has a ping in its middle, which the protocol allows.</summary>
    private void AppendFragments(ReadOnlySpan<byte> payload, int size)
    {
        for (var at = 0; at < payload.Length; at += size)
        {
            var piece = payload.Slice(at, Math.Min(size, payload.Length - at));
            var isLast = at + size >= payload.Length;
            AppendFrame(piece, (at == 0 ? (int)Opcode.Text : (int)Opcode.Continuation) | (isLast ? 0x80 : 0));
            if (at == 0 && _fragmented++ % 100 == 0)
            {
                AppendFrame("heartbeat"u8, 0x80 | (int)Opcode.Ping);
            }
        }
    }

    /// <summary>RFC 6455, 5.2: FIN and opcode, length in 7, 16 or 64 bits, no mask.</summary>
    private void AppendFrame(ReadOnlySpan<byte> payload, int first)
    {
        var needed = payload.Length + 10;
        if (_filling.Length - _filled < needed)
        {
            Array.Resize(ref _filling, Math.Max(_filling.Length * 2, _filled + needed));
        }

        var to = _filling.AsSpan(_filled);
        to[0] = (byte)first;
        var header = WriteLength(to, payload.Length);
        payload.CopyTo(to[header..]);
        _filled += header + payload.Length;
        _queued += header + payload.Length;
    }

    private static int WriteLength(Span<byte> to, int length)
    {
        if (length < 126)
        {
            to[1] = (byte)length;
            return 2;
        }

        if (length <= ushort.MaxValue)
        {
            to[1] = 126;
            BinaryPrimitives.WriteUInt16BigEndian(to[2..], (ushort)length);
            return 4;
        }

        to[1] = 127;
        BinaryPrimitives.WriteInt64BigEndian(to[2..], length);
        return 10;
    }

    private async Task WriteLoopAsync()
    {
        try
        {
            while (true)
            {
                await _signal.WaitAsync(_ended.Token);
                await WaitWhileDisturbedAsync();
                var (buffer, length, isLast) = Swap();
                await SendAllAsync(buffer.AsMemory(0, length));
                _pump.Wake();
                if (isLast)
                {
                    _socket.Shutdown(SocketShutdown.Send);
                    return;
                }
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            _ended.Cancel();
            _socket.Dispose();
        }
    }

    private async Task WaitWhileDisturbedAsync()
    {
        while (IsStalled)
        {
            await Task.Delay(5, _ended.Token);
        }

        if (Disturbed(WireDisturbanceKind.Delay) is var delay and > 0)
        {
            await Task.Delay(delay, _ended.Token);
        }
    }

    private (byte[] Buffer, int Length, bool IsLast) Swap()
    {
        lock (_lock)
        {
            (_filling, _writing) = (_writing, _filling);
            var length = _filled;
            _filled = 0;
            _isSignalled = false;
            return (_writing, length, _isClosing);
        }
    }

    private async ValueTask SendAllAsync(ReadOnlyMemory<byte> bytes)
    {
        // Pieces, so that the queue is seen to shrink while a large buffer leaves.
        while (bytes.Length > 0)
        {
            var chunk = Disturbed(WireDisturbanceKind.Chunk);
            var piece = chunk == 0 ? 256 << 10 : chunk;
            var sent = await _socket.SendAsync(bytes[..Math.Min(piece, bytes.Length)], SocketFlags.None, _ended.Token);
            bytes = bytes[sent..];
            lock (_lock)
            {
                _queued -= sent;
            }
        }
    }

    /// <summary>
    /// One command after another: while many snapshots wait to leave, the client's next command waits in its own socket. So
    /// only a client that does not read overflows.
    /// </summary>
    private async Task ObeyAsync(byte[] command)
    {
        while (_queued > CommandsWaitAt && !IsStalled)
        {
            await Task.Delay(1, _ended.Token);
        }

        await _pump.AskAsync(() =>
        {
            _pump.Exchange.Receive(Session.Value, command);
            return true;
        });
    }

    private async Task ReadLoopAsync()
    {
        var reader = new ClientFrameReader(_input, MessageBytesMax);
        while (await reader.ReadAsync(_ended.Token))
        {
            switch (reader.Opcode)
            {
                case Opcode.Text or Opcode.Binary:
                    await ObeyAsync(reader.Message.ToArray());
                    break;
                case Opcode.Ping:
                    SendControl(Opcode.Pong, reader.Message.Span);
                    break;
                case Opcode.Close:
                    SendClose(1000);
                    return;
                default:
                    break;
            }
        }

        if (reader.IsTooLong)
        {
            SendClose(1009);
        }
    }
}

/// <summary>RFC 6455, 5.2.</summary>
internal enum Opcode : byte
{
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}
