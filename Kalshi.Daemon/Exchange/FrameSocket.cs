using System.Buffers;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Exchange;

/// <summary>What an entry of a socket's ring is.</summary>
internal enum SocketEntry : byte
{
    /// <summary>A WebSocket message, as received.</summary>
    Message = 1,

    /// <summary>The socket's last entry: why it closed, as UTF-8 text.</summary>
    Closed = 2,
}

/// <summary>
/// One WebSocket: `SocketsHttpHandler` dials and upgrades, then the receive loop reads large chunks from the transport itself
/// and cuts them into messages.
///
/// In:        the transport stream (TCP or TLS), read in chunks of up to <see cref="ChunkBytes"/>.
/// Out:       a <see cref="ByteRing"/>: one Message entry per WebSocket message, a Closed entry at the end.
/// Thread:    the receive loop runs on the thread pool; sends may come from any thread, one at a time.
/// Bound:     one message of at most 64 MiB; longer ones close the socket.
/// When full: the loop waits for the ring, so TCP pushes back and the exchange buffers (and in the end says error 25).
/// </summary>
/// <remarks>
/// `ClientWebSocket` costs an asynchronous call, a header read and a copy per message; reading here costs them per chunk. Steady
/// state allocates nothing: the stream's value tasks are pooled and the loop's own state is one object.
/// </remarks>
internal sealed class FrameSocket : IAsyncDisposable
{
    public const int ChunkBytes = 256 * 1024;

    private const string AcceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    private static readonly TimeSpan SendLimit = TimeSpan.FromSeconds(10);

    private readonly SocketsHttpHandler _handler;
    private readonly HttpResponseMessage _response;
    private readonly Stream _transport;
    private readonly Stream _upgraded;
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly CancellationTokenSource _abort = new();
    private string? _abortReason;
    private long _receivedTicks = Environment.TickCount64;
    private long _ringFullWaits;

    private byte[]? _assembly;
    private int _assembled;

    private FrameSocket(SocketsHttpHandler handler, HttpResponseMessage response, Stream transport, Stream upgraded)
    {
        (_handler, _response, _transport, _upgraded) = (handler, response, transport, upgraded);
    }

    /// <summary>Milliseconds since anything (data, ping, pong) came. Written by the receive loop.</summary>
    public long QuietMs => Environment.TickCount64 - Volatile.Read(ref _receivedTicks);

    /// <summary>How often the receive loop had to wait because its ring was full. Written by the receive loop.</summary>
    public long RingFullWaits => Volatile.Read(ref _ringFullWaits);

