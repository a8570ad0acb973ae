using System.Globalization;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon;

/// <summary>
/// The whole configuration, resolved once at start: default &lt; file &lt; environment (`KALSHID_SECTION__KEY`) &lt; `--set`.
/// Read-only afterwards; constructors copy the primitives they need.
/// </summary>
internal sealed class Options
{
    // [exchange]
    public string RestUrl = "https://external-api.kalshi.com/trade-api/v2";
    public string WsUrl = "wss://external-api-ws.kalshi.com/trade-api/ws/v2";
    public string KeyId = "";
    public string KeyFile = "";

    // [gather]
    public string Name = "gatherer";
    public string DataDir = "data";
    public int ConnectionsMax = 150;
    public int MarketsPerConnection = 7_500;
    public int SubscribeChunk = 1_000;
    public int CommandsPerSecond = 50;
    public bool IncludeCombos;
    public TimeSpan RegistrySweep = TimeSpan.FromMinutes(15);
    public TimeSpan ShutdownLimit = TimeSpan.FromSeconds(10);

    // [journal]
    public int SyncIntervalMs = 50;
    public long SyncBytes = 4L << 20;
    public long SegmentBytesMax = 256L << 20;
    public TimeSpan Retention = TimeSpan.FromDays(7);
    public long DiskBudget;
    public bool Compress = true;

    // [export]
    public string ExportSource = "journal";
    public string ExportTarget = "";

    public static readonly Setting[] Settings =
    [
        Setting.Text("exchange", "rest_url", o => ref o.RestUrl),
        Setting.Text("exchange", "ws_url", o => ref o.WsUrl),
        Setting.Text("exchange", "key_id", o => ref o.KeyId),
        Setting.Text("exchange", "key_file", o => ref o.KeyFile),
        Setting.Text("gather", "name", o => ref o.Name),
        Setting.Text("gather", "data_dir", o => ref o.DataDir),
        Setting.Integer("gather", "connections_max", o => ref o.ConnectionsMax, 2, 10_000),
        Setting.Integer("gather", "markets_per_connection", o => ref o.MarketsPerConnection, 1, 500_000),
        Setting.Integer("gather", "subscribe_chunk", o => ref o.SubscribeChunk, 1, 100_000),
        Setting.Integer("gather", "commands_per_second", o => ref o.CommandsPerSecond, 1, 10_000),
        Setting.Flag("gather", "include_combos", o => ref o.IncludeCombos),
        Setting.Duration("gather", "registry_sweep", o => ref o.RegistrySweep),
        Setting.Duration("gather", "shutdown_limit", o => ref o.ShutdownLimit),
        Setting.Integer("journal", "sync_interval_ms", o => ref o.SyncIntervalMs, 1, 60_000),
        Setting.Bytes("journal", "sync_bytes", o => ref o.SyncBytes, 1),
        Setting.Bytes("journal", "segment_bytes_max", o => ref o.SegmentBytesMax, 4_096),
        Setting.Duration("journal", "retention", o => ref o.Retention),
        Setting.Bytes("journal", "disk_budget", o => ref o.DiskBudget, 0),
        Setting.Flag("journal", "compress", o => ref o.Compress),
        Setting.Text("export", "source", o => ref o.ExportSource),
        Setting.Text("export", "target", o => ref o.ExportTarget),
    ];

    /// <summary>The file that was read, for the first log lines; null when there is none.</summary>
    public string? ConfigPath { get; private set; }

    /// <summary>Throws <see cref="SetupException"/> (exit 78) that names the file, the line and the key.</summary>
    public static Options Load(CommandLine line) =>
        Load(line.Value("config"), Environment.GetEnvironmentVariables().Cast<System.Collections.DictionaryEntry>()
            .Select(entry => ((string)entry.Key, (string?)entry.Value ?? "")), line.Values("set"));

