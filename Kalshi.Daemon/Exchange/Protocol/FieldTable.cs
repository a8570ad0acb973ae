namespace Kalshi.Daemon.Exchange.Protocol;

/// <summary>
/// Where each known key of one JSON object stands, so that fields are read in the decoder's order and not the wire's. One thread.
/// </summary>
internal sealed class FieldTable
{
    private readonly JsonValue[] _values = new JsonValue[MessageKeys.CountMax];
    private byte[] _scratch = new byte[256];
    private ulong _seen;

    /// <summary>Keys of the object that are not known.</summary>
    public int UnknownKeys { get; private set; }

    /// <summary>An unknown key holds an array or an object that is not empty.</summary>
    public bool HasUnknownContainer { get; private set; }

    /// <summary>A known key stands more than once: which one is meant nobody can say.</summary>
    public bool HasDuplicate { get; private set; }

    public void Clear()
    {
        _seen = 0;
        UnknownKeys = 0;
        HasUnknownContainer = false;
        HasDuplicate = false;
    }

    public bool Has(MessageKey key) => (_seen & (1UL << (int)key)) != 0;

    public JsonValue this[MessageKey key] => Has(key) ? _values[(int)key] : default;

    /// <summary>Walks the object at `start`; false when it is not one. `end` is the byte behind it.</summary>
    public bool TryFill(ReadOnlySpan<byte> frame, int start, int depth, out int end)
    {
        Clear();
        Span<byte> scratch = stackalloc byte[FrameHeadReader.NameLengthMax];
        var cursor = new JsonCursor(frame, start, depth);
        if (cursor.EnterObject())
        {
            while (cursor.NextKey(out var keyAt) && cursor.ReadValue(out var value))
            {
                Note(MessageKeys.Find(FrameHeadReader.Name(frame, keyAt, scratch)), value);
            }
        }

        end = cursor.Position;
        return !cursor.HasFailed;
    }

    private void Note(MessageKey key, JsonValue value)
    {
        if (key == MessageKey.Unknown)
        {
            UnknownKeys++;
            HasUnknownContainer |= value.IsContainer && value.Length > 2;
        }
        else if (key != MessageKey.Ignored)
        {
            HasDuplicate |= Has(key);
            _seen |= 1UL << (int)key;
            _values[(int)key] = value;
        }
    }

    /// <summary>
    /// A string with its escapes resolved, or the digits of a number; valid until the next call. False when it is no UTF-8 text.
    /// </summary>
    public bool TryText(ReadOnlySpan<byte> frame, JsonValue value, out ReadOnlySpan<byte> text)
    {
        text = frame.Slice(value.Start, value.Length);
        if (!value.IsEscaped)
        {
            return System.Text.Unicode.Utf8.IsValid(text);
        }

        if (_scratch.Length < text.Length)
        {
            _scratch = new byte[text.Length * 2];
        }

        var isText = JsonText.TryUnescape(text, _scratch, out var length);
        text = _scratch.AsSpan(0, length);
        return isText;
    }
}
