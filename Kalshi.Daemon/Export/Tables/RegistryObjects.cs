using Kalshi.Daemon.Export.Parquet;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Export.Tables;

/// <summary>
/// markets, events, series: a row whenever an object is seen for the first time or has changed; the row with the largest
/// received_at is what is known last. An object that changes often has one row an hour, the last.
/// </summary>
internal abstract class RegistryObjects(string name, Symbols symbols) : Table(name, symbols)
{
    private readonly Dictionary<int, (int Part, int Row)> _rows = [];

    /// <summary>Remembers where the object's row stands and withdraws the one before it.</summary>
    protected void Supersede(int ticker)
    {
        if (_rows.TryGetValue(ticker, out var known) && known.Part == Part)
        {
            Withdraw(known.Row);
        }

        _rows[ticker] = (Part, Rows);
    }

    /// <summary>Symbol codes are given anew for each hour.</summary>
    public void EndHour() => _rows.Clear();

    public abstract void Append(long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin);
}

internal sealed class Markets : RegistryObjects
{
    private readonly IntegerColumn _receivedAt, _openAt, _closeAt;
    private readonly SymbolColumn _ticker, _eventTicker, _marketType, _status, _result, _origin;
    private readonly TextColumn _title, _payload;

    public Markets(Symbols symbols)
        : base("markets", symbols)
    {
        _receivedAt = Stamp("received_at");
        _ticker = Key("ticker");
        _eventTicker = Symbol("event_ticker", isNullable: true);
        _marketType = Symbol("market_type", isNullable: true);
        _title = Text("title", isNullable: true);
        _status = Symbol("status", isNullable: true);
        _result = Symbol("result", isNullable: true);
        _openAt = Reference("open_at", isNullable: true);
        _closeAt = Reference("close_at", isNullable: true);
        _origin = Symbol("origin");
        _payload = Text("payload");
    }

    public override void Append(long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        var ticker = Symbols.Code(item.Ticker.Span);
        Supersede(ticker);
        _receivedAt.Append(receivedAt);
        _ticker.Append(ticker);
        _eventTicker.Append(item.EventTicker.Span);
        _marketType.Append(item.Kind.Span);
        _title.Append(item.Title.Span);
        _status.Append(item.Status.Span);
        _result.Append(item.Result.Span);
        _openAt.Append(item.OpenAt);
        _closeAt.Append(item.CloseAt);
        _origin.Append(origin);
        _payload.Append(payload);
    }
}

internal sealed class Events : RegistryObjects
{
    private readonly IntegerColumn _receivedAt;
    private readonly SymbolColumn _ticker, _seriesTicker, _category, _origin;
    private readonly TextColumn _title, _payload;

    public Events(Symbols symbols)
        : base("events", symbols)
    {
        _receivedAt = Stamp("received_at");
        _ticker = Key("ticker");
        _seriesTicker = Symbol("series_ticker", isNullable: true);
        _title = Text("title", isNullable: true);
        _category = Symbol("category", isNullable: true);
        _origin = Symbol("origin");
        _payload = Text("payload");
    }

    public override void Append(long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        var ticker = Symbols.Code(item.Ticker.Span);
        Supersede(ticker);
        _receivedAt.Append(receivedAt);
        _ticker.Append(ticker);
        _seriesTicker.Append(item.SeriesTicker.Span);
        _title.Append(item.Title.Span);
        _category.Append(item.Category.Span);
        _origin.Append(origin);
        _payload.Append(payload);
    }
}

internal sealed class Series : RegistryObjects
{
    private readonly IntegerColumn _receivedAt;
    private readonly SymbolColumn _ticker, _category, _frequency;
    private readonly TextColumn _title, _payload;

    public Series(Symbols symbols)
        : base("series", symbols)
    {
        _receivedAt = Stamp("received_at");
        _ticker = Key("ticker");
        _title = Text("title", isNullable: true);
        _category = Symbol("category", isNullable: true);
        _frequency = Symbol("frequency", isNullable: true);
        _payload = Text("payload");
    }

    public override void Append(long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        var ticker = Symbols.Code(item.Ticker.Span);
        Supersede(ticker);
        _receivedAt.Append(receivedAt);
        _ticker.Append(ticker);
        _title.Append(item.Title.Span);
        _category.Append(item.Category.Span);
        _frequency.Append(item.Kind.Span);
        _payload.Append(payload);
    }
}
