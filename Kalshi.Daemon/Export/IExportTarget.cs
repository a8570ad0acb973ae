namespace Kalshi.Daemon.Export;

/// <summary>
/// Where an export goes. Names are relative, with `/`. A staged file is invisible until <see cref="Publish"/>, which makes an hour
/// appear with its manifest last: a reader that sees the manifest sees every file it lists. One thread.
/// Failures are <see cref="IOException"/>; after one, what was staged is void.
/// </summary>
internal interface IExportTarget
{
    /// <summary>A new file, written once from begin to end and then disposed of.</summary>
    Stream Stage(string name);

    /// <summary>Throws away what was staged.</summary>
    void Discard();

    /// <summary>
    /// Makes the staged files visible and durable, in this order: the old manifest goes, files replace those of the same name, `stale`
    /// ones go, the manifest appears. Killed at any point, the hour has either its old manifest and files, or no manifest, or the new.
    /// </summary>
    void Publish(IReadOnlyList<string> files, IReadOnlyList<string> stale, string manifest);

    /// <summary>A published file, or null.</summary>
    Stream? TryOpen(string name);

    /// <summary>Names of published files below a directory, sorted.</summary>
    IReadOnlyList<string> List(string directory);
}
