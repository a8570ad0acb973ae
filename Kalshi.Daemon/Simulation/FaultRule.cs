using System.Globalization;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

internal enum FaultKind : byte
{
    // One frame at a time.
    Drop,
    Duplicate,
    Rename,
    Extra,
    Unknown,
    RestartSeq,

    // A connection or its sids.
    Disconnect,
    Stall,
    Delay,
    Chunk,
    Fragment,
    Overflow,
    Error10,

    // The whole exchange.
    Burst,
    Skew,
    Refuse,
    RestStatus,
    RestSlow,
    RestMalformed,
    RestTimeout,
    RestCursor,
}

/// <summary>
/// One fault, as `--fault "RULE"` or as a line of the `--faults` file (`#` starts a comment). A rule is its kind and
/// `key=value` words, listed in <see cref="Help"/>:
/// <code>
/// disconnect at=20s connection=2 how=close
/// drop rate=0.0005 channel=orderbook_delta
/// rename at=25s for=2s from=delta_fp to=delta_contracts
/// </code>
/// </summary>
internal sealed record FaultRule
{
    /// <summary>The rules as `kalshid simulate --help` explains them.</summary>
    public const string Help = """
        inject a fault; may be repeated. A RULE is a kind and key=value words:
            drop           a numbered frame takes its seq but is not sent
            duplicate      a frame is sent twice, with the same seq
            rename         a key gets another name: from= (price_dollars) to= (price_usd)
            extra          unknown fields stand in the frame
            unknown        a numbered frame of an unknown type comes first
            restart        the sid's seq begins again at 1
            disconnect     the connection ends: how=reset|close (reset)
            stall          nothing is sent while it lasts, then everything; without for= half-open for ever
            delay          every write waits: by= (200ms)
            chunk          writes leave in pieces: size= (1 byte)
            fragment       messages leave as continuation frames: size= (64 bytes)
            overflow       error 25 ends the sid
            error10        error 10 ends the sid
            burst          the rate is multiplied: factor= (10); for= (1s)
            skew           the server's clock is off: by= (60s, may be negative)
            refuse         upgrades are refused: status= (503)
            rest_status    REST answers with status= (500)
            rest_slow      REST answers late: by= (2s)
            rest_malformed REST answers with half a page
            rest_timeout   REST never answers
            rest_cursor    a page's cursor is the one it was asked with
          When: at=10s once, every=30s again and again, neither = always; for=2s keeps it up so long. rate=0.001 is the chance
          of each frame or REST call (in the window, if there is one), for connections times a second. count=3 takes so many
          frames at a time (1). Where: channel=orderbook_delta, connection=2 (from 1) or all, path=/markets for REST.
          spread=2 counts messages instead of frames, each hit at so many of the connections that it goes to, by chance, or at all of them.
          A connection fault takes one connection by chance, any other every one. Times count from the stream's start;
          chance comes from the seed.
        """;

    private static readonly Dictionary<string, FaultKind> Kinds = new()
    {
        ["drop"] = FaultKind.Drop,
        ["duplicate"] = FaultKind.Duplicate,
        ["rename"] = FaultKind.Rename,
        ["extra"] = FaultKind.Extra,
        ["unknown"] = FaultKind.Unknown,
        ["restart"] = FaultKind.RestartSeq,
        ["disconnect"] = FaultKind.Disconnect,
        ["stall"] = FaultKind.Stall,
        ["delay"] = FaultKind.Delay,
        ["chunk"] = FaultKind.Chunk,
        ["fragment"] = FaultKind.Fragment,
        ["overflow"] = FaultKind.Overflow,
        ["error10"] = FaultKind.Error10,
        ["burst"] = FaultKind.Burst,
        ["skew"] = FaultKind.Skew,
        ["refuse"] = FaultKind.Refuse,
        ["rest_status"] = FaultKind.RestStatus,
        ["rest_slow"] = FaultKind.RestSlow,
        ["rest_malformed"] = FaultKind.RestMalformed,
        ["rest_timeout"] = FaultKind.RestTimeout,
        ["rest_cursor"] = FaultKind.RestCursor,
    };

    public required FaultKind Kind { get; init; }

    /// <summary>The rule as written, for the log.</summary>
    public required string Text { get; init; }

    /// <summary>µs since the start; -1 = not given.</summary>
    public long At { get; private set; } = -1;

    /// <summary>µs; 0 = not given.</summary>
    public long Every { get; private set; }

