using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Exchange;

/// <summary>Takes the account's own read bucket from GET /account/limits.</summary>
internal static class AccountLimits
{
    /// <summary>Does nothing but log when the exchange does not say: the basic tier's figures stay.</summary>
    public static async Task ApplyAsync(RestClient rest, Func<RestPage, byte[], Task> journalPage, ILogger log, CancellationToken cancel)
    {
        try
        {
            var answer = await rest.GetOnceAsync("/account/limits", cancel);
            if (answer.Succeeded && TryRead(answer.Body, out var perSecond, out var capacity))
            {
                await journalPage(new RestPage("/account/limits", answer.Status, "status"), answer.Body);
                rest.SetLimits(perSecond, capacity);
                log.LimitsRead(perSecond, capacity);
            }
            else
            {
                log.RestFailed("/account/limits", answer.ToString());
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping already.
        }
    }

    private static bool TryRead(byte[] body, out double perSecond, out double capacity)
    {
        (perSecond, capacity) = (0, 0);
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement.TryGetProperty("read", out var read) && read.ValueKind == JsonValueKind.Object
                && read.TryGetProperty("refill_rate", out var rate) && rate.TryGetDouble(out perSecond)
                && read.TryGetProperty("bucket_capacity", out var size) && size.TryGetDouble(out capacity) && perSecond > 0;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }
}
