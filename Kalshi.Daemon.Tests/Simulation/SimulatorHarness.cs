using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Simulation;

namespace Kalshi.Daemon.Tests.Simulation;

/// <summary>A simulator on a free port, in this process, with helpers that sign as a client does.</summary>
internal sealed class SimulatorHarness : IAsyncDisposable
{
    private readonly HttpClient _http = new();
    private readonly SimulatedServer _server;

    private SimulatorHarness(ExchangePump pump, SimulatedServer server, ServerKey key) => (Pump, _server, Key) = (pump, server, key);

    public ExchangePump Pump { get; }

    public ServerKey Key { get; }

    public SimulatedExchange Exchange => Pump.Exchange;

    public IPEndPoint Endpoint => _server.Endpoint;

    public static SeededSettings Calm { get; } = new(1, 50, 10, 1, 1, long.MaxValue, Micros.PerHour, 4);

    /// <summary>Starts with the given source; `hold` keeps the clock from running until <see cref="ExchangePump"/> sees all watched.</summary>
    public static async Task<SimulatorHarness> StartAsync(
        IEventSource? source = null, ITruth? truth = null, FaultPlan? faults = null, ExchangeSettings? exchangeSettings = null,
        double speed = 1, bool startNow = true, KeyKind keyKind = KeyKind.Rsa, int queueBytesMax = 64 << 20, long readTokens = 1_000_000)
    {
        var startAt = Micros.Now();
        var exchange = new SimulatedExchange(exchangeSettings ?? new ExchangeSettings { HistoricalCutoff = startAt - (60 * Micros.PerDay) }, faults, truth);
        source ??= new SeededSource(Calm);
        source.Populate(exchange, startAt);
        var key = ServerKey.Generate(keyKind);
        var pump = new ExchangePump(exchange, source, truth, new PumpSettings(speed, startNow));
        var server = new SimulatedServer(pump, key, new ServerSettings(new IPEndPoint(IPAddress.Loopback, 0), TimeSpan.FromSeconds(30), queueBytesMax, readTokens));
        pump.Start();
        await server.StartAsync();
        return new SimulatorHarness(pump, server, key);
    }

    public (string Name, string Value)[] Sign(string method, string path, long offsetMs = 0, string? keyId = null)
    {
        var timestamp = ((Micros.Now() / 1_000) + offsetMs).ToString(null, null);
        using var rsa = RSA.Create();
        rsa.ImportFromPem(Key.PrivatePem);
        var signature = rsa.SignData(Encoding.UTF8.GetBytes(timestamp + method + path), HashAlgorithmName.SHA256, RSASignaturePadding.Pss);
        return [("KALSHI-ACCESS-KEY", keyId ?? Key.Id), ("KALSHI-ACCESS-TIMESTAMP", timestamp), ("KALSHI-ACCESS-SIGNATURE", Convert.ToBase64String(signature))];
    }

    /// <summary>GET below /trade-api/v2, signed unless headers are given.</summary>
    public async Task<(HttpStatusCode Status, JsonElement Body, HttpResponseHeaders Headers)> GetAsync(string pathAndQuery, (string Name, string Value)[]? headers = null)
    {
        var path = SimulatedServer.RestBase + pathAndQuery;
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{_server.Endpoint}{path}");
        foreach (var (name, value) in headers ?? Sign("GET", path.Split('?')[0]))
        {
            request.Headers.Add(name, value);
        }

        using var response = await _http.SendAsync(request);
        var body = await response.Content.ReadAsByteArrayAsync();
        return (response.StatusCode, JsonDocument.Parse(body).RootElement, response.Headers);
    }

    public async Task<SimulatorClient> ConnectAsync((string Name, string Value)[]? headers = null)
    {
        var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        foreach (var (name, value) in headers ?? Sign("GET", SimulatedServer.WebSocketPath))
        {
            socket.Options.SetRequestHeader(name, value);
        }

        var client = new SimulatorClient(socket);
        try
        {
            await socket.ConnectAsync(new Uri($"ws://{_server.Endpoint}{SimulatedServer.WebSocketPath}"), CancellationToken.None);
        }
        catch (WebSocketException) when (socket.HttpStatusCode != 0)
        {
            client.RefusedWith = socket.HttpStatusCode;
        }

        return client;
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Pump.Dispose();
        _http.Dispose();
    }
}

/// <summary>One connection. Frames come as parsed JSON, each wait has a limit.</summary>
internal sealed class SimulatorClient(ClientWebSocket socket) : IDisposable
{
    private readonly byte[] _buffer = new byte[64 << 10];
    private readonly MemoryStream _message = new();
    private int _lastId;

    public ClientWebSocket Socket => socket;

    public HttpStatusCode RefusedWith { get; set; }

    public Task SendAsync(string text) => socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, CancellationToken.None);

    /// <summary>Sends a command with the next id, which is returned.</summary>
    public async Task<int> CommandAsync(string name, string parameters)
    {
        var id = ++_lastId;
        await SendAsync($$"""{"id":{{id}},"cmd":"{{name}}","params":{{parameters}}}""");
        return id;
    }

    /// <summary>The next message as text, null when the connection has ended.</summary>
    public async Task<string?> TextAsync(int limitMs = 10_000)
    {
        using var limit = new CancellationTokenSource(limitMs);
        _message.SetLength(0);
        while (true)
        {
            ValueWebSocketReceiveResult result;
            try
            {
                result = await socket.ReceiveAsync(_buffer.AsMemory(), limit.Token);
            }
            catch (WebSocketException)
            {
                return null;
            }

            if (result.MessageType == WebSocketMessageType.Close)
            {
                return null;
            }

            _message.Write(_buffer, 0, result.Count);
            if (result.EndOfMessage)
            {
                return Encoding.UTF8.GetString(_message.GetBuffer(), 0, (int)_message.Length);
            }
        }
    }

    public async Task<Frame> FrameAsync(int limitMs = 10_000) =>
        new(await TextAsync(limitMs) ?? throw new InvalidOperationException("The connection has ended."));

    /// <summary>The next frame of a type; others are passed over.</summary>
    public async Task<Frame> FrameAsync(string type)
    {
        while (true)
        {
            var frame = await FrameAsync();
            if (frame.Type == type)
            {
                return frame;
            }
        }
    }

    public async Task<List<Frame>> FramesAsync(int count)
    {
        var frames = new List<Frame>(count);
        while (frames.Count < count)
        {
            frames.Add(await FrameAsync());
        }

        return frames;
    }

    public void Dispose() => socket.Dispose();
}

/// <summary>A server message, parsed.</summary>
internal sealed class Frame
{
    public Frame(string text)
    {
        Text = text;
        using var document = JsonDocument.Parse(text);
        Root = document.RootElement.Clone();
    }

    public string Text { get; }

    public JsonElement Root { get; }

    public string Type => Root.GetProperty("type").GetString()!;

    public long Id => Number("id");

    public long Sid => Number("sid");

    public long Seq => Number("seq");

    public JsonElement Msg => Root.GetProperty("msg");

    public string Ticker => Msg.GetProperty("market_ticker").GetString()!;

    public int Code => Msg.GetProperty("code").GetInt32();

    public override string ToString() => Text;

    private long Number(string name) => Root.TryGetProperty(name, out var value) ? value.GetInt64() : 0;
}
