using System.Globalization;
using System.Text;
using Kalshi.Daemon.Primitives;
using Microsoft.Win32.SafeHandles;

namespace Kalshi.Daemon.Journal;

/// <summary>
/// Sole right to write a journal directory: an exclusive lock (flock) on its file `lock`, which holds the owner's process id for
/// the error message. The kernel frees it when the process dies, however it dies.
/// </summary>
internal sealed class JournalLock : IDisposable
{
    public const string FileName = "lock";

    /// <summary>EWOULDBLOCK, as the runtime hands it on when the lock is held.</summary>
    private const int WouldBlockLinux = 11;
    private const int WouldBlockMac = 35;

    private const int Attempts = 4;
    private const int AttemptMs = 50;

    private readonly SafeFileHandle _file;

    private JournalLock(SafeFileHandle file) => _file = file;

    /// <summary>Throws <see cref="SetupException"/> when another process holds it. Waits up to 200 ms, since an inspection looks by locking.</summary>
    public static JournalLock Take(string directory)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (TryTake(directory) is { } taken)
            {
                return taken;
            }

            if (attempt == Attempts)
            {
                throw new SetupException(ExitCode.Unavailable, $"Another kalshid gather{Owner(directory)} is writing {directory}; stop it, or give this one its own gather.data_dir.");
            }

            Thread.Sleep(AttemptMs);
        }
    }

    /// <summary>Whether somebody writes the directory just now.</summary>
    public static bool IsTaken(string directory)
    {
        if (!File.Exists(Path.Combine(directory, FileName)))
        {
            return false;
        }

        try
        {
            using var probe = TryTake(directory, isProbe: true);
            return probe is null;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            return false; // Not ours to write: nothing can be said, and nothing depends on it but a word in a listing.
        }
    }

    public void Dispose() => _file.Dispose();

    private static JournalLock? TryTake(string directory, bool isProbe = false)
    {
        SafeFileHandle file;
        try
        {
            file = File.OpenHandle(Path.Combine(directory, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.HResult is WouldBlockLinux or WouldBlockMac)
        {
            return null;
        }

        if (!isProbe)
        {
            WriteOwner(file);
        }

        return new JournalLock(file);
    }

    private static void WriteOwner(SafeFileHandle file)
    {
        try
        {
            RandomAccess.Write(file, Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture).PadRight(11) + "\n"), 0);
        }
        catch (IOException)
        {
            // A full disk: the lock holds without its label.
        }
    }

    private static string Owner(string directory)
    {
        try
        {
            using var file = Disk.OpenUnlocked(Path.Combine(directory, FileName));
            Span<byte> text = stackalloc byte[12];
            var count = RandomAccess.Read(file, text, 0);
            var owner = Encoding.ASCII.GetString(text[..count]).Trim();
            return owner.Length > 0 ? $" (process {owner})" : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
