namespace Kalshi.Daemon.Dedup;

/// <summary>How gatherers' stores are read.</summary>
/// <param name="PollInterval">Between two looks at what a loader has loaded, while nothing new is there.</param>
/// <param name="Timeout">Of one piece of rows, or of connecting: a store that does not answer for so long is left and connected to anew.</param>
/// <param name="PieceRowsMax">Rows of one table in one piece; of each gatherer at most three pieces are held.</param>
/// <param name="CursorName">The row of kalshid.cursors that says how far production has each store.</param>
/// <param name="PublishInterval">Between two updates of that row.</param>
internal sealed record SourceSettings(TimeSpan PollInterval, TimeSpan Timeout, int PieceRowsMax, string CursorName, TimeSpan PublishInterval)
{
    public static readonly SourceSettings Usual = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(1), 100_000, "dedup", TimeSpan.FromSeconds(10));
}
