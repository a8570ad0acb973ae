using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// Production's market ids: 1, 2, 3, … in order of first sight, which is the order in which turns tell markets: a function of the gatherers' rows
/// while all of them are present. One thread.
/// </summary>
internal sealed class ProductionMarkets
{
    private readonly TickerTable _tickers = new();
    private readonly List<NewMarket> _new = [];

    public int Count => _tickers.Count;

    /// <summary>Given ids since <see cref="ForgetNew"/>, in order: rows that production does not have yet.</summary>
    public IReadOnlyList<NewMarket> New => _new;

    public ReadOnlySpan<byte> Ticker(int market) => _tickers.Bytes(market - 1);

    /// <summary>At start: production's markets, in order of their ids.</summary>
    public void Load(ReadOnlySpan<byte> ticker) => _tickers.GetOrAdd(ticker);

    /// <summary>The id of the ticker, which is given one when it is new.</summary>
    public int GetOrAdd(ReadOnlySpan<byte> ticker, Guid exchangeId, long firstSeenAt)
    {
        var known = _tickers.Count;
        var market = _tickers.GetOrAdd(ticker) + 1;
        if (market > known)
        {
            _new.Add(new NewMarket(market, exchangeId, firstSeenAt));
        }

        return market;
    }

    public void ForgetNew() => _new.Clear();
}

/// <param name="ExchangeId">The exchange's uuid as far as the gatherer knew it at first sight; else empty.</param>
/// <param name="FirstSeenAt">received_at of the gatherer that saw it first, µs.</param>
internal readonly record struct NewMarket(int Market, Guid ExchangeId, long FirstSeenAt);
