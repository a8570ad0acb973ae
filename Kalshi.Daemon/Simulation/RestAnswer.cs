namespace Kalshi.Daemon.Simulation;

/// <summary>An HTTP answer: always JSON.</summary>
internal readonly record struct RestAnswer(int Status, byte[] Body)
{
    public static RestAnswer Error(int status, string code, string message) =>
        new(status, new WireText().Raw("{\"error\":{\"code\":"u8).Text(code).Raw(",\"message\":"u8).Text(message).Raw(",\"service\":\"simulate\"}}"u8).Span.ToArray());

    /// <summary>Over the limit: no Retry-After, as the exchange has none.</summary>
    public static RestAnswer TooManyRequests { get; } = new(429, "{\"error\":\"too many requests\"}"u8.ToArray());
}

/// <summary>A parsed query string. Repeated keys and commas both make lists, as the exchange accepts.</summary>
internal sealed class RestQuery(Func<string, string?[]> values)
{
    public string? Text(string name) => values(name) is [.., { Length: > 0 } last] ? last : null;

    public HashSet<string>? Set(string name)
    {
        var all = values(name);
        return all.Length == 0 ? null : [.. all.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
    }

    /// <summary>Null when absent; throws <see cref="RestRefusal"/> when it is not a whole number in range.</summary>
    public long? Integer(string name, long min, long max) => Text(name) is not { } text ? null
        : long.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var value) && value >= min && value <= max ? value
        : throw new RestRefusal(name);

    public bool Flag(string name) => Text(name) is "true" or "1";
}

/// <summary>A parameter the exchange answers with 400.</summary>
internal sealed class RestRefusal(string parameter) : Exception($"invalid parameter: {parameter}");
