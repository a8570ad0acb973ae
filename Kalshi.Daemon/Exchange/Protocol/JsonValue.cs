namespace Kalshi.Daemon.Exchange.Protocol;

internal enum JsonKind : byte
{
    None,
    Null,
    True,
    False,
    Number,
    String,
    Object,
    Array,
}

/// <summary>
/// Where a JSON value stands: of a string the bytes between the quotes, escapes unresolved; of anything else all of it,
/// brackets included.
/// </summary>
internal readonly record struct JsonValue(JsonKind Kind, bool IsEscaped, int Start, int Length)
{
    public int End => Start + Length;

    /// <summary>Says nothing: null and "" stand for an absent value on this wire.</summary>
    public bool IsBlank => Kind is JsonKind.None or JsonKind.Null || (Kind == JsonKind.String && Length == 0);

    public bool IsContainer => Kind is JsonKind.Object or JsonKind.Array;
}
