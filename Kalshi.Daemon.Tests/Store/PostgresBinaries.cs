using System.Globalization;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>
/// A PostgreSQL installation, version 15 or newer, and the way to run its programs, which refuse root: root runs them as the user postgres.
/// Looked for in KALSHID_TEST_POSTGRES_BIN, else in Debian's folders (the newest), else where pg_config points.
/// </summary>
internal sealed partial class PostgresBinaries
{
    private const int MajorVersionMin = 15;
    private const string DebianRoot = "/usr/lib/postgresql";

    private static readonly Lazy<(PostgresBinaries? Found, string Reason)> _search = new(Search);

    private readonly string _directory;

    private PostgresBinaries(string directory) => _directory = directory;

    /// <summary>The installation; without one the calling test is skipped and says how to get it.</summary>
    public static PostgresBinaries FindOrSkip()
    {
        var (found, reason) = _search.Value;
        if (found is null)
        {
            Assert.Ignore(reason);
        }

        return found!;
    }

    /// <summary>Program and arguments to start, as the user postgres when root asks.</summary>
    public (string Program, string[] Arguments) Command(string name, params string[] arguments)
    {
        var path = Path.Combine(_directory, name);
        // setpriv becomes the program, so the process started is the server itself; runuser would stay above it.
        return Environment.IsPrivilegedProcess
            ? ("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", "--", path, .. arguments])
            : (path, arguments);
    }

    /// <summary>Gives a file or folder, with all in it, to the user the programs run as.</summary>
    public static void Own(string path)
    {
        if (Environment.IsPrivilegedProcess)
        {
            Tool.MustRun("chown", "-R", "postgres:", path);
        }
    }

    private static (PostgresBinaries? Found, string Reason) Search()
    {
        if (!OperatingSystem.IsLinux())
        {
            return (null, "these tests start PostgreSQL as on Linux");
        }

        if (Environment.GetEnvironmentVariable("KALSHID_TEST_POSTGRES_BIN") is { Length: > 0 } named)
        {
            Assert.That(MajorVersionIn(named), Is.GreaterThanOrEqualTo(MajorVersionMin), $"KALSHID_TEST_POSTGRES_BIN names {named}: version of postgres in it");
            return Usable(named);
        }

        var debian = Directory.Exists(DebianRoot) ? Directory.GetDirectories(DebianRoot).Select(version => Path.Combine(version, "bin")) : [];
        var found = debian.MaxBy(MajorVersionIn);
        if (found is null || MajorVersionIn(found) < MajorVersionMin)
        {
            found = Tool.TryRun("pg_config", "--bindir");
        }

        return found is not null && MajorVersionIn(found) >= MajorVersionMin
            ? Usable(found)
            : (null, "PostgreSQL 15 or newer is not installed: ./build.sh test installs it as root on Debian, or name its programs' folder in KALSHID_TEST_POSTGRES_BIN");
    }

    private static (PostgresBinaries? Found, string Reason) Usable(string directory) =>
        Environment.IsPrivilegedProcess && Tool.TryRun("id", "-u", "postgres") is null
            ? (null, "PostgreSQL refuses to run as root and there is no user postgres")
            : (new PostgresBinaries(directory), "");

    /// <summary>0 when there is no server.</summary>
    private static int MajorVersionIn(string directory)
    {
        var version = MajorVersionPattern().Match(Tool.TryRun(Path.Combine(directory, "postgres"), "--version") ?? "");
        return version.Success ? int.Parse(version.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0;
    }

    // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1); also "18beta1".
    [GeneratedRegex(@"PostgreSQL\) (\d+)")]
    private static partial Regex MajorVersionPattern();
}
