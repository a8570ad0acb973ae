namespace Kalshi.Daemon.Books;

/// <summary>
/// Whose interval it is. By its id in a table, its name becomes a string only when somebody asks: a million of them are a hundred
/// megabytes. The default is a channel subscribed for all markets.
/// </summary>
internal readonly struct CoveredMarket : IEquatable<CoveredMarket>
{
    private readonly TickerTable? _table;
    private readonly string? _ticker;
    private readonly int _id;

    public CoveredMarket(TickerTable table, int id)
    {
        _table = table;
        _id = id;
    }

    private CoveredMarket(string ticker) => _ticker = ticker.Length == 0 ? null : ticker;

    /// <summary>Empty for a whole channel.</summary>
    public string Ticker => _table is null ? _ticker ?? "" : _table.Name(_id);

    /// <summary>Its id in the table; −1 for a whole channel. Throws <see cref="InvalidOperationException"/> when it was made by its name.</summary>
    public int Id => _table is not null ? _id : _ticker is null ? -1 : throw new InvalidOperationException($"{_ticker} has no id here.");

    public static implicit operator CoveredMarket(string ticker) => new(ticker);

    public bool Equals(CoveredMarket other) => Ticker == other.Ticker;

    public override bool Equals(object? obj) => obj is CoveredMarket other && Equals(other);

    public override int GetHashCode() => Ticker.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Ticker;
}
