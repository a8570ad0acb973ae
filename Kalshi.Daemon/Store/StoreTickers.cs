using System.Text;
using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Store;

/// <summary>
/// market_id → ticker, as kalshid.markets had it when it was read: whoever reads the cursor first has every market of the rows up to
/// it. Market 0 is no market. One thread.
/// </summary>
internal sealed class StoreTickers
{
    private readonly TickerTable _tickers = new();
    private readonly StoreFaults _faults;

    /// <summary>By market_id: place in the table + 1, 0 = unknown.</summary>
    private int[] _places = new int[1_024];

    public StoreTickers(StoreReader reader, StoreFaults faults)
    {
        _faults = faults;
        var rows = reader.Copy("select market_id, ticker from kalshid.markets");
        while (rows.TryRow())
        {
            var id = rows.Int32();
            if (id >= _places.Length)
            {
                Array.Resize(ref _places, Math.Max(id + 1, _places.Length * 2));
            }

            var known = _tickers.Count;
            _places[id] = _tickers.GetOrAdd(rows.Bytes()) + 1;
            if (known == _tickers.Count)
            {
                faults.Add("markets", () => $"the ticker of market {id} stands twice in kalshid.markets");
            }
        }
    }

    public ReadOnlySpan<byte> Bytes(int marketId) => marketId == 0 ? default : _tickers.Bytes(PlaceOf(marketId));

    public string Name(int marketId) => marketId == 0 ? "" : _tickers.Name(PlaceOf(marketId));

    private int PlaceOf(int marketId)
    {
        var place = (uint)marketId < (uint)_places.Length ? _places[marketId] : 0;
        return place > 0 ? place - 1 : Unknown(marketId);
    }

    private int Unknown(int marketId)
    {
        _faults.Add("markets", () => $"market {marketId} has rows but is not in kalshid.markets");
        return _tickers.GetOrAdd(Encoding.UTF8.GetBytes($"#{marketId}"));
    }
}
