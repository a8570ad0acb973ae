using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Kalshi.Daemon.Bench.Pipeline;

/// <summary>
/// A server that sends N order-book deltas of 265 bytes, dense in seq, as fast as the far end reads: one client, one thread, 64 KiB a
/// write, so that the reader and not the sender is what a bench measures.
/// </summary>
internal sealed class FrameFeeder : IDisposable
{
    /// <summary>seq has ten digits from the first frame on, so that every frame has the same size.</summary>
    public const long FirstSeq = 1_000_000_000;

    private const int FramesPerWrite = 256;
    private const string Head = """{"type":"orderbook_delta","sid":1,"seq":""";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Thread _thread;

    public FrameFeeder(long frames)
    {
        _listener.Start();
        _thread = new Thread(() => Serve(frames)) { IsBackground = true };
        _thread.Start();
    }

    public Uri Url => new($"ws://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/trade-api/ws/v2");

    /// <summary>A real delta's length: 265 bytes with the newline.</summary>
    public static byte[] Frame(long seq) => Encoding.ASCII.GetBytes(
        $$$"""{{{Head}}}{{{seq}}},"msg":{"market_ticker":"KXGOLD15M-26AUG050000-00","market_id":"4f5c2e39-5132-4147-ba3f-b3485ad89427","price_dollars":"0.3200","delta_fp":"-46.02","side":"no","ts":"2026-08-05T03:45:40.722003Z","ts_ms":1785901540722}}""" + "\n");

    public void Dispose()
    {
        _listener.Stop();
        _thread.Join();
    }

    private void Serve(long frames)
    {
        using var socket = _listener.AcceptSocket();
        socket.NoDelay = true;
        Upgrade(socket);
        var frame = Frame(FirstSeq);
        var stride = 4 + frame.Length;
        var batch = new byte[FramesPerWrite * stride];
        for (var i = 0; i < FramesPerWrite; i++)
        {
            new byte[] { 0x81, 126, (byte)(frame.Length >> 8), (byte)frame.Length }.CopyTo(batch, i * stride);
            frame.CopyTo(batch, (i * stride) + 4);
        }

        for (long sent = 0; sent < frames; sent += FramesPerWrite)
        {
            var count = (int)Math.Min(FramesPerWrite, frames - sent);
            for (var i = 0; i < count; i++)
            {
                (FirstSeq + sent + i).TryFormat(batch.AsSpan((i * stride) + 4 + Head.Length), out _, provider: CultureInfo.InvariantCulture);
            }

            Send(socket, batch.AsSpan(0, count * stride));
        }

        Send(socket, [0x88, 0x02, 0x03, 0xE8]);
        socket.Shutdown(SocketShutdown.Send);
        while (socket.Receive(batch) > 0)
        {
        }
    }

    private static void Send(Socket socket, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[socket.Send(bytes)..];
        }
    }

    private static void Upgrade(Socket socket)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && socket.Receive(one) == 1)
        {
            head.Append((char)one[0]);
        }

        var key = head.ToString().Split("\r\n").First(line => line.StartsWith("Sec-WebSocket-Key", StringComparison.OrdinalIgnoreCase)).Split(": ")[1];
        var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
        Send(socket, Encoding.ASCII.GetBytes($"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"));
    }
}
