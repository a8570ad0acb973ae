using System.Globalization;
using Npgsql;

namespace Kalshi.Daemon.Bench.Storage;

/// <summary>CPU of a PostgreSQL on this machine: the postmaster and all its children, those that have ended included; zero where there is no /proc of it.</summary>
internal static class ServerCpu
{
    public static TimeSpan Of(string dsn)
    {
        using var connection = new NpgsqlConnection(dsn + ";Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand("select pg_backend_pid()", connection);
        var backend = (int)command.ExecuteScalar()!;
        var postmaster = Stat(backend) is { } own ? int.Parse(own[1], CultureInfo.InvariantCulture) : 0;
        long ticks = 0;
        foreach (var directory in Directory.GetDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), out var process) && Stat(process) is { } stat && (process == postmaster || stat[1] == postmaster.ToString(CultureInfo.InvariantCulture)))
            {
                // Of children that have ended the postmaster knows the sum.
                ticks += long.Parse(stat[11], CultureInfo.InvariantCulture) + long.Parse(stat[12], CultureInfo.InvariantCulture);
                ticks += process == postmaster ? long.Parse(stat[13], CultureInfo.InvariantCulture) + long.Parse(stat[14], CultureInfo.InvariantCulture) : 0;
            }
        }

        return TimeSpan.FromSeconds(ticks / 100.0);
    }

    /// <summary>The fields of /proc/PID/stat behind the program's name: state, parent, …; null when it is gone.</summary>
    private static string[]? Stat(int process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }
}
