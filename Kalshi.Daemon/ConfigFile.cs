using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon;

/// <summary>One `key = value` of a configuration file; `Where` is "FILE line N", for messages.</summary>
internal readonly record struct ConfigEntry(string Section, string Key, string Value, string Where);

/// <summary>
/// The configuration file as text; what the keys mean is <see cref="Options"/>' matter.
/// <code>
///   file    = { line "\n" }                        UTF-8, a BOM and CRLF are accepted
///   line    = [ "[" section "]" | key "=" value ] [ comment ]
///   comment = "#" …                                at the start of a line or after a blank; ";" only at the start of a line
///   value   = bare | '"' any but '"' '"'           quote what holds " #" or needs blanks at an end; there are no escapes
/// </code>
/// Refused, each with file and line: anything else, a key before the first section, a section or key given twice.
/// </summary>
internal static class ConfigFile
{
    /// <summary>
    /// Entries in file order; `requireSection` refuses unknown sections, empty ones too. Throws <see cref="SetupException"/> (exit 78).
    /// </summary>
    public static List<ConfigEntry> Read(string path, Action<string, string> requireSection)
    {
        var entries = new List<ConfigEntry>();
        var firstSeen = new Dictionary<(string Section, string Key), int>();
        string? section = null;
        var number = 0;
        foreach (var text in ReadLines(path))
        {
            var where = $"{path} line {++number}";
            var line = text.Trim();
            if (line.Length == 0 || line[0] is '#' or ';')
            {
                continue;
            }

            var key = "";
            if (line[0] == '[')
            {
                section = SectionOf(line, where);
                requireSection(section, where);
            }
            else
            {
                entries.Add(EntryOf(line, section, where));
                key = entries[^1].Key;
            }

            if (!firstSeen.TryAdd((section!, key), number))
            {
                var what = key.Length == 0 ? $"section [{section}]" : $"{section}.{key}";
                throw new SetupException(ExitCode.Config, $"{where}: {what} is there already, on line {firstSeen[(section!, key)]}; keep one of them.");
            }
        }

        return entries;
    }

    private static string[] ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new SetupException(ExitCode.Config, $"Cannot read the configuration file \"{path}\": {e.Message}");
        }
    }

    private static string SectionOf(string line, string where)
    {
        var header = WithoutComment(line);
        return header[^1] == ']' ? header[1..^1].Trim() : throw new SetupException(ExitCode.Config, $"{where}: expected \"[section]\", found \"{header}\".");
    }

    /// <summary>The text of a malformed line is not repeated: it may be part of a key pasted into the wrong file.</summary>
    private static ConfigEntry EntryOf(string line, string? section, string where)
    {
        var equals = line.IndexOf('=');
        if (equals <= 0)
        {
            throw new SetupException(ExitCode.Config, $"{where}: expected \"key = value\", \"[section]\" or a comment.");
        }

        var key = line[..equals].TrimEnd();
        return section is null
            ? throw new SetupException(ExitCode.Config, $"{where}: the key \"{key}\" stands before any [section].")
            : new ConfigEntry(section, key, ValueOf(line[(equals + 1)..], where), where);
    }

    private static string ValueOf(string text, string where)
    {
        var value = text.Trim();
        if (!value.StartsWith('"'))
        {
            return WithoutComment(text);
        }

        var close = value.IndexOf('"', 1);
        var rest = close < 0 ? "" : value[(close + 1)..].TrimStart();
        return close > 0 && (rest.Length == 0 || rest[0] == '#')
            ? value[1..close]
            : throw new SetupException(ExitCode.Config, close < 0 ? $"{where}: the quote is not closed." : $"{where}: text after the closing quote.");
    }

    /// <summary>Cuts a "#" that follows a blank, with all after it; a "#" inside a word stays.</summary>
    private static string WithoutComment(string text)
    {
        for (var i = 1; i < text.Length; i++)
        {
            if (text[i] == '#' && char.IsWhiteSpace(text[i - 1]))
            {
                return text[..i].Trim();
            }
        }

        return text.Trim();
    }
}
