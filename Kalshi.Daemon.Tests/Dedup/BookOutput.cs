using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>One call of <see cref="IBookOutput"/>, kept: printed in traces, altered by tests, applied to <see cref="BookProduction"/>.</summary>
internal abstract record BookOutput(int Market)
{
    public sealed record Changed(int Market, ChangeKey Key, MarketChange Change) : BookOutput(Market);

    public sealed record Snapshot(int Market, int Number, ChangeKey After, long ReceivedAt, Level[] Yes, Level[] No) : BookOutput(Market);

    public sealed record Covered(ProductionCoverage Row) : BookOutput(Row.Market);

    public sealed record CoverageRemoved(int Market, int Number) : BookOutput(Market);

    public sealed record Vouched(Vouch Row) : BookOutput(Row.Market);

    public sealed record VouchEnded(int Market, int Number, long ToAt, ChangeKey Last, string Reason) : BookOutput(Market);

    public sealed record Disagreed(Disagreement Row) : BookOutput(Row.Market);

    public sealed record Renumbered(int Market, long At, int First, int Count, int By) : BookOutput(Market);

    public sealed record Joined(int Market, int Number, int Into, ChangeKey Opening) : BookOutput(Market);

    public sealed record Withdrawn(int Market, ChangeKey After, ChangeKey Last) : BookOutput(Market);
}
