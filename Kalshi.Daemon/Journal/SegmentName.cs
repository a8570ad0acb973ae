using System.Globalization;

namespace Kalshi.Daemon.Journal;

/// <summary>A segment in the directory: its first stamp, and in which forms it is there (both only around a compression).</summary>
internal readonly record struct SegmentName(long FirstAt, bool HasRaw, bool HasCompressed)
{
    public const string RawExtension = ".kj";
    public const string CompressedExtension = ".kjz";
    public const string TemporaryExtension = ".tmp";

    public static string Raw(long firstAt) => firstAt.ToString("D20", CultureInfo.InvariantCulture) + RawExtension;

    public static string Compressed(long firstAt) => firstAt.ToString("D20", CultureInfo.InvariantCulture) + CompressedExtension;

    /// <summary>The name of the form that counts: the compressed one is only ever there when it is whole.</summary>
    public string FileName => HasCompressed ? Compressed(FirstAt) : Raw(FirstAt);

    /// <summary>The segments of a directory, oldest first; other files are ignored. A missing directory has none.</summary>
    public static List<SegmentName> List(string directory)
    {
        var byStamp = new SortedDictionary<long, SegmentName>();
        if (!Directory.Exists(directory))
        {
            return [];
        }

        foreach (var path in Directory.EnumerateFiles(directory, "*.kj*"))
        {
            var name = Path.GetFileName(path.AsSpan());
            if (TryParse(name, out var firstAt, out var isCompressed))
            {
                byStamp.TryGetValue(firstAt, out var known);
                byStamp[firstAt] = new SegmentName(firstAt, known.HasRaw || !isCompressed, known.HasCompressed || isCompressed);
            }
        }

        return [.. byStamp.Values];
    }

    private static bool TryParse(ReadOnlySpan<char> name, out long firstAt, out bool isCompressed)
    {
        isCompressed = name.EndsWith(CompressedExtension, StringComparison.Ordinal);
        firstAt = 0;
        return (isCompressed || name.EndsWith(RawExtension, StringComparison.Ordinal))
            && name.LastIndexOf('.') == 20
            && long.TryParse(name[..20], NumberStyles.None, CultureInfo.InvariantCulture, out firstAt);
    }
}
