using System.Text;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

/// <summary>The filters of GET /markets. Those on the update time exclude most others, as on the exchange.</summary>
internal sealed class MarketFilter
{
    private readonly string? _status;
    private readonly string? _event;
    private readonly string? _series;
    private readonly string? _combos;
    private readonly HashSet<string>? _tickers;
    private readonly (long Min, long Max) _created;
    private readonly (long Min, long Max) _close;
    private readonly (long Min, long Max) _settled;
    private readonly (long Min, long Max) _updated;

    public MarketFilter(RestQuery query)
    {
        _status = query.Text("status");
        _event = query.Text("event_ticker");
        _series = query.Text("series_ticker");
        _combos = query.Text("mve_filter");
        _tickers = query.Set("tickers");
        _created = Range(query, "created");
        _close = Range(query, "close");
        _settled = Range(query, "settled");
        _updated = Range(query, "updated");
        if (_combos is not (null or "only" or "exclude"))
        {
            throw new RestRefusal("mve_filter");
        }

        if (_updated != (long.MinValue, long.MaxValue) && (_combos != "exclude" || _status is not null || _event is not null || _tickers is not null))
        {
            throw new RestRefusal("min_updated_ts");
        }

        RestMarkets.Passes(_status, MarketStatus.Active);
    }

    public bool Passes(SimulatedMarket market)
    {
        var parent = market.Event;
        return RestMarkets.Passes(_status, market.Status)
            && (_combos is null || parent.IsCombo == (_combos == "only"))
            && (_event is null || parent.Ticker == _event)
            && (_series is null || parent.Series.Ticker == _series)
            && Within(_created, parent.CreatedAt) && Within(_close, parent.CloseAt) && Within(_settled, market.SettledAt)
            && Within(_updated, Math.Max(parent.CreatedAt, market.SettledAt))
            && (_tickers is null || _tickers.Contains(Encoding.UTF8.GetString(market.Ticker)));
    }

    private static bool Within((long Min, long Max) range, long at) => at >= range.Min && at <= range.Max;

    private static (long Min, long Max) Range(RestQuery query, string what) =>
        (query.Integer($"min_{what}_ts", 0, 1L << 40) * Micros.PerSecond ?? long.MinValue, query.Integer($"max_{what}_ts", 0, 1L << 40) * Micros.PerSecond ?? long.MaxValue);
}
