using System.Diagnostics;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Primitives;

internal sealed class TokenBucketTest
{
    [Test]
    public void What_is_in_the_bucket_is_taken_without_waiting()
    {
        var bucket = new TokenBucket(1, 20);
        for (var i = 0; i < 20; i++)
        {
            Assert.That(bucket.TakeAsync(1, CancellationToken.None).IsCompletedSuccessfully, Is.True, $"token {i}");
        }

        Assert.That(bucket.TakeAsync(1, CancellationToken.None).IsCompleted, Is.False);
    }

    [Test]
    public async Task Beyond_the_capacity_it_lets_through_no_more_than_its_rate()
    {
        var bucket = new TokenBucket(200, 10);
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, 110).Select(_ => bucket.TakeAsync(1, CancellationToken.None)));
        Assert.That(watch.Elapsed.TotalSeconds, Is.GreaterThan(0.45), "100 tokens at 200 a second");
    }

    [Test]
    public async Task Waiters_are_served_in_the_order_of_their_calls()
    {
        var bucket = new TokenBucket(50, 1);
        var takes = Enumerable.Range(0, 10).Select(_ => bucket.TakeAsync(1, CancellationToken.None)).ToArray();
        await takes[4];
        Assert.That(takes[..4].Select(take => take.IsCompleted), Is.All.True);
        Assert.That(takes[^1].IsCompleted, Is.False);
    }

    [Test]
    public void A_smaller_limit_empties_what_is_above_it()
    {
        var bucket = new TokenBucket(1, 1_000);
        bucket.SetRate(1, 2);
        Assert.That(bucket.TakeAsync(2, CancellationToken.None).IsCompleted, Is.True);
        Assert.That(bucket.TakeAsync(1, CancellationToken.None).IsCompleted, Is.False);
    }

    [Test]
    public void A_wait_can_be_cancelled()
    {
        using var cancel = new CancellationTokenSource();
        var take = new TokenBucket(0.001, 1).TakeAsync(10, cancel.Token);
        cancel.Cancel();
        Assert.That(async () => await take, Throws.InstanceOf<OperationCanceledException>());
    }
}
