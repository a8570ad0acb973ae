namespace Kalshi.Daemon.Primitives;

/// <summary>
/// Refills `perSecond` tokens up to `capacity`; callers wait their turn. Thread-safe. Waiters reserve in call order, so nobody
/// starves; a reservation is never undone.
/// </summary>
internal sealed class TokenBucket(double perSecond, double capacity)
{
    private readonly Lock _lock = new();
    private double _tokens = capacity;
    private long _filledAt = Environment.TickCount64;
    private double _perSecond = perSecond;
    private double _capacity = capacity;

    /// <summary>Changes the rate from now on (the exchange tells the account's own limits).</summary>
    public void SetRate(double tokensPerSecond, double tokensMax)
    {
        lock (_lock)
        {
            (_perSecond, _capacity) = (tokensPerSecond, tokensMax);
            _tokens = Math.Min(_tokens, tokensMax);
        }
    }

    public Task TakeAsync(double tokens, CancellationToken cancel)
    {
        TimeSpan wait;
        lock (_lock)
        {
            var now = Environment.TickCount64;
            _tokens = Math.Min(_capacity, _tokens + ((now - _filledAt) * _perSecond / 1000));
            _filledAt = now;
            _tokens -= tokens;
            wait = _tokens >= 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(-_tokens / _perSecond);
        }

        return wait == TimeSpan.Zero ? Task.CompletedTask : Task.Delay(wait, cancel);
    }
}
