using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Kalshi.Daemon.Primitives;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Simulation;

/// <summary>What the transport is told once.</summary>
/// <param name="QueueBytesMax">Bytes that may wait on one connection before its sids overflow (error 25).</param>
/// <param name="ReadTokens">Tokens a second of the read bucket; a call costs ten. The bucket holds three seconds (one above 300/s).</param>
internal sealed record ServerSettings(IPEndPoint Listen, TimeSpan ClockTolerance, int QueueBytesMax, long ReadTokens);

/// <summary>
/// The exchange on loopback: Kestrel for HTTP, the raw socket for what follows an upgrade. Every question about the exchange
/// is asked on its own thread. Bound: 1,024 connections. When full: 503.
/// </summary>
internal sealed class SimulatedServer : IAsyncDisposable
{
    public const string RestBase = "/trade-api/v2";
    public const string WebSocketPath = "/trade-api/ws/v2";
    private const int ConnectionsMax = 1_024;
    private const int CallTokens = 10;

    private static readonly TimeSpan PingInterval = TimeSpan.FromSeconds(10);

    private readonly WebApplication _application;
    private readonly ExchangePump _pump;
    private readonly ServerSettings _settings;
    private readonly SignatureCheck _signatures;
    private readonly TokenBucket _signedReads;
    private readonly TokenBucket _unsignedReads;
    private readonly RestApi _rest;
    private Timer? _pings;

