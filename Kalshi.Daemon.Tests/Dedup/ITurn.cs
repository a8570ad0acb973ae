using Kalshi.Daemon.Dedup;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>What a turn may say, whoever listens.</summary>
internal interface ITurn : IBookOutput, IStreamOutput
{
    void AddMarket(int market, string ticker, long seenAt);

    void AddExchangeId(int market, Guid exchangeId);
}
