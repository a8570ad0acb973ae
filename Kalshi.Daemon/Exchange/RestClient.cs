using System.Net;
using System.Net.Http.Headers;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Exchange;

/// <summary>An answer of the REST interface: the body exactly as received. Status 0: no answer, `Failure` says why.</summary>
internal readonly record struct RestAnswer(int Status, byte[] Body, DateTimeOffset? Date, string Failure)
{
    public bool Succeeded => Status == 200;

    public override string ToString() => Status == 0 ? Failure : $"{Status} {System.Text.Encoding.UTF8.GetString(Body.AsSpan(0, Math.Min(200, Body.Length)))}";
}

/// <summary>
/// Signed GETs within the account's token bucket. 429 (which carries no Retry-After), 5xx and lost connections are tried again
/// with jittered back-off, at most <see cref="AttemptsMax"/> times. Thread-safe.
/// </summary>
internal sealed class RestClient : IDisposable
{
    public const int AttemptsMax = 8;

    /// <summary>What nearly every call costs; the basic tier refills 200 a second. `SetLimits` takes the account's own figures.</summary>
    private const double TokensPerCall = 10;
    private const double BasicTokensPerSecond = 200;
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(30);

    private readonly string _baseUrl;
    private readonly RequestSigner _signer;
    private readonly ILogger _log;
    private readonly TokenBucket _tokens = new(BasicTokensPerSecond, BasicTokensPerSecond);
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AutomaticDecompression = DecompressionMethods.All,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        UseCookies = false,
    })
    { Timeout = CallLimit };

    public RestClient(string baseUrl, RequestSigner signer, ILogger log)
    {
        (_baseUrl, _signer, _log) = (baseUrl.TrimEnd('/'), signer, log);
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("kalshid", Modes.VersionText));
    }

    /// <summary>Takes the account's own read limit; the bucket keeps a tenth back for the operator's own calls.</summary>
    public void SetLimits(double tokensPerSecond, double tokensMax) => _tokens.SetRate(tokensPerSecond * 0.9, Math.Max(TokensPerCall, tokensMax * 0.9));

    /// <summary>GET `path` (from the base URL, with query). The last answer, whatever it is, when the attempts are spent.</summary>
    public async Task<RestAnswer> GetAsync(string path, CancellationToken cancel)
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(10));
        while (true)
        {
            await _tokens.TakeAsync(TokensPerCall, cancel);
            var answer = await GetOnceAsync(path, cancel);
            if (answer.Status is not (0 or 429 or >= 500) || backoff.Failures + 1 >= AttemptsMax)
            {
                return answer;
            }

            _log.RestRetried(path, answer.ToString());
            await Task.Delay(backoff.Next(), cancel);
        }
    }

    /// <summary>One attempt, for `kalshid check`.</summary>
    public async Task<RestAnswer> GetOnceAsync(string path, CancellationToken cancel)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, _baseUrl + path);
            _signer.Sign(request);
            using var response = await _http.SendAsync(request, cancel);
            return new RestAnswer((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(cancel), response.Headers.Date, "");
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is TaskCanceledException && !cancel.IsCancellationRequested))
        {
            return new RestAnswer(0, [], null, e is TaskCanceledException ? $"no answer within {CallLimit.TotalSeconds} s" : e.GetBaseException().Message);
        }
    }

    public void Dispose() => _http.Dispose();
}