    /// <summary>µs; 0 = not given.</summary>
    public long For { get; private set; }

    public double Rate { get; private set; }

    public int Count { get; private set; } = 1;

    public string? Channel { get; private set; }

    /// <summary>0 = not given, -1 = all.</summary>
    public int Connection { get; private set; }

    /// <summary>Connections at which the same message is hit; 0 = each frame is on its own.</summary>
    public int Spread { get; private set; }

    public string From { get; private set; } = "price_dollars";

    public string To { get; private set; } = "price_usd";

    /// <summary>µs, may be negative; null = the kind's default.</summary>
    public long? By { get; private set; }

    public double Factor { get; private set; } = 10;

    public int Size { get; private set; }

    public int Status { get; private set; }

    public bool IsReset { get; private set; } = true;

    public string? Path { get; private set; }

    public bool IsOfFrames => Kind <= FaultKind.RestartSeq;

    public bool IsOfConnections => Kind is >= FaultKind.Disconnect and <= FaultKind.Error10;

    public bool IsOfRest => Kind >= FaultKind.RestStatus;

    /// <summary>Throws <see cref="SetupException"/> that names the rule and the word.</summary>
    public static FaultRule Parse(string text, string where)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (words.Length == 0 || !Kinds.TryGetValue(words[0], out var kind))
        {
            throw new SetupException(ExitCode.Usage, $"{where}: there is no fault \"{words.FirstOrDefault()}\"{Spelling.DidYouMean(words.FirstOrDefault() ?? "", Kinds.Keys)}.");
        }

        var rule = new FaultRule { Kind = kind, Text = text };
        foreach (var word in words.AsSpan(1))
        {
            var equals = word.IndexOf('=');
            if (equals <= 0 || !rule.Take(word[..equals], word[(equals + 1)..]))
            {
                throw new SetupException(ExitCode.Usage, $"{where}: cannot read \"{word}\" of the fault \"{text}\"; see kalshid simulate --help.");
            }
        }

        if (rule is { At: < 0, Every: 0, Rate: 0, Kind: FaultKind.Disconnect or FaultKind.Overflow or FaultKind.Error10 or FaultKind.Burst })
        {
            throw new SetupException(ExitCode.Usage, $"{where}: the fault \"{text}\" needs at=, every= or rate=.");
        }

        return rule;
    }

    /// <summary>One rule a line; empty lines and `#` comments are passed over.</summary>
    public static IEnumerable<FaultRule> ReadFile(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SetupException(ExitCode.Usage, $"Cannot read the fault file {path}: {e.Message}");
        }

        for (var i = 0; i < lines.Length; i++)
        {
            var text = lines[i].Split('#')[0].Trim();
            if (text.Length > 0)
            {
                yield return Parse(text, $"{path} line {i + 1}");
            }
        }
    }

    private bool Take(string key, string value)
    {
        switch (key)
        {
            case "at": return Duration(value, time => At = time);
            case "every": return Duration(value, time => Every = time) && Every > 0;
            case "for": return Duration(value, time => For = time);
            case "by": return Duration(value, time => By = time);
            case "rate": return Number(value, number => Rate = number);
            case "factor": return Number(value, number => Factor = number);
            case "count": return Integer(value, 1, number => Count = number);
            case "size": return Integer(value, 1, number => Size = number);
            case "status": return Integer(value, 400, number => Status = number) && Status < 600;
            case "connection" when value == "all": Connection = -1; return true;
            case "connection": return Integer(value, 1, number => Connection = number);
            case "spread" when value == "all": Spread = int.MaxValue; return IsOfFrames;
            case "spread": return Integer(value, 1, number => Spread = number) && IsOfFrames;
            case "how": IsReset = value == "reset"; return value is "reset" or "close";
            case "channel": Channel = value; return true;
            case "path": Path = value; return true;
            case "from": From = value; return true;
            case "to": To = value; return true;
            default: return false;
        }
    }

    private static bool Duration(string text, Action<long> set)
    {
        var isNegative = text.StartsWith('-');
        var known = Units.TryParseDuration(isNegative ? text[1..] : text, out var duration);
        set(isNegative ? -Micros.FromTimeSpan(duration) : Micros.FromTimeSpan(duration));
        return known;
    }

    private static bool Number(string text, Action<double> set)
    {
        var known = double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number);
        set(number);
        return known && number > 0;
    }

    private static bool Integer(string text, int min, Action<int> set)
    {
        var known = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        set(number);
        return known && number >= min;
    }
}
