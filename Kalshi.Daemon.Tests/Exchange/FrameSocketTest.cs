using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange;

/// <summary>The socket against a server that the tests write byte by byte: the far end may cut its bytes as it likes.</summary>
internal sealed class FrameSocketTest
{
    private static readonly RequestSigner Signer = RequestSigner.FromPem("key", RSA.Create(2048).ExportPkcs8PrivateKeyPem(), "test");

    [Test]
    public async Task Socket_reads_one_byte_at_a_time_as_well_as_everything_at_once([Values(1, 3, 1000, 1 << 20)] int cut)
    {
        byte[][] messages = [.. Enumerable.Range(0, 50).Select(i => Encoding.UTF8.GetBytes(new string((char)('a' + (i % 26)), i * 7)))];
        var wire = messages.SelectMany(message => Frame(0x81, message)).ToArray();
        var received = await ServeAsync(async stream =>
        {
            for (var at = 0; at < wire.Length; at += cut)
            {
                await stream.WriteAsync(wire.AsMemory(at, Math.Min(cut, wire.Length - at)));
            }
        });
        Assert.That(received.Messages, Is.EqualTo(messages));
    }

    [Test]
    public async Task Socket_keeps_bytes_that_came_together_with_the_answer_to_the_upgrade()
    {
        var received = await ServeAsync(_ => Task.CompletedTask, Frame(0x81, "early"u8).Concat(Frame(0x81, "bird"u8)).ToArray());
        Assert.That(received.Messages.Select(Encoding.UTF8.GetString), Is.EqualTo(new[] { "early", "bird" }));
    }

    [Test]
    public async Task Socket_reads_frames_larger_than_its_buffer_between_small_ones([Values(65_535, 65_536, 300_000, 5_000_000)] int size)
    {
        var large = new byte[size];
        Random.Shared.NextBytes(large);
        var received = await ServeAsync(async stream =>
        {
            await stream.WriteAsync(Frame(0x81, "before"u8));
            await stream.WriteAsync(Frame(0x81, large));
            await stream.WriteAsync(Frame(0x81, "after"u8));
        });
        Assert.That(received.Messages.Select(message => message.Length), Is.EqualTo(new[] { 6, size, 5 }));
        Assert.That(received.Messages[1].AsSpan().SequenceEqual(large), Is.True);
    }

    [Test]
    public async Task Socket_joins_fragments_and_answers_pings_between_them()
    {
        byte[] pong = [];
        var received = await ServeAsync(async stream =>
        {
            await stream.WriteAsync(Frame(0x01, "one "u8));
            await stream.WriteAsync(Frame(0x89, "heartbeat"u8));
            await stream.WriteAsync(Frame(0x00, "two "u8));
            await stream.WriteAsync(Frame(0x80, "three"u8));
            pong = await ReadClientFrameAsync(stream);
        });
        Assert.That(received.Messages.Select(Encoding.UTF8.GetString), Is.EqualTo(new[] { "one two three" }));
        Assert.That(Encoding.UTF8.GetString(pong), Is.EqualTo("heartbeat"));
    }

    [TestCase(new byte[] { 0x81, 0x85, 0, 0, 0, 0, 1 }, "no WebSocket frame", TestName = "Masked server frame")]
    [TestCase(new byte[] { 0xC1, 0x00 }, "no WebSocket frame", TestName = "Reserved bit")]
    [TestCase(new byte[] { 0x83, 0x00 }, "no WebSocket frame", TestName = "Unknown opcode")]
    [TestCase(new byte[] { 0x81, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF }, "no WebSocket frame", TestName = "Length beyond the limit")]
    [TestCase(new byte[] { 0x80, 0x00 }, "out of order", TestName = "Continuation of nothing")]
    [TestCase(new byte[] { 0x88, 0x02, 0x03, 0xE9 }, "close 1001", TestName = "Close")]
    public async Task Socket_ends_with_a_reason_and_keeps_what_came_before(byte[] ending, string reason)
    {
        var received = await ServeAsync(async stream => await stream.WriteAsync(Frame(0x81, "kept"u8).Concat(ending).ToArray()));
        Assert.That(received.Messages.Select(Encoding.UTF8.GetString), Is.EqualTo(new[] { "kept" }));
        Assert.That(received.Reason, Does.Contain(reason));
    }

    [Test]
    public async Task Sent_text_arrives_masked_and_whole([Values(5, 125, 126, 65_535, 65_536, 200_000)] int size)
    {
        var text = Encoding.ASCII.GetBytes(new string('x', size));
        byte[] arrived = [];
        await ServeAsync(async stream => arrived = await ReadClientFrameAsync(stream), [], socket => socket.SendTextAsync(text));
        Assert.That(arrived.AsSpan().SequenceEqual(text), Is.True);
    }

    [Test]
    public async Task A_refused_upgrade_says_what_the_exchange_said()
    {
        var refused = await Assert.ThrowsAsync<DialException>(async () =>
            await ServeAsync(_ => Task.CompletedTask, answer: "HTTP/1.1 401 Unauthorized\r\nContent-Length: 14\r\nDate: Mon, 23 Nov 2026 14:00:00 GMT\r\n\r\n{\"error\":\"no\"}"));
        Assert.That(refused!.Status, Is.EqualTo(401));
        Assert.That(refused.Message, Does.Contain("no"));
        Assert.That(refused.Date, Is.Not.Null);
    }

