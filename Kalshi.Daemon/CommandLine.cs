using System.Globalization;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon;

/// <summary>One `--name` a mode understands; `Value` is the placeholder in the help text, null for a bare flag.</summary>
internal sealed record CommandOption(string Name, string? Value, string Help);

/// <summary>The arguments after the mode, checked against what the mode declares. Immutable after parsing.</summary>
internal sealed class CommandLine
{
    public static readonly CommandOption[] Common =
    [
        new("config", "FILE", "configuration file; see kalshid.conf.example"),
        new("set", "SECTION.KEY=VALUE", "one setting, stronger than file and environment; may be repeated"),
        new("help", null, "this text"),
    ];

    private readonly List<(string Name, string Value)> _options = [];

    public List<string> Positional { get; } = [];

    /// <summary>
    /// Parses `--name value` and `--name=value`; a value that begins with `--` needs the second form. Throws
    /// <see cref="SetupException"/> (exit 64) with "did you mean".
    /// </summary>
    public static CommandLine Parse(string mode, ReadOnlySpan<string> arguments, IEnumerable<CommandOption> declared, int positionalMax = int.MaxValue)
    {
        var known = Common.Concat(declared).ToDictionary(option => option.Name);
        var line = new CommandLine();
        for (var i = 0; i < arguments.Length; i++)
        {
            var argument = arguments[i] == "-h" ? "--help" : arguments[i];
            if (!argument.StartsWith('-') || argument.Length == 1)
            {
                line.AddPositional(mode, argument, positionalMax);
                continue;
            }

            var equals = argument.IndexOf('=');
            var name = argument.TrimStart('-').Split('=', 2)[0];
            if (!argument.StartsWith("--", StringComparison.Ordinal) || !known.TryGetValue(name, out var option))
            {
                var given = equals < 0 ? argument : argument[..equals];
                throw new SetupException(ExitCode.Usage, $"kalshid {mode} has no option {given}{Spelling.DidYouMean(name, known.Keys, "--")}; see kalshid {mode} --help.");
            }

            line._options.Add((name, option.Value is null
                ? equals < 0 ? "" : throw new SetupException(ExitCode.Usage, $"--{name} takes no value.")
                : equals >= 0 ? argument[(equals + 1)..]
                : i + 1 < arguments.Length && !arguments[i + 1].StartsWith("--", StringComparison.Ordinal) ? arguments[++i]
                : throw new SetupException(ExitCode.Usage, $"--{name} needs a value: --{name} {option.Value}.")));
        }

        return line;
    }

    public bool Has(string name) => _options.Exists(option => option.Name == name);

    /// <summary>The last value given, or null.</summary>
    public string? Value(string name) => _options.FindLast(option => option.Name == name).Value;

    public IEnumerable<string> Values(string name) => _options.Where(option => option.Name == name).Select(option => option.Value);

    public TimeSpan? Duration(string name) => Parsed(name, Units.TryParseDuration, "a duration such as 500ms, 60s or 2h", out TimeSpan value) ? value : null;

    public long? Integer(string name) =>
        Parsed(name, (string text, out long number) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number), "a whole number", out long value)
            ? value : null;

    public double? Number(string name) =>
        Parsed(name, (string text, out double number) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number), "a number", out double value)
            ? value : null;

    private void AddPositional(string mode, string argument, int positionalMax)
    {
        if (Positional.Count == positionalMax)
        {
            throw new SetupException(ExitCode.Usage, $"kalshid {mode}: \"{argument}\" is one argument too many; see kalshid {mode} --help.");
        }

        Positional.Add(argument);
    }

    private bool Parsed<T>(string name, Parser<T> parser, string expected, out T value)
    {
        value = default!;
        if (Value(name) is not { } text)
        {
            return false;
        }

        return parser(text, out value) ? true : throw new SetupException(ExitCode.Usage, $"--{name} {text}: expected {expected}.");
    }

    private delegate bool Parser<T>(string text, out T value);
}
