namespace Kalshi.Daemon.Tests.Dedup;

internal enum StreamKind : byte
{
    Trade,
    Ticker,
    Lifecycle,
    Object,
}

/// <summary>A row as a gatherer tells it or as production holds it. `Content` stands for all values of the row: see <see cref="StreamMessages"/>. Times in µs.</summary>
internal readonly record struct StreamRow(StreamKind StreamKind, int Market, long At, long ReceivedAt, string Content)
{
    /// <summary>Of a trade told by a gatherer: from a REST page. Of an object in production: the present state when it was told.</summary>
    public bool Flag { get; init; }
}
