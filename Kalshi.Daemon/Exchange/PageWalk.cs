using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Exchange;

/// <summary>A listing over REST, read page by page.</summary>
internal static class PageWalk
{
    /// <summary>
    /// Gets `query` (with a `?`) and then every page that a cursor names, until one has none. `take` is given each page's path and
    /// answer and says the cursor of the next, "" on the last and null when the page cannot be read. False when the walk broke off, which is
    /// logged: a call failed, a page was unreadable, a cursor came a second time (a walk in a circle has no end), or there were more
    /// than `pagesMax` pages.
    /// </summary>
    public static async Task<bool> ReadAsync(RestClient rest, string query, int pagesMax, Func<string, RestAnswer, Task<string?>> take, ILogger log, CancellationToken stop)
    {
        var path = query;
        var seen = new HashSet<string>();
        for (var pages = 0; pages < pagesMax; pages++)
        {
            var answer = await rest.GetAsync(path, stop);
            if (!answer.Succeeded)
            {
                log.RestFailed(path, answer.ToString());
                return false;
            }

            if (await take(path, answer) is not { } cursor)
            {
                log.RestUnreadable(path, answer.Body.Length);
                return false;
            }

            if (cursor.Length == 0)
            {
                return true;
            }

            if (!seen.Add(cursor))
            {
                log.CursorRepeated(path);
                return false;
            }

            path = $"{query}&cursor={Uri.EscapeDataString(cursor)}";
        }

        log.PagesSpent(pagesMax, query);
        return false;
    }
}
