using Kalshi.Daemon.Exchange;

namespace Kalshi.Daemon.Registry;

/// <summary>Lifecycle messages that were lost are made up for by a sweep, once the stream runs again.</summary>
internal sealed class LifecycleWatch(MarketRegistry registry) : IStreamWatch
{
    private bool _lost;

    public void Lost() => _lost = true;

    public void Live()
    {
        if (_lost)
        {
            _lost = false;
            registry.RequestSweep();
        }
    }

    public void Good(long until)
    {
        // A sweep lists everything, so it does not matter since when.
    }
}
