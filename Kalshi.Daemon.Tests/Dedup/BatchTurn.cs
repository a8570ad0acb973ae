using System.Text;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>A turn told to a batch.</summary>
internal sealed class BatchTurn(ProductionBatch batch) : ITurn
{
    public void AddMarket(int market, string ticker, long seenAt) => batch.AddMarket(market, Encoding.UTF8.GetBytes(ticker), seenAt);

    public void AddExchangeId(int market, Guid exchangeId) => batch.AddExchangeId(market, exchangeId);

    public void OnChange(int market, ChangeKey key, in MarketChange change) => batch.OnChange(market, key, change);

    public void OnSnapshot(int market, int number, ChangeKey after, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no) =>
        batch.OnSnapshot(market, number, after, receivedAt, yes, no);

    public void OnCoverage(in ProductionCoverage coverage) => batch.OnCoverage(coverage);

    public void OnCoverageRemoved(int market, int number) => batch.OnCoverageRemoved(market, number);

    public void OnVouch(in Vouch vouch) => batch.OnVouch(vouch);

    public void OnVouchEnded(int market, int number, long toAt, ChangeKey last, string reason) => batch.OnVouchEnded(market, number, toAt, last, reason);

    public void OnDisagreement(in Disagreement disagreement) => batch.OnDisagreement(disagreement);

    public void OnRenumbered(int market, long at, int first, int count, int by) => batch.OnRenumbered(market, at, first, count, by);

    public void OnJoined(int market, int number, int into, ChangeKey opening) => batch.OnJoined(market, number, into, opening);

    public void OnWithdrawn(int market, ChangeKey after, ChangeKey last) => batch.OnWithdrawn(market, after, last);

    public void OnTrade(int market, long exchangeAt, long receivedAt, Message trade, bool isBackfilled) => batch.OnTrade(market, exchangeAt, receivedAt, trade, isBackfilled);

    public void OnTicker(int market, long exchangeAt, long receivedAt, Message ticker) => batch.OnTicker(market, exchangeAt, receivedAt, ticker);

    public void OnLifecycle(int market, long receivedAt, Message message, ReadOnlySpan<byte> payload) => batch.OnLifecycle(market, receivedAt, message, payload);

    public void OnRejected(int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame) =>
        batch.OnRejected(gatherer, market, receivedAt, type, reason, frame);

    public void OnObject(ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin, bool isNewest) =>
        batch.OnObject(kind, market, receivedAt, item, payload, origin, isNewest);

    public void OnChannelCoverage(in ChannelCoverage coverage) => batch.OnChannelCoverage(coverage);
}
