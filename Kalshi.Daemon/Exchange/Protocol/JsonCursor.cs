namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// Walks JSON forwards and checks every byte it passes against RFC 8259: accepts exactly what `Utf8JsonReader` accepts at its
/// defaults (64 levels, no comments, no trailing commas). It exists because that reader throws, and so allocates, on bytes
/// that are not JSON, and this side of the socket must stay cheap whatever arrives. A failure is final: every later call
/// answers false.
/// </summary>
internal ref struct JsonCursor
{
    /// <summary>Containers open at once, counted from the document's own.</summary>
    public const int DepthMax = 64;

    private readonly ReadOnlySpan<byte> _json;
    private int _at;
    private int _depth;

    /// <summary>A container was just opened: its end or first item comes next, no comma.</summary>
    private bool _isFresh;

    /// <param name="json">The document, or a part of it.</param>
    /// <param name="start">Where to start walking.</param>
    /// <param name="depth">Containers that are open at `start`.</param>
    public JsonCursor(ReadOnlySpan<byte> json, int start = 0, int depth = 0)
    {
        _json = json;
        _at = start;
        _depth = depth;
    }

    public readonly int Position => _at;

    public bool HasFailed { get; private set; }

    /// <summary>Nothing but whitespace follows.</summary>
    public bool IsAtEnd() => !HasFailed && Peek() < 0;

    public bool EnterObject() => Enter((byte)'{');

    public bool EnterArray() => Enter((byte)'[');

    /// <summary>
    /// object = "{" [ string ":" value *( "," string ":" value ) ] "}". False at its end, which is passed, and on failure.
    /// </summary>
    public bool NextKey(out JsonValue key)
    {
        key = default;
        return NextItem((byte)'}') && ReadKey(out key);
    }

    /// <summary>
    /// array = "[" [ value *( "," value ) ] "]". True when a value follows; false at its end, which is passed, and on failure.
    /// </summary>
    public bool NextElement() => NextItem((byte)']');

    /// <summary>Passes the next value whole, containers included.</summary>
    public bool ReadValue(out JsonValue value)
    {
        var first = Peek();
        return first is '{' or '[' ? SkipContainer(first, out value) : ReadScalar(first, out value);
    }

    private bool Enter(byte bracket)
    {
        if (Peek() != bracket || _depth >= DepthMax)
        {
            return Fail();
        }

        _at++;
        _depth++;
        _isFresh = true;
        return true;
    }

    private bool NextItem(byte closing)
    {
        var next = Peek();
        if (next == closing)
        {
            _at++;
            _depth--;
            _isFresh = false;
            return false;
        }

        if (!_isFresh)
        {
            if (next != ',')
            {
                return Fail();
            }

            _at++;
        }

        _isFresh = false;
        return !HasFailed;
    }

    private bool ReadKey(out JsonValue key)
    {
        if (Peek() != '"')
        {
            key = default;
            return Fail();
        }

        if (!ReadString(out key) || Peek() != ':')
        {
            return Fail();
        }

        _at++;
        return true;
    }

    /// <summary>Iterative, one bit of memory per level, so that no nesting can exhaust the stack.</summary>
    private bool SkipContainer(int first, out JsonValue value)
    {
        var start = _at;
        var open = 0;
        ulong objects = 0;
        value = default;
        while (true)
        {
            if (first is '{' or '[')
            {
                if (_depth + open >= DepthMax)
                {
                    return Fail();
                }

                _at++;
                open++;
                objects = (objects << 1) | (first == '{' ? 1UL : 0UL);
                first = Peek();
                if (first != Closing(objects))
                {
                    if ((objects & 1) != 0 && !PassKey(out first))
                    {
                        return false;
                    }

                    continue;
                }
            }
            else if (!ReadScalar(first, out _))
            {
                return false;
            }

            while (Peek() == Closing(objects))
            {
                _at++;
                objects >>= 1;
                if (--open == 0)
                {
                    value = new JsonValue(_json[start] == '{' ? JsonKind.Object : JsonKind.Array, false, start, _at - start);
                    return true;
                }
            }

            if (Peek() != ',')
            {
                return Fail();
            }

            _at++;
            first = Peek();
            if ((objects & 1) != 0 && !PassKey(out first))
            {
                return false;
            }
        }
    }

    private bool PassKey(out int next)
    {
        if (!ReadKey(out _))
        {
            next = -1;
            return false;
        }

        next = Peek();
        return true;
    }

    private static int Closing(ulong objects) => (objects & 1) != 0 ? '}' : ']';

    private bool ReadScalar(int first, out JsonValue value)
    {
        switch (first)
        {
            case '"':
                return ReadString(out value);
            case 't':
                return ReadWord("true"u8, JsonKind.True, out value);
            case 'f':
                return ReadWord("false"u8, JsonKind.False, out value);
            case 'n':
                return ReadWord("null"u8, JsonKind.Null, out value);
            default:
                return ReadNumber(out value);
        }
    }

    private bool ReadWord(ReadOnlySpan<byte> word, JsonKind kind, out JsonValue value)
    {
        value = new JsonValue(kind, false, _at, word.Length);
        if (!_json[_at..].StartsWith(word))
        {
            return Fail();
        }

        _at += word.Length;
        return true;
    }

    private bool ReadNumber(out JsonValue value)
    {
        var length = JsonTokens.NumberLength(_json[Math.Min(_at, _json.Length)..]);
        value = new JsonValue(JsonKind.Number, false, _at, length);
        _at += length;
        return length > 0 || Fail();
    }

    /// <summary>string = quotation-mark *char quotation-mark; stands at the first quote.</summary>
    private bool ReadString(out JsonValue value)
    {
        var start = _at + 1;
        var at = start;
        var isEscaped = false;
        while (true)
        {
            at += JsonTokens.PlainLength(_json[at..]);
            if (at >= _json.Length || _json[at] < 0x20)
            {
                value = default;
                return Fail();
            }

            if (_json[at] == '"')
            {
                value = new JsonValue(JsonKind.String, isEscaped, start, at - start);
                _at = at + 1;
                return true;
            }

            isEscaped = true;
            var escape = JsonTokens.EscapeLength(_json[at..]);
            if (escape == 0)
            {
                value = default;
                return Fail();
            }

            at += escape;
        }
    }

    /// <summary>The next byte that is not whitespace, which is passed; -1 at the end and after a failure.</summary>
    private int Peek()
    {
        var at = _at;
        while ((uint)at < (uint)_json.Length)
        {
            var next = _json[at];
            if (next > 0x20 || next is not ((byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n'))
            {
                _at = at;
                return next;
            }

            at++;
        }

        _at = at;
        return -1;
    }

    private bool Fail()
    {
        HasFailed = true;
        _at = _json.Length;
        return false;
    }
}
