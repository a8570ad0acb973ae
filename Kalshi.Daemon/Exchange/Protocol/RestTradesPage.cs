namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// The body of GET /markets/trades or /historical/trades, read in place: `{"cursor":"…","trades":[{…},{…}]}`, keys in any order,
/// others passed over. <see cref="TryOpen"/> walks the whole body once, so that what it opens is JSON to the end.
/// <code>
/// if (RestTradesPage.TryOpen(body, out var page))
///     foreach (var element in page) decoder.DecodeRestTrade(element);
/// </code>
/// </summary>
internal ref struct RestTradesPage
{
    private readonly ReadOnlySpan<byte> _body;
    private readonly JsonValue _cursor;
    private readonly bool _hasTrades;
    private JsonCursor _elements;
    private JsonValue _current;

    private RestTradesPage(ReadOnlySpan<byte> body, JsonValue cursor, JsonValue trades)
    {
        _body = body;
        _cursor = cursor;
        _elements = new JsonCursor(body, trades.Start, 1);
        _hasTrades = trades.Kind == JsonKind.Array && _elements.EnterArray();
    }

    /// <summary>Where the next page starts; empty on the last.</summary>
    public readonly ReadOnlySpan<byte> Cursor => _cursor.Kind == JsonKind.String ? Unescaped() : default;

    /// <summary>The element that <see cref="MoveNext"/> stopped at, as it stands in the body.</summary>
    public readonly ReadOnlySpan<byte> Current => _body.Slice(_current.Start, _current.Length);

    public readonly RestTradesPage GetEnumerator() => this;

    public bool MoveNext() => _hasTrades && _elements.NextElement() && _elements.ReadValue(out _current);

    /// <summary>
    /// False when the body is not one JSON object with an array (or null) named trades: an error page, or a truncated one.
    /// </summary>
    public static bool TryOpen(ReadOnlySpan<byte> body, out RestTradesPage page)
    {
        var walk = new JsonCursor(body);
        JsonValue next = default;
        JsonValue trades = default;
        if (walk.EnterObject())
        {
            while (walk.NextKey(out var key) && walk.ReadValue(out var value))
            {
                var name = body.Slice(key.Start, key.Length);
                if (name.SequenceEqual("cursor"u8))
                {
                    next = value;
                }
                else if (name.SequenceEqual("trades"u8))
                {
                    trades = value;
                }
            }
        }

        var isPage = walk.IsAtEnd() && (trades.Kind is JsonKind.Array or JsonKind.Null);
        page = isPage ? new RestTradesPage(body, next, trades) : default;
        return isPage;
    }

    /// <summary>A cursor has never had an escape; one that had would be copied.</summary>
    private readonly ReadOnlySpan<byte> Unescaped()
    {
        var text = _body.Slice(_cursor.Start, _cursor.Length);
        if (!_cursor.IsEscaped)
        {
            return text;
        }

        var copy = new byte[text.Length];
        return JsonText.TryUnescape(text, copy, out var length) ? copy.AsSpan(0, length) : default;
    }
}
