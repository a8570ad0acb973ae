namespace Kalshi.Daemon.Primitives;

/// <summary>
/// Wakes a loop to look at its state. Set often before the loop looks, it wakes it once; set while nobody waits, the next wait is over
/// at once. Any thread sets; one loop waits.
/// </summary>
internal sealed class WakeSignal
{
    private readonly SemaphoreSlim _semaphore = new(0, 1);

    /// <summary>1 from the first Set until a wait has taken it. Full fences both ways: whoever finds it set wrote its state before the loop looks.</summary>
    private int _isSet;

    /// <summary>Change the state first, then call this. Allocates nothing while nobody waits.</summary>
    public void Set()
    {
        if (Interlocked.Exchange(ref _isSet, 1) == 0)
        {
            _semaphore.Release();
        }
    }

    /// <summary>Waits until set, at most `limit` (up to 49 days); false when the time was up. Throws <see cref="OperationCanceledException"/> when `stop` is.</summary>
    public async Task<bool> WaitAsync(TimeSpan limit, CancellationToken stop)
    {
        if (!await _semaphore.WaitAsync(limit, stop))
        {
            return false;
        }

        Interlocked.Exchange(ref _isSet, 0);
        return true;
    }
}
