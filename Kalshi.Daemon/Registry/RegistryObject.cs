using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Registry;

/// <summary>Which of the exchange's three kinds of object; None for anything else.</summary>
internal enum ObjectKind : byte
{
    None,
    Market,
    Event,
    Series,
}

/// <summary>Takes each new version of an object. `item` is reused: copy what is kept.</summary>
internal delegate void RegistryOutput(ObjectKind kind, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin);

/// <summary>What is promoted from a market, event or series; empty text and <see cref="Message.Absent"/> are null. One instance is reused.</summary>
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
        OpenAt = CloseAt = Message.Absent;
    }
}
