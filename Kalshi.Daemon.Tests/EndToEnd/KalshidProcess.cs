using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.EndToEnd;

/// <summary>What a finished run said.</summary>
internal sealed record Finished(int ExitCode, string Output, string Error);

/// <summary>
/// The published binary as a user starts it. It is killed when the test ends, and what it said is printed when the test failed.
/// The binary is `artifacts/kalshid` or what KALSHID_BINARY names; without one these tests are skipped and say so.
/// </summary>
internal sealed partial class KalshidProcess : IDisposable
{
    public const int SigTerm = 15;
    public const int SigStop = 19;
    public const int SigContinue = 18;
    public const int SigKill = 9;

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly string _arguments;

    private KalshidProcess(string[] arguments, IReadOnlyDictionary<string, string> environment, string? directory)
    {
        // Whoever runs the tests in the background of a script has SIGINT ignored, which processes inherit.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", Binary, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = directory };
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("KALSHID_", StringComparison.Ordinal)).ToArray())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        _arguments = string.Join(' ', arguments);
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public static string Binary
    {
        get
        {
            var named = Environment.GetEnvironmentVariable("KALSHID_BINARY");
            var path = named ?? Path.Combine(Repository.Root, "artifacts", "kalshid");
            if (!File.Exists(path))
            {
                Assert.That(named, Is.Null, "KALSHID_BINARY names no file.");
                Assert.Ignore($"There is no {path}; ./build.sh build publishes it.");
            }

            return path;
        }
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Standard error so far: the log.</summary>
    public string Error
    {
        get { lock (_error) { return _error.ToString(); } }
    }

    public string Output
    {
        get { lock (_output) { return _output.ToString(); } }
    }

    public static KalshidProcess Start(params string[] arguments) => Start(new Dictionary<string, string>(), arguments);

    public static KalshidProcess Start(IReadOnlyDictionary<string, string> environment, string[] arguments) => new(arguments, environment, null);

    /// <summary>Runs to the end. `limit` defaults to a minute.</summary>
    public static Finished Run(params string[] arguments) => Run(new Dictionary<string, string>(), arguments);

    public static Finished Run(IReadOnlyDictionary<string, string> environment, string[] arguments, string? directory = null)
    {
        using var process = new KalshidProcess(arguments, environment, directory);
        var exitCode = process.WaitForExit(TimeSpan.FromMinutes(5));
        return new Finished(exitCode, process.Output, process.Error);
    }

    /// <summary>Polls until the condition holds; fails the test when the limit passes or the process ends first.</summary>
    public void Await(Func<bool> condition, string what, TimeSpan? limit = null)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            if (_process.HasExited && !condition())
            {
                Assert.Fail($"kalshid {_arguments} ended with {_process.ExitCode} before {what}.\n{Tail()}");
            }

            if (clock.Elapsed > (limit ?? TimeSpan.FromSeconds(60)))
            {
                Assert.Fail($"kalshid {_arguments}: no {what} within {clock.Elapsed.TotalSeconds:0} s.\n{Tail()}");
            }

            Thread.Sleep(20);
        }
    }

    public void AwaitLog(string text, TimeSpan? limit = null) => Await(() => Error.Contains(text, StringComparison.Ordinal), $"\"{text}\" in the log", limit);

    public int WaitForExit(TimeSpan limit)
    {
        if (!_process.WaitForExit(limit))
        {
            Assert.Fail($"kalshid {_arguments} still runs after {limit.TotalSeconds:0} s.\n{Tail()}");
        }

        _process.WaitForExit(); // the rest of its output
        return _process.ExitCode;
    }

    public void Signal(int signal) => Assert.That(Kill(_process.Id, signal), Is.Zero, $"kill -{signal} {_process.Id}");

    /// <summary>kill -9, and the process is gone when this returns.</summary>
    public void KillHard()
    {
        Signal(SigKill);
        WaitForExit(TimeSpan.FromSeconds(10));
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        if (TestContext.CurrentContext.Result.FailCount > 0)
        {
            TestContext.Out.WriteLine(Tail());
        }

        _process.Dispose();
    }

    private string Tail()
    {
        var lines = $"{Output}{Error}".Split('\n');
        return $"--- kalshid {_arguments}\n{string.Join('\n', lines.Length <= 60 ? lines : [.. lines.Take(20), "…", .. lines.TakeLast(40)])}";
    }

    private static void Append(StringBuilder builder, string? line)
    {
        if (line is not null)
        {
            lock (builder)
            {
                builder.Append(line).Append('\n');
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
