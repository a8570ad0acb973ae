using System.Reflection;
using System.Text;

namespace Kalshi.Daemon.Store;

/// <summary>
/// The schemas' SQL files in the binary. A line `\ir PATH`, as psql has it, stands for the text of another file, relative to this one:
/// what several databases or versions share. A file that a release applied is never changed, and so is what it includes.
/// </summary>
internal static class SchemaFiles
{
    private const string Include = "\\ir ";

    /// <summary>The numbered files of a folder, in order.</summary>
    public static IEnumerable<(int Version, string Name, string Sql)> Read(string folder) =>
        from path in Assembly.GetExecutingAssembly().GetManifestResourceNames().Order(StringComparer.Ordinal)
        where path.StartsWith(folder, StringComparison.Ordinal) && path.IndexOf('/', folder.Length) < 0
        select (int.Parse(path.AsSpan(folder.Length, 3), provider: null), Path.GetFileNameWithoutExtension(path), Text(path));

    private static string Text(string path)
    {
        var text = new StringBuilder();
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(path)!);
        while (reader.ReadLine() is { } line)
        {
            _ = line.StartsWith(Include, StringComparison.Ordinal) ? text.Append(Text(Resolve(path, line[Include.Length..]))) : text.Append(line).Append('\n');
        }

        return text.ToString();
    }

    private static string Resolve(string path, string relative) => Path.GetRelativePath("/", Path.GetFullPath(relative, Path.GetDirectoryName("/" + path)!));
}