    [Test]
    public async Task Receiving_allocates_nothing_per_message()
    {
        var batch = Enumerable.Repeat(Frame(0x81, new byte[265]), 1_000).SelectMany(frame => frame).ToArray();
        const int batches = 300;
        long before = 0, after = 0;
        var received = 0;
        await ServeAsync(async stream =>
        {
            for (var i = 0; i < batches; i++)
            {
                await stream.WriteAsync(batch);
            }
        }, [], onMessage: _ =>
        {
            // The server's own writes allocate nothing either, so the process's total is the receive path's.
            received++;
            if (received == 50_000)
            {
                before = GC.GetTotalAllocatedBytes(true);
            }
            else if (received == 300_000)
            {
                after = GC.GetTotalAllocatedBytes(true);
            }
        });
        Assert.That(received, Is.EqualTo(300_000));
        Assert.That((after - before) / 250_000.0, Is.LessThan(1), "bytes per message");
    }

    /// <summary>Runs a server for one socket and gives back what its ring carried.</summary>
    private static async Task<(List<byte[]> Messages, string Reason)> ServeAsync(
        Func<Stream, Task> serve, byte[]? early = null, Func<FrameSocket, Task>? send = null, string? answer = null, Action<int>? onMessage = null)
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var server = Task.Run(async () =>
        {
            using var client = await listener.AcceptTcpClientAsync();
            client.NoDelay = true;
            await using var stream = client.GetStream();
            var key = await ReadUpgradeAsync(stream);
            var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
            var head = answer ?? $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(head).Concat(early ?? []).ToArray());
            if (answer is null)
            {
                await serve(stream);
            }
        });
        try
        {
            var url = new Uri($"ws://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/trade-api/ws/v2");
            await using var socket = await FrameSocket.DialAsync(url, Signer, TimeSpan.FromSeconds(5), CancellationToken.None);
            var ring = new ByteRing(1 << 16);
            var receiving = Task.Run(() => socket.ReceiveAsync(ring));
            if (send is not null)
            {
                await send(socket);
            }

            var messages = await Task.Run(() => Drain(ring, onMessage));
            return (messages, await receiving);
        }
        finally
        {
            listener.Stop();
            await server;
        }
    }

    private static List<byte[]> Drain(ByteRing ring, Action<int>? onMessage)
    {
        var messages = new List<byte[]>();
        while (true)
        {
            ring.Snapshot();
            while (ring.TryRead(out var kind, out _, out var payload))
            {
                if (kind == (byte)SocketEntry.Closed)
                {
                    return messages;
                }

                if (onMessage is null)
                {
                    messages.Add(payload.ToArray());
                }
                else
                {
                    onMessage(payload.Length);
                }
            }

            ring.Release();
            Thread.Yield();
        }
    }

    private static byte[] Frame(byte first, ReadOnlySpan<byte> payload)
    {
        using var frame = new MemoryStream();
        frame.WriteByte(first);
        if (payload.Length < 126)
        {
            frame.WriteByte((byte)payload.Length);
        }
        else if (payload.Length <= 65_535)
        {
            frame.Write([126, (byte)(payload.Length >> 8), (byte)payload.Length]);
        }
        else
        {
            frame.Write([127, 0, 0, 0, 0, (byte)(payload.Length >> 24), (byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length]);
        }

        frame.Write(payload);
        return frame.ToArray();
    }

    /// <summary>Reads one client frame by the library's own server side, so that masking is judged by somebody else.</summary>
    private static async Task<byte[]> ReadClientFrameAsync(Stream stream)
    {
        using var all = new MemoryStream();
        var buffer = new byte[4096];
        // A pong is taken by the library without being shown, so control frames are read by hand.
        var first = new byte[2];
        await stream.ReadExactlyAsync(first);
        if ((first[0] & 0x0F) == 0x0A)
        {
            var rest = new byte[4 + (first[1] & 0x7F)];
            await stream.ReadExactlyAsync(rest);
            return [.. rest.Skip(4).Select((b, i) => (byte)(b ^ rest[i % 4]))];
        }

        using var replay = WebSocket.CreateFromStream(new Prefixed(first, stream), new WebSocketCreationOptions { IsServer = true });
        while (true)
        {
            var result = await replay.ReceiveAsync(buffer, CancellationToken.None);
            all.Write(buffer, 0, result.Count);
            if (result.EndOfMessage)
            {
                return all.ToArray();
            }
        }
    }

    private static async Task<string> ReadUpgradeAsync(Stream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await stream.ReadExactlyAsync(one);
            head.Append((char)one[0]);
        }

        return head.ToString().Split("\r\n").First(header => header.StartsWith("Sec-WebSocket-Key", StringComparison.OrdinalIgnoreCase)).Split(": ")[1];
    }

    private sealed class Prefixed(byte[] prefix, Stream rest) : Stream
    {
        private int _at;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_at == prefix.Length)
            {
                return await rest.ReadAsync(buffer, cancellationToken);
            }

            var count = Math.Min(buffer.Length, prefix.Length - _at);
            prefix.AsMemory(_at, count).CopyTo(buffer);
            _at += count;
            return count;
        }

        public override void Flush() => rest.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => rest.Write(buffer, offset, count);
    }
}
