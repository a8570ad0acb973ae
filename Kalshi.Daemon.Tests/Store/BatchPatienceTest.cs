using Kalshi.Daemon.Store;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

internal sealed class BatchPatienceTest
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    [Test]
    public void Each_late_batch_doubles_it_up_to_a_bound()
    {
        var patience = new BatchPatience(Timeout);
        Assert.That(patience.Limit, Is.EqualTo(Timeout));
        foreach (var factor in (int[])[2, 4, 8, 16, 32, 32])
        {
            patience.OnLate();
            Assert.That(patience.Limit, Is.EqualTo(factor * Timeout));
        }
    }

    [TestCase(0.1, 1)]
    [TestCase(9, 2)]
    [TestCase(30, 8)]
    public void A_batch_in_time_leaves_what_such_batches_need(double tookSeconds, int factor)
    {
        var patience = new BatchPatience(Timeout);
        for (var tries = 0; tries < 3; tries++)
        {
            patience.OnLate();
        }

        patience.OnCommitted(TimeSpan.FromSeconds(tookSeconds));
        Assert.That(patience.Limit, Is.EqualTo(factor * Timeout));
    }
}
