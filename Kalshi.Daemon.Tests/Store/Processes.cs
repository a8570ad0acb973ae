using System.Globalization;
using System.Runtime.InteropServices;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>Signals, and who started whom, by process id on Linux.</summary>
internal static partial class Processes
{
    /// <summary>Nothing happens when the process is gone.</summary>
    public static void Send(int process, int signal) => _ = Kill(process, signal);

    public static List<int> Children(int parent)
    {
        var children = new List<int>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder.AsSpan()), CultureInfo.InvariantCulture, out var process) && ParentOf(process) == parent)
            {
                children.Add(process);
            }
        }

        return children;
    }

    /// <summary>0 when the process is gone.</summary>
    private static int ParentOf(int process)
    {
        try
        {
            // PID (NAME) STATE PARENT …; the name may hold anything.
            var status = File.ReadAllText($"/proc/{process}/stat");
            return int.Parse(status[(status.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
