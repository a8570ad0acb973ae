namespace Kalshi.Daemon.Simulation;

/// <summary>Status values as REST gives them; the filters are another vocabulary, see <see cref="RestMarkets"/>.</summary>
internal enum MarketStatus : byte
{
    Initialized,
    Active,
    Inactive,
    Closed,
    Determined,
    Finalized,
}

/// <summary>A series: where events belong.</summary>
internal sealed record SimulatedSeries(string Ticker, string Title, string Category);

/// <summary>An event and the times its markets share, µs UTC.</summary>
internal sealed class SimulatedEvent
{
    public required string Ticker;
    public required SimulatedSeries Series;
    public required string Title;
    public required int FirstMarket;
    public int MarketCount;
    public long CreatedAt;
    public long OpenAt;
    public long CloseAt;
    public bool IsCombo;
}

/// <summary>
/// One market. A million of them must stay small: no book until it moves, the subscriber set is shared between markets.
/// </summary>
internal sealed class SimulatedMarket
{
    public required int Index;
    public required byte[] Ticker;
    public required SimulatedEvent Event;
    public required Guid Id;

    /// <summary>Price grid, micro-dollars: 10,000 (a cent), 1,000 or 100.</summary>
    public required int Tick;

    public MarketStatus Status;

    /// <summary>`yes` or `no` once determined, as its last bit says.</summary>
    public bool ResultYes;

    public long DeterminedAt;
    public long SettledAt;
    public SimulatedBook? Book;
    public Subscription[] BookSubscribers = [];

    /// <summary>The fields of the REST object that do not move, without braces, when the market comes from a recording.</summary>
    public byte[]? RecordedJson;

    public bool IsOver => Status >= MarketStatus.Determined;

    public string PriceLevelStructure => Tick switch { 10_000 => "linear_cent", 1_000 => "deci_cent", _ => "banded_centi_cent" };
}
