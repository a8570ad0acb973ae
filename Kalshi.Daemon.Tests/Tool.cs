using System.ComponentModel;
using System.Diagnostics;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests;

/// <summary>Programs of the machine, run to their end.</summary>
internal static class Tool
{
    /// <summary>What the program said on both streams; null when it is missing or failed.</summary>
    public static string? TryRun(string program, params string[] arguments) => Run(program, arguments) is (0, var output) ? output : null;

    /// <summary>What the program said on both streams; the test fails when the program does.</summary>
    public static string MustRun(string program, params string[] arguments)
    {
        var (exitCode, output) = Run(program, arguments);
        Assert.That(exitCode, Is.Zero, () => $"{program} {string.Join(' ', arguments)}: {output}");
        return output;
    }

    /// <summary>A missing program is exit code -1.</summary>
    public static (int ExitCode, string Output) Run(string program, params string[] arguments)
    {
        // Not the current directory: another user, to whom the program may change, must be able to enter it.
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        try
        {
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd() + error.Result;
            process.WaitForExit();
            return (process.ExitCode, output.Trim());
        }
        catch (Win32Exception missing)
        {
            return (-1, missing.Message);
        }
    }
}
