using System.Diagnostics;
using System.Globalization;
using System.Text;
using Kalshi.Daemon.Tests.EndToEnd;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>
/// TimescaleDB for functional tests, from npm: PostgreSQL in WASM behind TimescaleServer/server.mjs, which says at its top what it cannot
/// do. Ends when disposed, and with this process. Needs Node.js 18 or newer with npm, which fetches the package once into artifacts/.
/// </summary>
internal sealed class TimescaleServer : IDisposable
{
    private const int NodeVersionMin = 18;
    private const string Listening = "listening 127.0.0.1:";

    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);
    private static readonly Lazy<string?> _reasonToSkip = new(Install);

    private readonly Process _process;
    private readonly StringBuilder _error = new();
    private int _port;
    private int _databaseCount;

    private TimescaleServer(string? dataDirectory, int databasesMax)
    {
        string[] data = ["--databases", databasesMax.ToString(CultureInfo.InvariantCulture), .. dataDirectory is null ? (string[])[] : ["--data", dataDirectory]];
        var start = new ProcessStartInfo("node", [Path.Combine(Folder, "server.mjs"), .. data])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        _process = new Process { StartInfo = start };
        _process.ErrorDataReceived += (_, line) => AppendError(line.Data);
        _process.Start();
        _process.BeginErrorReadLine();
    }

    private static string Source => Path.Combine(Repository.Root, "Kalshi.Daemon.Tests", "Store", "TimescaleServer");

    private static string Folder => Path.Combine(Repository.Root, "artifacts", "timescale-server");

    /// <summary>What the server complained about so far.</summary>
    public string Error
    {
        get { lock (_error) { return _error.ToString(); } }
    }

    /// <summary>A new, running server; the test is skipped where it cannot be installed.</summary>
    /// <param name="dataDirectory">Where its databases are kept; in memory without one.</param>
    /// <param name="databasesMax">So many that nobody is connected to are kept; fixtures that run beside each other leave theirs at times.</param>
    public static async Task<TimescaleServer> StartAsync(string? dataDirectory = null, int databasesMax = 4)
    {
        if (_reasonToSkip.Value is { } reason)
        {
            Assert.Ignore(reason);
        }

        var server = new TimescaleServer(dataDirectory, databasesMax);
        try
        {
            var line = await server._process.StandardOutput.ReadLineAsync().WaitAsync(_limit);
            Assert.That(line, Does.StartWith(Listening), () => $"the TimescaleDB server does not start: {server.Error}");
            server._port = int.Parse(line!.AsSpan(Listening.Length), CultureInfo.InvariantCulture);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>A database exists once somebody connects to it. Of those that nobody is connected to only a few of the newest are kept.</summary>
    public string Dsn(string database) => $"Host=127.0.0.1;Port={_port};Username=postgres;Database={database};Pooling=false";

    /// <summary>A fresh database with the extension in it: its DSN. Takes seconds.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var dsn = Dsn(string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databaseCount)}"));
        await using var connection = await Sql.OpenAsync($"{dsn};Timeout={_limit.TotalSeconds}");
        return dsn;
    }

    /// <summary>SIGTERM, and the server is gone when this returns: its exit code.</summary>
    public int Stop()
    {
        Processes.Send(_process.Id, KalshidProcess.SigTerm);
        Assert.That(_process.WaitForExit(_limit), Is.True, () => $"the TimescaleDB server does not end: {Error}");
        return _process.ExitCode;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(_limit))
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    /// <summary>Null when the server is in its folder and can run, else why not.</summary>
    private static string? Install()
    {
        var version = Tool.TryRun("node", "--version")?.TrimStart('v').Split('.')[0];
        if (!int.TryParse(version, CultureInfo.InvariantCulture, out var major) || major < NodeVersionMin || Tool.TryRun("npm", "--version") is null)
        {
            return $"the TimescaleDB of these tests needs Node.js {NodeVersionMin} or newer and npm: ./build.sh test installs them as root on Debian";
        }

        try
        {
            CopySource();
            return IsInstalled ? null : InstallPackage();
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            return $"the TimescaleDB of these tests cannot be installed in {Folder}: {e.Message}";
        }
    }

    // Beside node_modules, where Node looks for the package.
    private static void CopySource()
    {
        Directory.CreateDirectory(Folder);
        foreach (var file in Directory.GetFiles(Source))
        {
            File.Copy(file, Path.Combine(Folder, Path.GetFileName(file)), overwrite: true);
        }
    }

    // npm replaces node_modules as a whole, and the mark in it is made last.
    private static string Mark => Path.Combine(Folder, "node_modules", ".installed");

    private static string Locked => File.ReadAllText(Path.Combine(Source, "package-lock.json"));

    private static bool IsInstalled => File.Exists(Mark) && File.ReadAllText(Mark) == Locked;

    private static string? InstallPackage()
    {
        var (exitCode, output) = Tool.Run(
            "npm", "ci", "--prefix", Folder, "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline",
            "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000");
        if (exitCode != 0)
        {
            return $"the TimescaleDB of these tests comes from npm, and `npm ci` in {Folder} fails: {output}";
        }

        File.WriteAllText(Mark, Locked);
        return null;
    }

    private void AppendError(string? line)
    {
        if (line is not null)
        {
            lock (_error)
            {
                _error.Append(line).Append('\n');
            }
        }
    }
}
