using System.Text.RegularExpressions;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon;

/// <summary>A gatherer that dedup reads: `dedup.gatherer.NAME = DSN`. The name is that of the configuration, and of the rows of production that say who saw what.</summary>
internal sealed partial record GathererDsn(string Name, string Dsn)
{
    /// <summary>`dedup.gatherer.NAME`, for messages.</summary>
    public string Setting => $"dedup.gatherer.{Name}";

    public static Setting SettingOf(string name) => new("dedup", $"gatherer.{name}", (options, dsn) => Write(options, name, dsn), options => Read(options, name))
    {
        Show = ConnectionText.WithoutPassword,
    };

    private static string? Write(Options options, string name, string dsn)
    {
        var known = options.Gatherers.FindIndex(gatherer => gatherer.Name == name);
        if (!NamePattern().IsMatch(name))
        {
            return "a name of letters, digits, \"-\", \"_\" and \".\" behind \"gatherer.\"";
        }

        if (dsn.Length == 0)
        {
            return "a DSN: Host=…;Database=…;Username=… or postgresql://user@host:port/database";
        }

        if (known < 0 && options.Gatherers.Count == MergeSettings.GatherersMax)
        {
            return $"at most {MergeSettings.GatherersMax} gatherers";
        }

        if (known < 0)
        {
            options.Gatherers.Add(new GathererDsn(name, dsn));
        }
        else
        {
            options.Gatherers[known] = new GathererDsn(name, dsn);
        }

        return null;
    }

    private static string Read(Options options, string name) => options.Gatherers.Find(gatherer => gatherer.Name == name)?.Dsn ?? "";

    [GeneratedRegex(@"^[A-Za-z0-9._-]+\z")]
    private static partial Regex NamePattern();
}
