using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Store;

/// <summary>
/// How long a batch may take: `timeout`, and twice as long at each try that was too short, or a batch that always takes longer would be sent
/// again for ever. Bound: <see cref="FactorMax"/> times. It shrinks again when a batch leaves three quarters of it unused. One thread.
/// </summary>
internal sealed class BatchPatience(TimeSpan timeout)
{
    public const int FactorMax = 32;

    private int _factor = 1;

    public TimeSpan Limit => timeout * _factor;

    public void OnLate() => _factor = Math.Min(FactorMax, _factor * 2);

    /// <summary>A batch was committed after it had been under way for so long.</summary>
    public void OnCommitted(TimeSpan took)
    {
        while (_factor > 1 && took < Limit / 4)
        {
            _factor /= 2;
        }
    }

    /// <summary>Waits for what may be long; where the patience was too short for it, the next try has more.</summary>
    public T Await<T>(Task<T> task, ILogger log)
    {
        Await((Task)task, log);
        return task.Result;
    }

    /// <summary>The same of what answers nothing.</summary>
    public void Await(Task task, ILogger log)
    {
        try
        {
            task.GetAwaiter().GetResult();
        }
        catch (TimeoutException)
        {
            OnLate();
            log.StoreGivenMoreTime(Limit.TotalSeconds);
            throw;
        }
    }
}
