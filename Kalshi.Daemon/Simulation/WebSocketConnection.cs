using System.Buffers.Binary;
using System.Net.Sockets;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// One WebSocket connection after its upgrade, on the bare socket.
/// In: frames (exchange's thread), bytes of the client. Out: the socket; commands to the pump. Thread: a reader task and a
/// writer task; the exchange's thread appends to the queue. Bound: the queue's. When full: a data frame is refused, which
/// the exchange turns into error 25; when even an error finds no room, the connection is reset.
/// </summary>
internal sealed class WebSocketConnection : IWire, IDisposable
{
    /// <summary>A client message longer than this ends the connection with 1009.</summary>
    private const int MessageBytesMax = 16 << 20;

    /// <summary>Commands are not read on while more than this waits to be sent.</summary>
    private const int CommandsWaitAt = 8 << 20;

    /// <summary>Bytes of one write, so that the queue is seen to shrink while a large buffer leaves.</summary>
    private const int WriteBytes = 256 << 10;

    private readonly Socket _socket;
    private readonly Stream _input;
    private readonly ExchangePump _pump;
    private readonly OutboundQueue _queue;
    private readonly SemaphoreSlim _signal = new(0, 1);
    private readonly CancellationTokenSource _ended = new();
    private int _isSignalled;

    // Faults, written by the exchange's thread, read by the writer: until when (µs), and how much.
    private long _stalledUntil;
    private long _delayedUntil;
    private long _chunkedUntil;
    private long _fragmentedUntil;
    private volatile int _delayMs;
    private volatile int _chunkBytes;

    public WebSocketConnection(Socket socket, Stream input, ExchangePump pump, int queueBytesMax)
    {
        (_socket, _input, _pump) = (socket, input, pump);
        _socket.NoDelay = true;
        _queue = new OutboundQueue(queueBytesMax);
        Session = new Lazy<SimulatedSession>(() => pump.Exchange.Open(this));
    }

    /// <summary>Made by the exchange's thread when the connection is first announced to it.</summary>
    public Lazy<SimulatedSession> Session { get; }

    /// <summary>Bytes not yet taken by the socket.</summary>
    public int Queued => _queue.Queued;

    public bool IsStalled => Volatile.Read(ref _stalledUntil) > Micros.Now();

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
        catch (Exception e) when (IsTheEnd(e))
        {
            // The client went away; the writer notices too.
        }

        // A close frame just queued still leaves; a client that does not read is not waited for.
        await Task.WhenAny(writer, Task.Delay(_queue.IsClosing ? 1_000 : 0));
        _ended.Cancel();
        await writer;
        _pump.Detach(this);
        await _pump.AskAsync(() =>
        {
            _pump.Exchange.Close(Session.Value);
            return true;
        });
    }

    public bool TrySend(ReadOnlySpan<byte> frame) => _queue.TryAppend(frame, Opcode.Text, isUrgent: false);

    public void SendUrgent(ReadOnlySpan<byte> frame)
    {
        if (!_queue.TryAppend(frame, Opcode.Text, isUrgent: true))
        {
            Reset();
        }
    }

    public void Disturb(in WireDisturbance disturbance)
    {
        var until = disturbance.Micros == 0 ? long.MaxValue : Micros.Now() + disturbance.Micros;
        switch (disturbance.Kind)
        {
            case WireDisturbanceKind.Reset:
                Reset();
                break;
            case WireDisturbanceKind.Close:
                SendClose(1001);
                break;
            case WireDisturbanceKind.Stall:
                Volatile.Write(ref _stalledUntil, until);
                break;
            case WireDisturbanceKind.Delay:
                _delayMs = disturbance.Size;
                Volatile.Write(ref _delayedUntil, until);
                break;
            case WireDisturbanceKind.Chunk:
                _chunkBytes = disturbance.Size;
                Volatile.Write(ref _chunkedUntil, until);
                break;
            default:
                _queue.FragmentAt(disturbance.Size);
                Volatile.Write(ref _fragmentedUntil, until);
                break;
        }
    }

    /// <summary>Wakes the writer when something was appended since; once per turn of the pump, not per frame.</summary>
    public void Flush()
    {
        if (_fragmentedUntil != 0 && Volatile.Read(ref _fragmentedUntil) < Micros.Now())
        {
            _queue.FragmentAt(0);
            Volatile.Write(ref _fragmentedUntil, 0);
        }

        if (_queue.HasFrames && Interlocked.Exchange(ref _isSignalled, 1) == 0)
        {
            _signal.Release();
        }
    }

    public void SendPing() => SendControl(Opcode.Ping, "heartbeat"u8);

    public void SendClose(ushort code)
    {
        Span<byte> payload = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(payload, code);
        SendControl(Opcode.Close, payload);
    }

    public void Dispose()
    {
        _ended.Cancel();
        _socket.Dispose();
    }

    private void Reset()
    {
        try
        {
            _socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (IsTheEnd(e))
        {
            // It has ended already.
        }

        Dispose();
    }

    private void SendControl(Opcode opcode, ReadOnlySpan<byte> payload)
    {
        // A control frame that finds no room is not missed: the client is not reading.
        _queue.TryAppend(payload, opcode, isUrgent: true);
        Flush();
    }

    private async Task WriteLoopAsync()
    {
        try
        {
            while (true)
            {
                await _signal.WaitAsync(_ended.Token);
                await WaitWhileDisturbedAsync();
                Volatile.Write(ref _isSignalled, 0);
                var bytes = _queue.TakeAll(out var isLast);
                await SendAllAsync(bytes);
                _pump.Wake();
                if (isLast)
                {
                    _socket.Shutdown(SocketShutdown.Send);
                    return;
                }
            }
        }
        catch (Exception e) when (IsTheEnd(e))
        {
            Dispose();
        }
    }

    private async Task WaitWhileDisturbedAsync()
    {
        while (IsStalled)
        {
            await Task.Delay(5, _ended.Token);
        }

        if (Volatile.Read(ref _delayedUntil) > Micros.Now())
        {
            await Task.Delay(_delayMs, _ended.Token);
        }
    }

    private async ValueTask SendAllAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var piece = Volatile.Read(ref _chunkedUntil) > Micros.Now() ? _chunkBytes : WriteBytes;
            var sent = await _socket.SendAsync(bytes[..Math.Min(piece, bytes.Length)], SocketFlags.None, _ended.Token);
            bytes = bytes[sent..];
            _queue.Sent(sent);
        }
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

    /// <summary>
    /// One command after another: while many snapshots wait to leave, the client's next command waits in its own socket. So
    /// only a client that does not read overflows.
    /// </summary>
    private async Task ObeyAsync(byte[] command)
    {
        while (Queued > CommandsWaitAt && !IsStalled)
        {
            await Task.Delay(1, _ended.Token);
        }

        await _pump.AskAsync(() =>
        {
            _pump.Exchange.Receive(Session.Value, command);
            return true;
        });
    }

    private static bool IsTheEnd(Exception e) => e is IOException or SocketException or OperationCanceledException or ObjectDisposedException;
}
