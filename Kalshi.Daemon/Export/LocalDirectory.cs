using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Export;

/// <summary>An export target on a local file system.</summary>
/// <remarks>
/// <code>
/// TARGET/.staging/…                                  being written; void after a crash, emptied by the next run
/// TARGET/TABLE/date=YYYY-MM-DD/hour=HH/part-NNN.parquet
/// TARGET/certificate/date=YYYY-MM-DD/hour=HH.json
/// TARGET/manifest/date=YYYY-MM-DD/hour=HH.json       last: what it lists is whole
/// </code>
/// </remarks>
/// <param name="step">Called before each change of the directory, with its name: tests stop the world there.</param>
internal sealed class LocalDirectory : IExportTarget
{
    private readonly string _root;
    private readonly string _staging;
    private readonly Action<string> _step;

    public LocalDirectory(string root, Action<string>? step = null)
    {
        _root = Path.GetFullPath(root);
        _staging = Path.Combine(_root, ".staging");
        _step = step ?? (_ => { });
        try
        {
            Directory.CreateDirectory(_staging);
            Discard();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SetupException(ExitCode.InputOutput, $"Cannot write to the export target {_root}: {e.Message} Choose another with --target DIR or export.target.");
        }
    }

    public override string ToString() => _root;

    public Stream Stage(string name)
    {
        _step($"stage {name}");
        return new FileStream(StagedPath(name), FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);
    }

    public void Discard()
    {
        foreach (var path in Directory.EnumerateFiles(_staging))
        {
            File.Delete(path);
        }
    }

    public void Publish(IReadOnlyList<string> files, IReadOnlyList<string> stale, string manifest)
    {
        foreach (var name in files.Append(manifest))
        {
            _step($"sync {name}");
            SyncFile(StagedPath(name));
        }

        Remove([manifest]);
        Move(files);
        Remove(stale);
        Move([manifest]);
    }

    public Stream? TryOpen(string name)
    {
        var path = FinalPath(name);
        return File.Exists(path) ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16) : null;
    }

    public IReadOnlyList<string> List(string directory)
    {
        var path = FinalPath(directory);
        if (!Directory.Exists(path))
        {
            return [];
        }

        return [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(_root, file).Replace(Path.DirectorySeparatorChar, '/'))
            .Order(StringComparer.Ordinal)];
    }

    private void Move(IReadOnlyList<string> names)
    {
        foreach (var name in names)
        {
            _step($"move {name}");
            var path = FinalPath(name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.Move(StagedPath(name), path, overwrite: true);
        }

        SyncDirectories(names);
    }

    private void Remove(IReadOnlyList<string> names)
    {
        foreach (var name in names.Where(name => File.Exists(FinalPath(name))))
        {
            _step($"remove {name}");
            File.Delete(FinalPath(name));
            SyncDirectories([name]);
        }
    }

    /// <summary>The files' directories and theirs, up to the root: any of them may be new.</summary>
    private void SyncDirectories(IReadOnlyList<string> names)
    {
        var directories = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            for (var path = Path.GetDirectoryName(FinalPath(name))!; path.Length >= _root.Length && directories.Add(path);)
            {
                path = Path.GetDirectoryName(path)!;
            }
        }

        foreach (var directory in directories)
        {
            Disk.SyncDirectory(directory);
        }
    }

    private static void SyncFile(string path)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        Disk.Sync(file);
    }

    private string FinalPath(string name) => Path.Combine(_root, name);

    private string StagedPath(string name) => Path.Combine(_staging, name.Replace('/', '!'));
}