    public static Options Load(string? file, IEnumerable<(string Name, string Value)> environment, IEnumerable<string> set)
    {
        var options = new Options();
        if (file is not null)
        {
            options.ReadFile(file);
        }

        const string prefix = "KALSHID_";
        foreach (var (name, value) in environment.Where(variable => variable.Name.StartsWith(prefix, StringComparison.Ordinal) && variable.Name.Contains("__")))
        {
            var parts = name[prefix.Length..].ToLowerInvariant().Split("__", 2);
            options.Apply(parts[0], parts[1], value, $"environment variable {name}");
        }

        foreach (var assignment in set)
        {
            var equals = assignment.IndexOf('=');
            var dot = assignment.IndexOf('.');
            if (dot <= 0 || equals < dot)
            {
                throw new SetupException(ExitCode.Usage, $"--set {assignment}: expected --set section.key=value.");
            }

            options.Apply(assignment[..dot], assignment[(dot + 1)..equals], assignment[(equals + 1)..], $"--set {assignment[..equals]}");
        }

        return options;
    }

    /// <summary>`section.key = value` for every setting, as in force; secrets are file names here, so nothing needs masking.</summary>
    public IEnumerable<string> Effective() => Settings.Select(setting => $"{setting.Section}.{setting.Key}={setting.Read(this)}");

    private void ReadFile(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SetupException(ExitCode.Config, $"Cannot read the configuration file {path}: {e.Message}");
        }

        ConfigPath = Path.GetFullPath(path);
        var section = "";
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            var where = $"{path} line {i + 1}";
            if (line.Length == 0 || line[0] is '#' or ';')
            {
                continue;
            }

            if (line[0] == '[' && line[^1] == ']')
            {
                section = line[1..^1].Trim();
                continue;
            }

            var equals = line.IndexOf('=');
            if (equals <= 0)
            {
                throw new SetupException(ExitCode.Config, $"{where}: expected \"key = value\", found \"{line}\".");
            }

            Apply(section, line[..equals].Trim(), line[(equals + 1)..].Trim(), where);
        }
    }

    private void Apply(string section, string key, string value, string where)
    {
        var setting = Array.Find(Settings, setting => setting.Section == section && setting.Key == key);
        if (setting is null)
        {
            throw new SetupException(ExitCode.Config, Array.Exists(Settings, s => s.Section == section)
                ? $"{where}: section [{section}] has no key \"{key}\"{Spelling.DidYouMean(key, Settings.Where(s => s.Section == section).Select(s => s.Key))}."
                : $"{where}: there is no section [{section}]{Spelling.DidYouMean(section, Settings.Select(s => s.Section).Distinct())}.");
        }

        if (setting.Write(this, value) is { } expected)
        {
            throw new SetupException(ExitCode.Config, $"{where}: {section}.{key} = \"{value}\": expected {expected}.");
        }
    }
}

/// <summary>One configuration key: where it stands, how its text becomes a value, and back. `Write` returns null or what it expected.</summary>
internal sealed record Setting(string Section, string Key, Func<Options, string, string?> Write, Func<Options, string> Read)
{
    public delegate ref T Field<T>(Options options);

    public static Setting Text(string section, string key, Field<string> field) =>
        new(section, key, (o, text) => { field(o) = text; return null; }, o => field(o));

    public static Setting Flag(string section, string key, Field<bool> field) =>
        new(section, key, (o, text) => text is "true" or "false" ? Set(ref field(o), text == "true") : "true or false", o => field(o) ? "true" : "false");

    public static Setting Integer(string section, string key, Field<int> field, int min, int max) =>
        new(section, key,
            (o, text) => int.TryParse(text, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
                ? Set(ref field(o), value) : $"a whole number from {min} to {max}",
            o => field(o).ToString(CultureInfo.InvariantCulture));

    public static Setting Bytes(string section, string key, Field<long> field, long min) =>
        new(section, key,
            (o, text) => Units.TryParseBytes(text, out var value) && value >= min ? Set(ref field(o), value) : $"a size of at least {min} bytes, such as 256MiB",
            o => Units.FormatBytes(field(o)));

    public static Setting Duration(string section, string key, Field<TimeSpan> field) =>
        new(section, key,
            (o, text) => Units.TryParseDuration(text, out var value) ? Set(ref field(o), value) : "a duration such as 500ms, 60s or 7d",
            o => Units.FormatDuration(field(o)));

    private static string? Set<T>(ref T field, T value)
    {
        field = value;
        return null;
    }
}
