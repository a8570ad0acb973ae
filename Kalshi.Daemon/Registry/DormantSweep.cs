using Kalshi.Daemon.Exchange;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Registry;

/// <summary>
/// Markets beyond the connection budget are looked at over REST, <see cref="PerCall"/> a call in a fair rotation, at the pace of
/// the token bucket. The pages are journalled; they are glimpses, not coverage.
/// </summary>
internal sealed class DormantSweep(RestClient rest, Shards shards, Func<RestPage, byte[], Task> journalPage, ILogger log)
{
    private const int PerCall = 100;
    private static readonly TimeSpan IdleWait = TimeSpan.FromSeconds(1);

    public async Task RunAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                var tickers = shards.NextDormant(PerCall);
                if (tickers.Count == 0)
                {
                    await Task.Delay(IdleWait, stop);
                    continue;
                }

                var path = $"/markets/orderbooks?{string.Join('&', tickers.Select(ticker => $"tickers={Uri.EscapeDataString(ticker)}"))}";
                var answer = await rest.GetAsync(path, stop);
                if (answer.Succeeded)
                {
                    await journalPage(new RestPage(path, answer.Status, "books_sweep"), answer.Body);
                }
                else
                {
                    log.RestFailed("/markets/orderbooks", answer.ToString());
                    await Task.Delay(IdleWait, stop);
                }

                // Registry pages and backfills share the bucket and matter more.
                await Task.Delay(TimeSpan.FromMilliseconds(100), stop);
            }
        }
        catch (OperationCanceledException)
        {
            // Nothing to finish.
        }
    }
}