    public SimulatedServer(ExchangePump pump, ServerKey key, ServerSettings settings)
    {
        (_pump, _settings) = (pump, settings);
        _signatures = new SignatureCheck(key, settings.ClockTolerance);
        var capacity = settings.ReadTokens * (settings.ReadTokens <= 300 ? 3 : 1);
        _signedReads = new TokenBucket(settings.ReadTokens, capacity);
        _unsignedReads = new TokenBucket(settings.ReadTokens, capacity);
        _rest = new RestApi(pump.Exchange, _signedReads);

        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [] });
        builder.Logging.ClearProviders();
        builder.Services.Configure<KestrelServerOptions>(options =>
        {
            options.Listen(settings.Listen);
            options.AddServerHeader = false;
            options.Limits.MinResponseDataRate = null;
        });
        _application = builder.Build();
        _application.Run(HandleAsync);
    }

    /// <summary>The address in use, once started: port 0 has become a real one.</summary>
    public IPEndPoint Endpoint { get; private set; } = new(IPAddress.Loopback, 0);

    /// <summary>Listens. Throws <see cref="SetupException"/> when the address is taken or not ours.</summary>
    public async Task StartAsync()
    {
        try
        {
            await _application.StartAsync();
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new SetupException(ExitCode.Unavailable, $"Cannot listen on {_settings.Listen}: {e.Message}; choose another --listen, port 0 takes a free one.");
        }

        var addresses = _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        var port = new Uri(addresses.First()).Port;
        Endpoint = new IPEndPoint(_settings.Listen.Address, port);
        _pings = new Timer(_ => PingAll(), null, PingInterval, PingInterval);
    }

    /// <summary>Says goodbye to every client, gives them a moment, and stops listening.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_pings is not null)
        {
            await _pings.DisposeAsync();
        }

        foreach (var connection in _pump.Connections)
        {
            connection.SendClose(1001);
        }

        for (var i = 0; i < 50 && _pump.Connections.Count > 0; i++)
        {
            await Task.Delay(20);
        }

        foreach (var connection in _pump.Connections)
        {
            connection.Dispose();
        }

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        await _application.StopAsync(patience.Token);
        await _application.DisposeAsync();
    }

    private void PingAll()
    {
        foreach (var connection in _pump.Connections)
        {
            connection.SendPing();
        }
    }

    private Task HandleAsync(HttpContext context)
    {
        if (_pump.Exchange.Faults.ClockSkew is var skew and not 0)
        {
            context.Response.Headers.Date = Micros.ToDateTime(Micros.Now() + skew).ToString("R", System.Globalization.CultureInfo.InvariantCulture);
        }

        var path = context.Request.Path.Value ?? "";
        return path == WebSocketPath ? UpgradeAsync(context)
            : path.StartsWith(RestBase, StringComparison.Ordinal) ? AnswerAsync(context, path)
            : WriteAsync(context, RestAnswer.Error(404, "not_found", "not found"));
    }

    private SignatureVerdict Verify(HttpContext context, string path)
    {
        var headers = context.Request.Headers;
        return _signatures.Check(headers["KALSHI-ACCESS-KEY"], headers["KALSHI-ACCESS-TIMESTAMP"], headers["KALSHI-ACCESS-SIGNATURE"],
            context.Request.Method, path, Micros.Now() + _pump.Exchange.Faults.ClockSkew);
    }

    private static RestAnswer Refusal(SignatureVerdict verdict) => verdict switch
    {
        SignatureVerdict.TimestampExpired => RestAnswer.Error(401, "header_timestamp_expired", "the signed timestamp is too far from the server's clock"),
        SignatureVerdict.UnknownKey => RestAnswer.Error(401, "authentication_error", "NOT_FOUND"),
        SignatureVerdict.BadSignature => RestAnswer.Error(401, "authentication_error", "INCORRECT_API_KEY_SIGNATURE"),
        _ => RestAnswer.Error(401, "authentication_error", "missing KALSHI-ACCESS headers"),
    };

    // --- REST ---

    private async Task AnswerAsync(HttpContext context, string path)
    {
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            await WriteAsync(context, RestAnswer.Error(405, "method_not_allowed", "only GET is simulated"));
            return;
        }

        var verdict = Verify(context, path);
        var rest = path[RestBase.Length..];
        if (verdict is not (SignatureVerdict.Valid or SignatureVerdict.Unsigned) || (verdict == SignatureVerdict.Unsigned && NeedsSignature(rest)))
        {
            await WriteAsync(context, Refusal(verdict));
            return;
        }

        var query = new RestQuery(name => [.. context.Request.Query[name]]);
        var (answer, fault) = await _pump.AskAsync(() =>
        {
            var fault = _pump.Exchange.Faults.DecideRest(rest);
            var bucket = verdict == SignatureVerdict.Valid ? _signedReads : _unsignedReads;
            return (fault.Status == 429 || !bucket.TryTake(CallTokens, Micros.Now()) ? RestAnswer.TooManyRequests
                : fault.Status != 0 ? RestAnswer.Error(fault.Status, "service_error", "injected")
                : _rest.Get(rest, query, fault.RepeatsCursor), fault);
        });
        await Task.Delay(TimeSpan.FromMicroseconds(fault.DelayMicros));
        if (fault.IsTimeout)
        {
            await NeverAsync(context.RequestAborted);
            return;
        }

        await WriteAsync(context, fault.IsMalformed ? answer with { Body = answer.Body[..(answer.Body.Length / 2)] } : answer);
    }

    /// <summary>Until the client gives up, or the server after ten minutes.</summary>
    private static async Task NeverAsync(CancellationToken gone)
    {
        try
        {
            await Task.Delay(TimeSpan.FromMinutes(10), gone);
        }
        catch (OperationCanceledException)
        {
            // The client gave up, as it should.
        }
    }

    /// <summary>The single order book is documented as signed too, but was seen to answer unsigned.</summary>
    private static bool NeedsSignature(string path) => path is "/markets/orderbooks" || path.StartsWith("/account/", StringComparison.Ordinal);

    private static async Task WriteAsync(HttpContext context, RestAnswer answer)
    {
        context.Response.StatusCode = answer.Status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = answer.Body.Length;
        await context.Response.Body.WriteAsync(answer.Body);
    }

    // --- WebSocket ---

    private async Task UpgradeAsync(HttpContext context)
    {
        var upgrade = context.Features.Get<IHttpUpgradeFeature>();
        var key = (string?)context.Request.Headers.SecWebSocketKey;
        var socket = context.Features.Get<IConnectionSocketFeature>()?.Socket;
        if (upgrade is not { IsUpgradableRequest: true } || key is null || socket is null)
        {
            await WriteAsync(context, RestAnswer.Error(426, "upgrade_required", "this is a WebSocket endpoint"));
        }
        else if (Verify(context, WebSocketPath) is var verdict and not SignatureVerdict.Valid)
        {
            await WriteAsync(context, Refusal(verdict));
        }
        else if (await _pump.AskAsync(_pump.Exchange.Faults.DecideUpgrade) is var refusal and not 0)
        {
            await WriteAsync(context, RestAnswer.Error(refusal, "unavailable", "injected"));
        }
        else if (_pump.Connections.Count >= ConnectionsMax)
        {
            await WriteAsync(context, RestAnswer.Error(503, "unavailable", "too many connections"));
        }
        else
        {
            context.Response.Headers.Connection = "Upgrade";
            context.Response.Headers.Upgrade = "websocket";
            context.Response.Headers.SecWebSocketAccept = Accept(key);
            var stream = await upgrade.UpgradeAsync();
            using var connection = new WebSocketConnection(socket, stream, _pump, _settings.QueueBytesMax);
            await connection.RunAsync();
        }
    }

    /// <summary>RFC 6455, 4.2.2: the key with the protocol's own uuid behind it, hashed.</summary>
    private static string Accept(string key) =>
        Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
}
