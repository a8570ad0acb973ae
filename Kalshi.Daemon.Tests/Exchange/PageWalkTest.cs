using Kalshi.Daemon.Exchange;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange;

/// <summary>The exchange lists series on one page and ignores a cursor, so each test scripts what the pages name.</summary>
internal sealed class PageWalkTest
{
    [Test]
    public async Task It_asks_with_each_cursor_until_a_page_has_none()
    {
        Assert.That(await WalkAsync(10, "a", "b/=", ""), Is.EqualTo((true, "/series?limit=1000 /series?limit=1000&cursor=a /series?limit=1000&cursor=b%2F%3D")));
    }

    [TestCase("a", "a")]
    [TestCase("a", "b", "a")]
    public async Task A_cursor_that_comes_again_breaks_it_off_however_long_the_circle(params string[] cursors)
    {
        var (whole, paths) = await WalkAsync(10, cursors);
        Assert.That((whole, paths.Split(' ').Length), Is.EqualTo((false, cursors.Length)));
    }

    [Test]
    public async Task More_pages_than_the_limit_and_an_unreadable_one_break_it_off()
    {
        Assert.That((await WalkAsync(2, "a", "b", "")).Whole, Is.False);
        Assert.That((await WalkAsync(2, "a", null)).Whole, Is.False);
    }

    private static async Task<(bool Whole, string Paths)> WalkAsync(int pagesMax, params string?[] cursors)
    {
        await using var rig = await GatherRig.StartAsync();
        var paths = new List<string>();
        var whole = await PageWalk.ReadAsync(rig.Rest, "/series?limit=1000", pagesMax, (path, _) =>
        {
            paths.Add(path);
            return Task.FromResult(cursors[paths.Count - 1]);
        }, NullLogger.Instance, CancellationToken.None);
        return (whole, string.Join(' ', paths));
    }
}
