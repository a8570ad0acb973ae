using System.Globalization;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

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
    public TimeSpan AuditInterval = TimeSpan.FromSeconds(30);
    public TimeSpan RegistrySweep = TimeSpan.FromMinutes(15);
    public TimeSpan ShutdownLimit = TimeSpan.FromSeconds(10);

    // [journal]
    public int SyncIntervalMs = 50;
    public long SyncBytes = 4L << 20;
    public long SegmentBytesMax = 256L << 20;
    public bool Compress = true;
    public TimeSpan Retention = TimeSpan.FromDays(7);
    public long DiskBudget;

    // [store]
    public string StoreDsn = "";
    public string StoreTimescale = "auto";
    public bool StoreDirectCompress;
    public TimeSpan StoreCompressAfter = TimeSpan.FromHours(2);
    public bool StoreMarketIndex = true;
    public TimeSpan StoreRetention = TimeSpan.FromDays(30);
    public long StoreDiskBudget;
    public int StoreBatchRowsMax = 200_000;
    public int StoreBatchAgeMsMax = 250;
    public int StoreWriters = 1;
    public TimeSpan StoreTimeout = TimeSpan.FromMinutes(1);

    // [dedup]
    public string ProductionDsn = "";
    public string ProductionTimescale = "auto";
    public TimeSpan ProductionCompressAfter = TimeSpan.FromDays(2);
    public bool ProductionMarketIndex = true;
    public TimeSpan DedupLagBudget = TimeSpan.FromSeconds(60);
    public TimeSpan DedupSettle = TimeSpan.FromSeconds(5);
    public TimeSpan DedupMargin = TimeSpan.FromSeconds(10);
    public TimeSpan DedupTimeout = TimeSpan.FromMinutes(1);

    /// <summary>In the order they were first named, which is their index.</summary>
    public readonly List<GathererDsn> Gatherers = [];

    // [export]
    public string ExportSource = "journal";
    public string ExportTarget = "";

    // [retention]
    public TimeSpan ProductionRetention = TimeSpan.Zero;

    private const string EnvironmentPrefix = "KALSHID_";

    public static readonly Setting[] Settings =
    [
        Setting.Url("exchange", "rest_url", o => ref o.RestUrl, "https", "http"),
        Setting.Url("exchange", "ws_url", o => ref o.WsUrl, "wss", "ws"),
        Setting.Text("exchange", "key_id", o => ref o.KeyId),
        Setting.Text("exchange", "key_file", o => ref o.KeyFile),
        Setting.Word("gather", "name", o => ref o.Name),
        Setting.Word("gather", "data_dir", o => ref o.DataDir),
        Setting.Integer("gather", "connections_max", o => ref o.ConnectionsMax, 4, 10_000),
        Setting.Integer("gather", "markets_per_connection", o => ref o.MarketsPerConnection, 1, 500_000),
        Setting.Integer("gather", "subscribe_chunk", o => ref o.SubscribeChunk, 1, 100_000),
        Setting.Integer("gather", "commands_per_second", o => ref o.CommandsPerSecond, 1, 10_000),
        Setting.Flag("gather", "include_combos", o => ref o.IncludeCombos),
        Setting.Duration("gather", "audit_interval", o => ref o.AuditInterval),
        Setting.Duration("gather", "registry_sweep", o => ref o.RegistrySweep, TimeSpan.FromSeconds(1), TimeSpan.FromDays(7)),
        Setting.Duration("gather", "shutdown_limit", o => ref o.ShutdownLimit, max: TimeSpan.FromHours(1)),
        Setting.Integer("journal", "sync_interval_ms", o => ref o.SyncIntervalMs, 1, 60_000),
        Setting.Bytes("journal", "sync_bytes", o => ref o.SyncBytes, 1),
        Setting.Bytes("journal", "segment_bytes_max", o => ref o.SegmentBytesMax, 4_096),
        Setting.Flag("journal", "compress", o => ref o.Compress),
        Setting.Duration("journal", "retention", o => ref o.Retention),
        Setting.Bytes("journal", "disk_budget", o => ref o.DiskBudget, 0),
        Setting.Text("store", "dsn", o => ref o.StoreDsn) with { Show = ConnectionText.WithoutPassword },
        Setting.OneOf("store", "timescale", o => ref o.StoreTimescale, "auto", "on", "off"),
        Setting.Flag("store", "direct_compress", o => ref o.StoreDirectCompress),
        Setting.Duration("store", "compress_after", o => ref o.StoreCompressAfter),
        Setting.Flag("store", "market_index", o => ref o.StoreMarketIndex),
        Setting.Duration("store", "retention", o => ref o.StoreRetention),
        Setting.Bytes("store", "disk_budget", o => ref o.StoreDiskBudget, 0),
        Setting.Integer("store", "batch_rows_max", o => ref o.StoreBatchRowsMax, 1, 2_000_000),
        Setting.Integer("store", "batch_age_ms_max", o => ref o.StoreBatchAgeMsMax, 1, 60_000),
        Setting.Integer("store", "writers", o => ref o.StoreWriters, 1, 8),
        Setting.Duration("store", "timeout", o => ref o.StoreTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
        Setting.Text("dedup", "production_dsn", o => ref o.ProductionDsn) with { Show = ConnectionText.WithoutPassword },
        Setting.OneOf("dedup", "timescale", o => ref o.ProductionTimescale, "auto", "on", "off"),
        Setting.Duration("dedup", "compress_after", o => ref o.ProductionCompressAfter),
        Setting.Flag("dedup", "market_index", o => ref o.ProductionMarketIndex),
        Setting.Duration("dedup", "lag_budget", o => ref o.DedupLagBudget, max: TimeSpan.FromHours(1)),
        Setting.Duration("dedup", "settle", o => ref o.DedupSettle, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10)),
        Setting.Duration("dedup", "margin", o => ref o.DedupMargin, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(10)),
        Setting.Duration("dedup", "timeout", o => ref o.DedupTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
        Setting.OneOf("export", "source", o => ref o.ExportSource, "journal", "store", "production"),
        Setting.Text("export", "target", o => ref o.ExportTarget),
        Setting.Duration("retention", "production", o => ref o.ProductionRetention),
    ];

    /// <summary>Keys of the form `PREFIX.NAME`, one for each thing that has a name.</summary>
    public static readonly NamedSettings[] Families = [new("dedup", "gatherer", GathererDsn.SettingOf, o => o.Gatherers.Select(gatherer => gatherer.Name))];

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
            foreach (var (section, key, value, where) in ConfigFile.Read(file, RequireSection))
            {
                options.Apply(section, key, value, where);
            }

            options.ConfigPath = Path.GetFullPath(file);
        }

        foreach (var (name, value) in environment.Where(variable => variable.Name.StartsWith(EnvironmentPrefix, StringComparison.Ordinal)))
        {
            options.ApplyEnvironment(name, value);
        }

        foreach (var assignment in set)
        {
            var equals = assignment.IndexOf('=');
            var dot = assignment.IndexOf('.');
            if (dot <= 0 || equals < dot)
            {
                throw new SetupException(ExitCode.Usage, $"--set {(equals < 0 ? assignment : assignment[..equals])}: expected --set section.key=value.");
            }

            options.Apply(assignment[..dot], assignment[(dot + 1)..equals], assignment[(equals + 1)..], $"--set {assignment[..equals]}");
        }

        return options;
    }

    /// <summary>Throws <see cref="SetupException"/> (exit 78) when no production is configured.</summary>
    public void RequireProduction()
    {
        if (ProductionDsn.Length == 0)
        {
            throw new SetupException(
                ExitCode.Config, "No production is configured: set dedup.production_dsn (in the file, as KALSHID_DEDUP__PRODUCTION_DSN, or with --set dedup.production_dsn=…).");
        }
    }

    /// <summary>`section.key=value` for every setting, as in force, for people to read: without passwords.</summary>
    public IEnumerable<string> Effective() => Settings.Concat(Families.SelectMany(family => family.Of(this)))
        .Select(setting => $"{setting.Name}={setting.Show(setting.Read(this))}");

    /// <summary>
    /// Names without "__" belong to others (build scripts, wrappers), unless one is a setting spelled with single underscores:
    /// that would be a setting silently not in force.
    /// </summary>
    private void ApplyEnvironment(string name, string value)
    {
        var path = name[EnvironmentPrefix.Length..].ToLowerInvariant();
        if (path.Split("__", 2) is [var section, var key])
        {
            Apply(section, KnownKey(section, key.Replace("__", ".", StringComparison.Ordinal)), value, $"environment variable {name}");
        }
        else if (Array.Find(Settings, setting => $"{setting.Section}_{setting.Key}" == path) is { } meant)
        {
            var right = $"{EnvironmentPrefix}{meant.Section}__{meant.Key}".ToUpperInvariant();
            throw new SetupException(ExitCode.Config, $"environment variable {name}: section and key are joined by two underscores: {right}.");
        }
    }

    private void Apply(string section, string key, string value, string where)
    {
        RequireSection(section, where);
        var setting = Array.Find(Settings, setting => setting.Section == section && setting.Key == key)
            ?? Array.Find(Families, family => family.Has(section, key))?.Setting(key)
            ?? throw new SetupException(ExitCode.Config, $"{where}: section [{section}] has no key \"{key}\"{PerhapsMeant(section, key)}.");
        if (setting.Write(this, value) is { } expected)
        {
            throw new SetupException(ExitCode.Config, $"{where}: {setting.Name} = \"{value}\": expected {expected}.");
        }
    }

    /// <summary>
    /// The key of a family as it was spelled before: names of variables are written in capitals, and have "_" where names of things may have "-" or ".".
    /// </summary>
    private string KnownKey(string section, string key) => Array.Find(Families, family => family.Has(section, key))?.Of(this)
        .Select(setting => setting.Key).FirstOrDefault(known => AsVariable(known) == AsVariable(key)) ?? key;

    private static string AsVariable(string key) => key.Replace('-', '_').Replace('.', '_').ToLowerInvariant();

    private static void RequireSection(string section, string where)
    {
        var sections = Settings.Select(setting => setting.Section).Distinct().ToArray();
        if (!sections.Contains(section))
        {
            throw new SetupException(ExitCode.Config, $"{where}: there is no section [{section}]{Spelling.DidYouMean(section, sections)}.");
        }
    }

    private static string PerhapsMeant(string section, string key) => Array.Find(Settings, setting => setting.Key == key) is { } elsewhere
        ? $" (it belongs to [{elsewhere.Section}])"
        : Array.Find(Families, family => family.Section == section && Spelling.Distance(key.Split('.')[0], family.Prefix) <= 2) is { } family
        ? $" (did you mean \"{family.Prefix}.NAME\"?)"
        : Spelling.DidYouMean(key, Settings.Where(setting => setting.Section == section).Select(setting => setting.Key));
}