    /// <summary>Dials, signs and upgrades. Throws <see cref="DialException"/> with what the exchange answered.</summary>
    public static async Task<FrameSocket> DialAsync(Uri url, RequestSigner signer, TimeSpan limit, CancellationToken cancel)
    {
        Stream? transport = null;
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectCallback = async (context, token) => transport = await ConnectAsync(url, context.DnsEndPoint.Host, context.DnsEndPoint.Port, token),
        };
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timeout.CancelAfter(limit);
        try
        {
            using var client = new HttpMessageInvoker(handler, disposeHandler: false);
            var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
            using var request = UpgradeRequest(url, key);
            signer.Sign(request);
            var response = await client.SendAsync(request, timeout.Token);
            if ((int)response.StatusCode != 101 || !AcceptMatches(response, key))
            {
                var body = await response.Content.ReadAsStringAsync(timeout.Token);
                throw new DialException((int)response.StatusCode, response.Headers.Date, body.Trim());
            }

            return new FrameSocket(handler, response, transport!, await response.Content.ReadAsStreamAsync(timeout.Token));
        }
        catch (Exception e) when (e is not DialException)
        {
            handler.Dispose();
            cancel.ThrowIfCancellationRequested();
            throw new DialException(0, null, e is OperationCanceledException ? $"no answer within {limit.TotalSeconds:0} s" : e.GetBaseException().Message);
        }
        catch
        {
            handler.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Reads until the socket ends and returns why. Every message read is in the ring by then, followed by the Closed entry.
    /// Called once.
    /// </summary>
    public async Task<string> ReceiveAsync(ByteRing ring)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        string reason;
        try
        {
            (reason, buffer) = await ReceiveLoopAsync(ring, buffer);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        while (!ring.TryWrite((byte)SocketEntry.Closed, Micros.Now(), Encoding.UTF8.GetBytes(reason)))
        {
            await WaitForRingAsync(ring);
        }

        ring.Publish();
        return reason;
    }

    /// <summary>Sends one text message. Throws <see cref="IOException"/> when the socket is gone.</summary>
    public Task SendTextAsync(ReadOnlyMemory<byte> text) => SendAsync(WebSocketOpcode.Text, text);

    public Task PingAsync() => SendAsync(WebSocketOpcode.Ping, "kalshid"u8.ToArray());

    /// <summary>Says goodbye (close code 1000); the receive loop ends when the exchange answers or hangs up.</summary>
    public Task CloseAsync() => SendAsync(WebSocketOpcode.Close, new byte[] { 0x03, 0xE8 });

    /// <summary>Ends the receive loop at once with this reason. Any thread.</summary>
    public void Abort(string reason)
    {
        Interlocked.CompareExchange(ref _abortReason, reason, null);
        _abort.Cancel();
    }

    public async ValueTask DisposeAsync()
    {
        _abort.Cancel();
        await _transport.DisposeAsync();
        _response.Dispose();
        _handler.Dispose();
    }

    private async Task<(string Reason, byte[] Buffer)> ReceiveLoopAsync(ByteRing ring, byte[] buffer)
    {
        // The first read goes through the upgraded stream, which may hold bytes that came together with the response's head;
        // it gives them up in that one read and nothing reads through it again.
        var stream = _upgraded;
        int filled = 0, offset = 0;
        try
        {
            while (true)
            {
                var read = await stream.ReadAsync(buffer.AsMemory(filled), _abort.Token);
                if (read == 0)
                {
                    return ("the exchange hung up", buffer);
                }

                stream = _transport;
                var now = Micros.Now();
                Volatile.Write(ref _receivedTicks, Environment.TickCount64);
                filled += read;
                string? ended;
                while (Cut(buffer.AsSpan(0, filled), ref offset, ring, now, out ended) == CutVerdict.RingFull)
                {
                    await WaitForRingAsync(ring);
                }

                ring.Publish();
                if (ended is not null)
                {
                    return (ended, buffer);
                }

                buffer = MakeRoom(buffer, ref offset, ref filled);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            return (Volatile.Read(ref _abortReason) ?? $"receive failed: {e.GetBaseException().Message}", buffer);
        }
    }

    private enum CutVerdict
    {
        NeedMore,
        RingFull,
        Ended,
    }

    /// <summary>Cuts whole frames from `offset` on into the ring; `ended` says why the socket is over, if it is.</summary>
    private CutVerdict Cut(ReadOnlySpan<byte> bytes, ref int offset, ByteRing ring, long now, out string? ended)
    {
        ended = null;
        while (true)
        {
            var parse = WebSocketFrames.Parse(bytes[offset..], out var opcode, out var final, out var headerBytes, out var payloadBytes);
            if (parse == FrameParse.Incomplete)
            {
                return CutVerdict.NeedMore;
            }

            if (parse == FrameParse.Invalid)
            {
                ended = "the exchange sent bytes that are no WebSocket frame";
                return CutVerdict.Ended;
            }

            var payload = bytes.Slice(offset + headerBytes, payloadBytes);
            if (final && opcode is WebSocketOpcode.Text or WebSocketOpcode.Binary && _assembly is null)
            {
                if (!ring.TryWrite((byte)SocketEntry.Message, now, payload))
                {
                    return CutVerdict.RingFull;
                }
            }
            else
            {
                var verdict = CutUnusual(opcode, final, payload, ring, now, out ended);
                if (verdict != CutVerdict.NeedMore)
                {
                    return verdict;
                }
            }

            offset += headerBytes + payloadBytes;
        }
    }

    /// <summary>Control frames and fragments. NeedMore = taken, go on.</summary>
    private CutVerdict CutUnusual(WebSocketOpcode opcode, bool final, ReadOnlySpan<byte> payload, ByteRing ring, long now, out string? ended)
    {
        ended = null;
        switch (opcode)
        {
            case WebSocketOpcode.Ping:
                Answer(WebSocketOpcode.Pong, payload);
                return CutVerdict.NeedMore;
            case WebSocketOpcode.Pong:
                return CutVerdict.NeedMore;
            case WebSocketOpcode.Close:
                Answer(WebSocketOpcode.Close, payload);
                var code = payload.Length >= 2 ? (payload[0] << 8) | payload[1] : 1005;
                ended = $"close {code} {Encoding.UTF8.GetString(payload.Length > 2 ? payload[2..] : [])}".TrimEnd();
                return CutVerdict.Ended;
            case WebSocketOpcode.Continuation when _assembly is null:
            case WebSocketOpcode.Text or WebSocketOpcode.Binary when _assembly is not null:
                ended = "the exchange sent message fragments out of order";
                return CutVerdict.Ended;
            default:
                return Assemble(final, payload, ring, now, out ended);
        }
    }

    private CutVerdict Assemble(bool final, ReadOnlySpan<byte> payload, ByteRing ring, long now, out string? ended)
    {
        ended = null;
        if (_assembled + payload.Length > WebSocketFrames.MessageBytesMax)
        {
            ended = "the exchange sent a message of more than 64 MiB";
            return CutVerdict.Ended;
        }

        var before = _assembled;
        _assembly ??= new byte[Math.Max(4096, payload.Length * 2)];
        if (_assembly.Length < before + payload.Length)
        {
            Array.Resize(ref _assembly, Math.Max(_assembly.Length * 2, before + payload.Length));
        }

        payload.CopyTo(_assembly.AsSpan(before));
        if (!final)
        {
            _assembled += payload.Length;
            return CutVerdict.NeedMore;
        }

        if (!ring.TryWrite((byte)SocketEntry.Message, now, _assembly.AsSpan(0, before + payload.Length)))
        {
            return CutVerdict.RingFull;
        }

        (_assembly, _assembled) = (null, 0);
        return CutVerdict.NeedMore;
    }

    /// <summary>Keeps the uncut rest at the front; grows for a frame larger than the buffer and shrinks back afterwards.</summary>
    private static byte[] MakeRoom(byte[] buffer, ref int offset, ref int filled)
    {
        var rest = filled - offset;
        var wanted = ChunkBytes;
        if (rest > 0)
        {
            WebSocketFrames.Parse(buffer.AsSpan(offset, rest), out _, out _, out var headerBytes, out var payloadBytes);
            wanted = Math.Max(wanted, headerBytes + payloadBytes + WebSocketFrames.HeaderBytesMax);
        }

        var target = buffer;
        if (wanted > buffer.Length || (buffer.Length >= 4 * ChunkBytes && wanted == ChunkBytes && rest < ChunkBytes))
        {
            target = ArrayPool<byte>.Shared.Rent(wanted);
        }

        buffer.AsSpan(offset, rest).CopyTo(target);
        (offset, filled) = (0, rest);
        if (!ReferenceEquals(target, buffer))
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return target;
    }

    /// <summary>Not to be cancelled: what was read from the socket goes into the ring, and capture drains it to the end.</summary>
    private Task WaitForRingAsync(ByteRing ring)
    {
        ring.Publish();
        Volatile.Write(ref _ringFullWaits, _ringFullWaits + 1);
        return Task.Delay(1);
    }

    private void Answer(WebSocketOpcode opcode, ReadOnlySpan<byte> payload) =>
        _ = SendAsync(opcode, payload.ToArray()).ContinueWith(static sent => _ = sent.Exception, TaskScheduler.Default);

    private async Task SendAsync(WebSocketOpcode opcode, ReadOnlyMemory<byte> payload)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_abort.Token);
        limit.CancelAfter(SendLimit);
        try
        {
            await _sending.WaitAsync(limit.Token);
            try
            {
                await _transport.WriteAsync(WebSocketFrames.Client(opcode, payload.Span), limit.Token);
                await _transport.FlushAsync(limit.Token);
            }
            finally
            {
                _sending.Release();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // A half-sent frame would garble the stream, so the socket ends here.
            Abort("a send did not go through");
            throw new IOException("a send did not go through", e);
        }
    }

    private static async Task<Stream> ConnectAsync(Uri url, string host, int port, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, port, cancel);
            var stream = new NetworkStream(socket, ownsSocket: true);
            if (url.Scheme is not ("wss" or "https"))
            {
                return stream;
            }

            var tls = new SslStream(stream);
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = url.Host, ApplicationProtocols = [SslApplicationProtocol.Http11] }, cancel);
            return tls;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static HttpRequestMessage UpgradeRequest(Uri url, string key)
    {
        var http = new UriBuilder(url) { Scheme = url.Scheme is "wss" or "https" ? "https" : "http", Port = url.Port }.Uri;
        var request = new HttpRequestMessage(HttpMethod.Get, http) { Version = System.Net.HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Connection.Add("Upgrade");
        request.Headers.Upgrade.Add(new ProductHeaderValue("websocket"));
        request.Headers.Add("Sec-WebSocket-Version", "13");
        request.Headers.Add("Sec-WebSocket-Key", key);
        return request;
    }

    /// <summary>RFC 6455 section 4.2.2: the answer proves that the far end speaks WebSocket and is no confused cache.</summary>
    private static bool AcceptMatches(HttpResponseMessage response, string key) =>
        response.Headers.TryGetValues("Sec-WebSocket-Accept", out var accept)
        && accept.FirstOrDefault() == Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + AcceptGuid)));
}

/// <summary>A dial that did not become a socket. Status 0: no answer at all.</summary>
internal sealed class DialException(int status, DateTimeOffset? date, string body) : Exception(body)
{
    public int Status { get; } = status;

    /// <summary>The exchange's clock, from the Date header, when it answered.</summary>
    public DateTimeOffset? Date { get; } = date;
}
