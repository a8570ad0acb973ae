using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Kalshi.Daemon.Journal;

/// <summary>The file calls the runtime does not offer, with its own as the fallback outside Linux. Thread-safe.</summary>
internal static partial class Disk
{
    private const int FallocateKeepSize = 1;
    private const int OpenReadOnly = 0;
    private const int OpenCloseOnExec = 0x80000;
    private const int PriorityOfThread = 0;

    /// <summary>
    /// Reserves room without changing the file's length, so that the length stays the true end and readers never wade through
    /// zeros. (posix_fallocate would lengthen the file and, where unsupported, write every page.) Best effort: a file system that
    /// cannot, or a disk that is nearly full, is met again by the write itself.
    /// </summary>
    public static void TryReserve(SafeFileHandle file, long bytes)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = Fallocate(file, FallocateKeepSize, 0, bytes);
        }
    }

    /// <summary>The file's data and length survive a power cut when this returns. Throws <see cref="IOException"/>.</summary>
    public static void Sync(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
        }
        else if (Fdatasync(file) != 0)
        {
            throw LastError("fdatasync");
        }
    }

    /// <summary>Names made, renamed or removed in the directory survive a power cut when this returns. Throws <see cref="IOException"/>.</summary>
    public static void SyncDirectory(string directory)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using var handle = OpenUnlocked(directory);
        if (Fsync(handle) != 0)
        {
            throw LastError($"fsync {directory}");
        }
    }

    /// <summary>The file's content from now on: written beside, synced, renamed, so that a crash leaves the old one or the new one. Throws <see cref="IOException"/>.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> bytes)
    {
        var temporary = path + SegmentName.TemporaryExtension;
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Opens a file or directory for reading without the advisory lock that the runtime always takes. Throws <see cref="IOException"/>.</summary>
    public static SafeFileHandle OpenUnlocked(string path)
    {
        var descriptor = Open(path, OpenReadOnly | OpenCloseOnExec);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw LastError($"open {path}");
    }

    /// <summary>Lowers the calling thread, and only it, to run when nobody else wants the CPU.</summary>
    public static void LowerThreadPriority()
    {
        if (OperatingSystem.IsLinux())
        {
            _ = SetPriority(PriorityOfThread, 0, 19);
        }
    }

    private static IOException LastError(string call)
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException($"{call}: {new Win32Exception(error).Message}", error);
    }

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int Fallocate(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int Fdatasync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    private static partial int SetPriority(int which, uint who, int priority);
}
