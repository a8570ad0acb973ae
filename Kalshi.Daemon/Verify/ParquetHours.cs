using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Verify;

/// <summary>The hours of an export target on disk: `DIR/TABLE/date=YYYY-MM-DD/hour=HH/part-NNN.parquet`.</summary>
internal sealed class ParquetHours
{
    private readonly string _directory;

    /// <summary>`date=…/hour=…`, in order of time.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Throws <see cref="SetupException"/> when the directory holds no hour of any table.</summary>
    public ParquetHours(string directory)
    {
        _directory = directory;
        var names = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var date in Directories(directory, "*").SelectMany(table => Directories(table, "date=*")))
        {
            names.UnionWith(Directories(date, "hour=*").Select(hour => $"{Path.GetFileName(date)}/{Path.GetFileName(hour)}"));
        }

        // Certificates stand beside the tables, a file an hour: an hour whose tables are all gone is still missed.
        foreach (var date in Directories(Path.Combine(directory, "certificate"), "date=*"))
        {
            names.UnionWith(Directory.EnumerateFiles(date, "hour=*.json").Select(file => $"{Path.GetFileName(date)}/{Path.GetFileNameWithoutExtension(file)}"));
        }

        Names = names.Count > 0 ? [.. names]
            : throw new SetupException(ExitCode.Config, $"{directory} holds no exported hours (TABLE/date=…/hour=…/part-000.parquet); run kalshid export --target {directory} first.");
    }

    /// <summary>The parts of a table's hour, in order; none when the hour has no rows of it.</summary>
    public IEnumerable<string> Parts(string table, string hour)
    {
        var directory = Path.Combine(_directory, table, hour);
        return Directory.Exists(directory) ? Directory.EnumerateFiles(directory, "part-*.parquet").Order(StringComparer.Ordinal) : [];
    }

    public string Certificate(string hour) => Path.Combine(_directory, "certificate", hour + ".json");

    private static IEnumerable<string> Directories(string directory, string pattern) =>
        Directory.Exists(directory) ? Directory.EnumerateDirectories(directory, pattern) : [];
}
