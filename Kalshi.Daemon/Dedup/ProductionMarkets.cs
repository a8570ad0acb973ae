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
    private readonly List<(int Market, Guid ExchangeId)> _identified = [];

    public int Count => _tickers.Count;

    /// <summary>Given ids since <see cref="ForgetNew"/>, in order: rows that production does not have yet.</summary>
    public IReadOnlyList<NewMarket> New => _new;

    /// <summary>The exchange's own ids, as gatherers came to know them since <see cref="ForgetNew"/>; production may have them already.</summary>
    public IReadOnlyList<(int Market, Guid ExchangeId)> Identified => _identified;

    public ReadOnlySpan<byte> Ticker(int market) => _tickers.Bytes(market - 1);

    /// <summary>At start: production's markets, in order of their ids.</summary>
    public void Load(ReadOnlySpan<byte> ticker) => _tickers.GetOrAdd(ticker);

    /// <summary>The id of the ticker, which is given one when it is new.</summary>
    public int GetOrAdd(ReadOnlySpan<byte> ticker, long firstSeenAt)
    {
        var known = _tickers.Count;
        var market = _tickers.GetOrAdd(ticker) + 1;
        if (market > known)
        {
            _new.Add(new NewMarket(market, firstSeenAt));
        }

        return market;
    }

    /// <summary>A gatherer knows the exchange's own id of the market by now.</summary>
    public void Identify(int market, Guid exchangeId) => _identified.Add((market, exchangeId));

    public void ForgetNew()
    {
        _new.Clear();
        _identified.Clear();
    }
}

/// <param name="FirstSeenAt">received_at of the gatherer that saw it first, µs.</param>
internal readonly record struct NewMarket(int Market, long FirstSeenAt);
