using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>What is promoted from a market, event or series; empty text and <see cref="IntegerColumn.Null"/> are null. One instance is reused.</summary>
internal sealed class RegistryObject
{
    public TextBuffer Ticker, EventTicker, SeriesTicker, Title, Category, Status, Result;

    /// <summary>A market's market_type, a series' frequency.</summary>
    public TextBuffer Kind;

    /// <summary>µs.</summary>
    public long OpenAt;
    public long CloseAt;

    public void Clear()
    {
        Ticker.Clear();
        EventTicker.Clear();
        SeriesTicker.Clear();
        Title.Clear();
        Category.Clear();
        Kind.Clear();
        Status.Clear();
        Result.Clear();
        OpenAt = CloseAt = IntegerColumn.Null;
    }
}
