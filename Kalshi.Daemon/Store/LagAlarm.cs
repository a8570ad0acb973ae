using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Store;

/// <summary>Says once a minute that the store is behind, and once that it has caught up. One thread.</summary>
internal sealed class LagAlarm(ILogger log)
{
    public const long LagMax = Micros.PerMinute;

    private long _saidAt;

    /// <summary>`now`: µs.</summary>
    public void Watch(StoreStatus store, long now)
    {
        if (store.Lag <= LagMax)
        {
            if (_saidAt != 0)
            {
                log.StoreCaughtUp();
            }

            _saidAt = 0;
        }
        else if (now - _saidAt >= Micros.PerMinute)
        {
            _saidAt = now;
            log.StoreBehind(store.Lag / Micros.PerSecond, store.State);
        }
    }
}
