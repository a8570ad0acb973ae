using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Dedup;

/// <summary>Where the merges' decisions go: into the turn that is being filled. One thread.</summary>
internal sealed class TurnOutput : IBookOutput, IStreamOutput
{
    /// <summary>Set before a turn is told.</summary>
    public ProductionBatch Turn { get; set; } = null!;

    public void OnChange(int market, ChangeKey key, in MarketChange change) => Turn.OnChange(market, key, change);

    public void OnSnapshot(int market, int number, ChangeKey after, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no) =>
        Turn.OnSnapshot(market, number, after, receivedAt, yes, no);

    public void OnCoverage(in ProductionCoverage coverage) => Turn.OnCoverage(coverage);

    public void OnCoverageRemoved(int market, int number) => Turn.OnCoverageRemoved(market, number);

    public void OnVouch(in Vouch vouch) => Turn.OnVouch(vouch);

    public void OnVouchEnded(int market, int number, long toAt, ChangeKey last, string reason) => Turn.OnVouchEnded(market, number, toAt, last, reason);

    public void OnDisagreement(in Disagreement disagreement) => Turn.OnDisagreement(disagreement);

    public void OnRenumbered(int market, long at, int first, int count, int by) => Turn.OnRenumbered(market, at, first, count, by);

    public void OnJoined(int market, int number, int into, ChangeKey opening) => Turn.OnJoined(market, number, into, opening);

    public void OnWithdrawn(int market, ChangeKey after, ChangeKey last) => Turn.OnWithdrawn(market, after, last);

    public void OnTrade(int market, long exchangeAt, long receivedAt, Message trade, bool isBackfilled) =>
        Turn.OnTrade(market, exchangeAt, receivedAt, trade, isBackfilled);

    public void OnTicker(int market, long exchangeAt, long receivedAt, Message ticker) => Turn.OnTicker(market, exchangeAt, receivedAt, ticker);

    public void OnLifecycle(int market, long receivedAt, Message message, ReadOnlySpan<byte> payload) => Turn.OnLifecycle(market, receivedAt, message, payload);

    public void OnRejected(int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame) =>
        Turn.OnRejected(gatherer, market, receivedAt, type, reason, frame);

    public void OnObject(
        ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin, bool isNewest) =>
        Turn.OnObject(kind, market, receivedAt, item, payload, origin, isNewest);

    public void OnChannelCoverage(in ChannelCoverage coverage) => Turn.OnChannelCoverage(coverage);
}
