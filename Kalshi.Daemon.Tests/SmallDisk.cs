using System.Globalization;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests;

/// <summary>A tmpfs of a few megabytes, to be really full. Only root may mount one; the test of anybody else is skipped.</summary>
internal sealed class SmallDisk : IDisposable
{
    private SmallDisk(string path) => Path = path;

    public string Path { get; }

    private string Filler => System.IO.Path.Combine(Path, "filler");

    public static SmallDisk MountOrSkip(int megabytes)
    {
        var path = Directory.CreateTempSubdirectory("kalshid-disk-").FullName;
        var size = string.Create(CultureInfo.InvariantCulture, $"size={megabytes}m,mode=755");
        if (!OperatingSystem.IsLinux() || Tool.TryRun("mount", "-t", "tmpfs", "-o", size, "tmpfs", path) is null)
        {
            Directory.Delete(path);
            Assert.Ignore("mounting a small tmpfs needs root");
        }

        return new SmallDisk(path);
    }

    /// <summary>Takes all the room but `leaveBytes`, in one file, also while others write.</summary>
    public void Fill(long leaveBytes)
    {
        var drive = new DriveInfo(Path);
        var block = new byte[1 << 16];
        using var file = new FileStream(Filler, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            for (var left = drive.AvailableFreeSpace - leaveBytes; left > 0; left = drive.AvailableFreeSpace - leaveBytes)
            {
                file.Write(block, 0, (int)Math.Min(left, block.Length));
            }
        }
        catch (IOException)
        {
            // Full, as meant.
        }
    }

    /// <summary>Gives the room back.</summary>
    public void Free() => File.Delete(Filler);

    public void Dispose()
    {
        Tool.MustRun("umount", Path);
        Directory.Delete(Path);
    }
}
