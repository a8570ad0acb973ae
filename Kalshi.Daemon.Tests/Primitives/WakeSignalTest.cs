using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Primitives;

internal sealed class WakeSignalTest
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    [Test]
    public async Task Set_before_the_wait_it_wakes_once_however_often_it_was_set()
    {
        var signal = new WakeSignal();
        signal.Set();
        signal.Set();
        signal.Set();
        Assert.That(await signal.WaitAsync(TimeSpan.Zero, CancellationToken.None), Is.True);
        Assert.That(await signal.WaitAsync(TimeSpan.Zero, CancellationToken.None), Is.False, "once");
        signal.Set();
        Assert.That(await signal.WaitAsync(TimeSpan.Zero, CancellationToken.None), Is.True, "and again when set again");
    }

    [Test]
    public async Task Set_during_the_wait_it_ends_it()
    {
        var signal = new WakeSignal();
        var wait = signal.WaitAsync(Long, CancellationToken.None);
        Assert.That(wait.IsCompleted, Is.False);
        signal.Set();
        Assert.That(await wait, Is.True);
    }

    [Test]
    public async Task A_wait_that_was_cancelled_takes_nothing_from_the_next()
    {
        var signal = new WakeSignal();
        using var stop = new CancellationTokenSource();
        var wait = signal.WaitAsync(Long, stop.Token);
        await stop.CancelAsync();
        await Assert.ThatAsync(() => wait, Throws.InstanceOf<OperationCanceledException>());
        signal.Set();
        Assert.That(await signal.WaitAsync(TimeSpan.Zero, CancellationToken.None), Is.True);
    }

    [Test]
    public async Task What_was_written_before_it_was_set_is_seen_by_the_loop_from_many_threads()
    {
        const int Writers = 4;
        const int Each = 50_000;
        var signal = new WakeSignal();
        var written = new int[Writers * 16];
        var writers = Enumerable.Range(0, Writers).Select(writer => Task.Run(() =>
        {
            for (var i = 1; i <= Each; i++)
            {
                Volatile.Write(ref written[writer * 16], i);
                signal.Set();
            }
        })).ToArray();

        // A Set that got lost would leave the last values unseen and this wait without an end.
        while (Enumerable.Range(0, Writers).Any(writer => Volatile.Read(ref written[writer * 16]) < Each))
        {
            Assert.That(await signal.WaitAsync(Long, CancellationToken.None), Is.True);
        }

        await Task.WhenAll(writers);
    }
}