/// <summary>One configuration key: where it stands, how its text becomes a value, and back. `Write` returns null or what it expected.</summary>
internal sealed record Setting(string Section, string Key, Func<Options, string, string?> Write, Func<Options, string> Read)
{
    public delegate ref T Field<T>(Options options);

    public string Name => $"{Section}.{Key}";

    /// <summary>The value as it may be logged.</summary>
    public Func<string, string> Show { get; init; } = text => text;

    public static Setting Text(string section, string key, Field<string> field) =>
        new(section, key, (o, text) => Set(ref field(o), text), o => field(o));

    /// <summary>Text that may not be empty.</summary>
    public static Setting Word(string section, string key, Field<string> field) =>
        new(section, key, (o, text) => text.Length > 0 ? Set(ref field(o), text) : "some text", o => field(o));

    public static Setting Url(string section, string key, Field<string> field, params string[] schemes) =>
        new(section, key,
            (o, text) => Uri.TryCreate(text, UriKind.Absolute, out var url) && schemes.Contains(url.Scheme)
                ? Set(ref field(o), text) : $"a URL that begins with {string.Join(":// or ", schemes)}://",
            o => field(o));

    public static Setting OneOf(string section, string key, Field<string> field, params string[] words) =>
        new(section, key, (o, text) => words.Contains(text) ? Set(ref field(o), text) : string.Join(" or ", words), o => field(o));

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

    public static Setting Duration(string section, string key, Field<TimeSpan> field, TimeSpan min = default, TimeSpan? max = null) =>
        new(section, key,
            (o, text) => Units.TryParseDuration(text, out var value) && value >= min && !(value > max) ? Set(ref field(o), value)
                : $"a duration such as 500ms, 60s or 7d{(min == default ? "" : $", at least {Units.FormatDuration(min)}")}{(max is { } most ? $", at most {Units.FormatDuration(most)}" : "")}",
            o => Units.FormatDuration(field(o)));

    private static string? Set<T>(ref T field, T value)
    {
        field = value;
        return null;
    }
}
