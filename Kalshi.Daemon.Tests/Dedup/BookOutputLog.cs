using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>The outputs of a turn, in order. `alter`: what a test does to each before it is kept; null drops it.</summary>
internal sealed class BookOutputLog(Func<BookOutput, BookOutput?>? alter = null) : IBookOutput
{
    public List<BookOutput> Entries { get; } = [];

    public void OnChange(int market, ChangeKey key, in MarketChange change) => Add(new BookOutput.Changed(market, key, change));

    public void OnSnapshot(int market, int number, ChangeKey after, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no) =>
        Add(new BookOutput.Snapshot(market, number, after, receivedAt, yes.ToArray(), no.ToArray()));

    public void OnCoverage(in ProductionCoverage coverage) => Add(new BookOutput.Covered(coverage));

    public void OnCoverageRemoved(int market, int number) => Add(new BookOutput.CoverageRemoved(market, number));

    public void OnVouch(in Vouch vouch) => Add(new BookOutput.Vouched(vouch));

    public void OnVouchEnded(int market, int number, long toAt, ChangeKey last, string reason) => Add(new BookOutput.VouchEnded(market, number, toAt, last, reason));

    public void OnDisagreement(in Disagreement disagreement) => Add(new BookOutput.Disagreed(disagreement));

    public void OnRenumbered(int market, long at, int first, int count, int by) => Add(new BookOutput.Renumbered(market, at, first, count, by));

    public void OnJoined(int market, int number, int into, ChangeKey opening) => Add(new BookOutput.Joined(market, number, into, opening));

    public void OnWithdrawn(int market, ChangeKey after, ChangeKey last) => Add(new BookOutput.Withdrawn(market, after, last));

    private void Add(BookOutput entry)
    {
        if (alter is null)
        {
            Entries.Add(entry);
        }
        else if (alter(entry) is { } altered)
        {
            Entries.Add(altered);
        }
    }
}
