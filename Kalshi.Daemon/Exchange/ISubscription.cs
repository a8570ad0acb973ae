namespace Kalshi.Daemon.Exchange;

/// <summary>What a connection is for: lives on one session at a time, survives reconnects.</summary>
internal interface ISubscription
{
    /// <summary>"books", "trades", "tickers" or "lifecycle".</summary>
    string Purpose { get; }

    /// <summary>
    /// Subscribes and keeps the subscription whole until the session ends, `stop` asks for a clean end, or it returns because
    /// only a new session can help.
    /// </summary>
    Task RunAsync(Session session, CancellationToken stop);
}
