using System.Globalization;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// How far the consumers got: `data_dir/cursors/NAME` holds one decimal received_at stamp and a newline, written atomically by its
/// consumer. A file that cannot be read counts as a consumer that has read nothing.
/// </summary>
internal static class Cursors
{
    private const int FileBytesMax = 64;

    public static string DirectoryOf(string journalDirectory) =>
        Path.Combine(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(journalDirectory))) ?? ".", "cursors");

    /// <summary>Survives a power cut when this returns. Throws <see cref="IOException"/>.</summary>
    public static void Write(string directory, string name, long position)
    {
        Directory.CreateDirectory(directory);
        Disk.Replace(Path.Combine(directory, name), System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{position}\n")));
    }

    /// <summary>For a consumer that is no more; it need not have been there. Throws <see cref="IOException"/>.</summary>
    public static void Forget(string directory, string name)
    {
        // A directory that is missing is an error to File.Delete, a file that is missing is none.
        if (Directory.Exists(directory))
        {
            File.Delete(Path.Combine(directory, name));
        }
    }

    /// <summary>The cursors beside a journal directory.</summary>
    public static List<(string Name, long Position)> Beside(string journalDirectory) =>
        In(DirectoryOf(journalDirectory));

    public static List<(string Name, long Position)> In(string directory)
    {
        var cursors = new List<(string, long)>();
        if (!Directory.Exists(directory))
        {
            return cursors;
        }

        foreach (var path in Directory.EnumerateFiles(directory))
        {
            var name = Path.GetFileName(path);
            if (!name.EndsWith(SegmentName.TemporaryExtension, StringComparison.Ordinal) && name[0] != '.')
            {
                cursors.Add((name, Read(path)));
            }
        }

        return cursors;
    }

    private static long Read(string path)
    {
        try
        {
            var file = new FileInfo(path);
            return file.Length <= FileBytesMax && long.TryParse(File.ReadAllText(path).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var position)
                ? position : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
