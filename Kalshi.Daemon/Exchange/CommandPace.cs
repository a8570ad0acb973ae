using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Exchange;

/// <summary>
/// The pace of the whole process towards the exchange: commands, and markets whose snapshots are asked for again. Shared by every
/// subscription, so that a bad minute never turns into a resubscribe storm. Thread-safe.
/// </summary>
internal sealed class CommandPace(int commandsPerSecond)
{
    /// <summary>Snapshots asked for in recoveries, process-wide: a busy exchange must not drown in our repairs.</summary>
    public const int RecoveredMarketsPerSecond = 20_000;

    private readonly TokenBucket _commands = new(commandsPerSecond, commandsPerSecond);
    private readonly TokenBucket _recoveries = new(RecoveredMarketsPerSecond, RecoveredMarketsPerSecond);

    public Task CommandAsync(CancellationToken stop) => _commands.TakeAsync(1, stop);

    public Task RecoverAsync(int markets, CancellationToken stop) => _recoveries.TakeAsync(markets, stop);

    /// <summary>After error 27: the exchange counts commands a second, so the next one has to begin, at a random point.</summary>
    public static Task BusyAsync(CancellationToken stop) => Task.Delay(1_000 + Random.Shared.Next(500), stop);

    /// <summary>A short random wait, so that sockets which broke together do not repair together.</summary>
    public static Task JitterAsync(int millisecondsMax, CancellationToken stop) => Task.Delay(Random.Shared.Next(millisecondsMax), stop);
}
