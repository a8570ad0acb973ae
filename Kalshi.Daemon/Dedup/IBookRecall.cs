namespace Kalshi.Daemon.Dedup;

/// <summary>Changes that production holds already, for a merge that no longer keeps them and is told of their time again. Called within the merge's thread.</summary>
internal interface IBookRecall
{
    /// <summary>
    /// Adds the market's changes with from ≤ key &lt; to, in order of their keys: as far as they were told before the last <see cref="IBookInput.OnTurn"/>, for which recalling waits.
    /// Of more than `most` only so many are added. Returns how long production needed.
    /// </summary>
    TimeSpan RecallChanges(int market, ChangeKey from, ChangeKey to, int most, List<(ChangeKey Key, MarketChange Change)> into);
}
