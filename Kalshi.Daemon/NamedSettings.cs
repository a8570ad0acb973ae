namespace Kalshi.Daemon;

/// <summary>A key `PREFIX.NAME` that may stand in its section once for each name.</summary>
/// <param name="Make">The setting of one name.</param>
/// <param name="Names">Those that are set.</param>
internal sealed record NamedSettings(string Section, string Prefix, Func<string, Setting> Make, Func<Options, IEnumerable<string>> Names)
{
    public bool Has(string section, string key) => section == Section && key.StartsWith(Prefix + ".", StringComparison.Ordinal);

    public Setting Setting(string key) => Make(key[(Prefix.Length + 1)..]);

    public IEnumerable<Setting> Of(Options options) => Names(options).ToArray().Select(Make);
}
