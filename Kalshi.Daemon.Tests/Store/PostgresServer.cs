using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Kalshi.Daemon.Tests.EndToEnd;
using Kalshi.Daemon.Tests.Simulation;
using Npgsql;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>
/// A throw-away PostgreSQL on 127.0.0.1 in a temporary directory, user postgres, no password. It stops when disposed, and also when this
/// process dies in any way. <see cref="StoreServers"/> has one that many tests share; a test that kills, stops or pauses starts its own.
/// Its methods are for one thread at a time, except <see cref="CreateDatabaseAsync"/> and <see cref="Dsn"/>.
/// </summary>
internal sealed class PostgresServer : IDisposable
{
    private const int SigInterrupt = 2;
    private const int SigQuit = 3;
    private const int PortTriesMax = 5;

    /// <summary>The most any start or stop may take; a loaded machine needs seconds.</summary>
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60);

    private readonly PostgresBinaries _binaries;
    private readonly string _root;
    private readonly string _data;
    private readonly ServerGuard _guard;
    private readonly int _port;
    private int _databaseCount;
    private Run? _run;

    /// <summary>One life of the server: a process and what it said.</summary>
    private sealed record Run(Process Process, StringBuilder Log, TaskCompletionSource OutputEnded);

    private PostgresServer(PostgresBinaries binaries, bool durable, string? dataDirectory, (string Name, string Value)[] settings)
    {
        _binaries = binaries;
        _root = Directory.CreateTempSubdirectory("kalshid-postgres-").FullName;
        _data = dataDirectory ?? Path.Combine(_root, "data");
        Directory.CreateDirectory(_data);
        Directory.CreateDirectory(Path.Combine(_root, "socket"));
        PostgresBinaries.Own(_root);
        PostgresBinaries.Own(_data);
        _guard = new ServerGuard(_root, _data);
        try
        {
            var (program, arguments) = binaries.Command("initdb", "-D", _data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync");
            Tool.MustRun(program, arguments);
            Configure(durable, settings);
            _port = StartOnAFreePort();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int Port => _port;

    public string DataDirectory => _data;

    public bool IsRunning => _run is { Process.HasExited: false };

    /// <summary>The server's log since its last start.</summary>
    public string Log => _run is null ? "" : Read(_run.Log);

    /// <summary>
    /// A new, running server; the test is skipped where PostgreSQL is not installed. A durable one keeps committed rows whatever kills the
    /// machine; the other is faster and still keeps them through <see cref="StopFast"/>.
    /// </summary>
    /// <param name="dataDirectory">An empty or missing folder instead of one in the temporary directory: of a small disk, say. Left to its owner.</param>
    /// <param name="settings">Further settings, as in postgresql.conf, without quotes.</param>
    public static PostgresServer New(bool durable = false, string? dataDirectory = null, params (string Name, string Value)[] settings) =>
        new(PostgresBinaries.FindOrSkip(), durable, dataDirectory, settings);

    /// <summary>A fresh, empty database: its DSN.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _databaseCount)}");
        await using var connection = new NpgsqlConnection($"{Dsn("postgres")};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"CREATE DATABASE {name}", connection);
        await command.ExecuteNonQueryAsync();
        return Dsn(name);
    }

    public string Dsn(string database) => $"Host=127.0.0.1;Port={_port};Username=postgres;Database={database}";

    /// <summary>The database as a file for pg_restore; what went wrong, empty when nothing did.</summary>
    public string Dump(string dsn, string file)
    {
        var (program, arguments) = _binaries.Command("pg_dump", "-h", "127.0.0.1", "-p", _port.ToString(CultureInfo.InvariantCulture), "-U", "postgres", "-Fc", new NpgsqlConnectionStringBuilder(dsn).Database!);
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        using (var to = File.Create(file))
        {
            process.StandardOutput.BaseStream.CopyTo(to);
        }

        process.WaitForExit();
        return error.Result.Trim();
    }

    /// <summary>After `meanwhile` the database is again what it was before, as when a replica that is behind takes over.</summary>
    public async Task FailOverAsync(string dsn, Func<Task> meanwhile)
    {
        var name = new NpgsqlConnectionStringBuilder(dsn).Database;
        var admin = Dsn("postgres");
        await Sql.ExecuteAsync(admin, $"ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        await Sql.ExecuteAsync(admin, $"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        await Eventually.BecomesTrue(async () => await Sql.ScalarAsync(admin, $"SELECT 1 FROM pg_stat_activity WHERE datname = '{name}'") is null);
        await Sql.ExecuteAsync(admin, $"CREATE DATABASE {name}_copy TEMPLATE {name}");
        await Sql.ExecuteAsync(admin, $"ALTER DATABASE {name} ALLOW_CONNECTIONS true");
        await meanwhile();
        await Sql.ExecuteAsync(admin, $"DROP DATABASE {name} WITH (FORCE)");
        await Sql.ExecuteAsync(admin, $"ALTER DATABASE {name}_copy RENAME TO {name}");
        await Sql.ExecuteAsync(admin, $"ALTER DATABASE {name} ALLOW_CONNECTIONS true");
    }

    /// <summary>Starts it again, with the same data and port. The server is ready when this returns, recovered from a crash if there was one.</summary>
    public void Start()
    {
        Assert.That(IsRunning, Is.False, "the server already runs");
        var run = Launch(_port);
        Assert.That(AwaitReady(run), Is.True, () => $"PostgreSQL does not start:\n{Read(run.Log)}");
    }

    /// <summary>Rolls open transactions back, closes connections and ends in order.</summary>
    public void StopFast() => Stop(SigInterrupt);

    /// <summary>Aborts; the next start recovers as after a crash.</summary>
    public void StopImmediate() => Stop(SigQuit);

    public void Restart()
    {
        StopFast();
        Start();
    }

    /// <summary>kill -9 of the postmaster. Its backends notice and end by themselves; all are gone when this returns.</summary>
    public void Kill() => Stop(KalshidProcess.SigKill);

    /// <summary>Stops the postmaster and all its children where they are: connections stay open and nothing answers.</summary>
    public void Pause() => SignalAll(KalshidProcess.SigStop);

    public void Resume() => SignalAll(KalshidProcess.SigContinue);

    public void Dispose()
    {
        _guard.Dispose();
        _run?.Process.Dispose();
        _run = null;
    }

    private void Configure(bool durable, (string Name, string Value)[] settings)
    {
        (string Name, string Value)[] always =
        [
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", Path.Combine(_root, "socket")),
            ("max_connections", "200"),
            ("timezone", "UTC"),
            ("lc_messages", "C"),
            // In the data directory, where nothing outlives it after a kill -9.
            ("dynamic_shared_memory_type", "mmap"),
        ];
        (string Name, string Value)[] fast = durable ? [] : [("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "off")];
        var lines = always.Concat(fast).Concat(settings).Select(setting => $"{setting.Name} = '{setting.Value.Replace("'", "''", StringComparison.Ordinal)}'");
        File.AppendAllLines(Path.Combine(_data, "postgresql.conf"), lines);
    }

    // Below the ports that the system gives to outgoing connections: none of those takes it while the server is down.
    private int StartOnAFreePort()
    {
        for (var tries = 1; ; tries++)
        {
            var port = Random.Shared.Next(12_000, 32_000);
            if (IsFree(port))
            {
                var run = Launch(port);
                if (AwaitReady(run))
                {
                    return port;
                }

                var taken = Read(run.Log).Contains("could not bind", StringComparison.Ordinal);
                Assert.That(taken && tries < PortTriesMax, Is.True, () => $"PostgreSQL does not start:\n{Read(run.Log)}");
            }
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private Run Launch(int port)
    {
        var (program, arguments) = _binaries.Command("postgres", "-D", _data, "-p", port.ToString(CultureInfo.InvariantCulture));
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        var run = new Run(new Process { StartInfo = start }, new StringBuilder(), new TaskCompletionSource());
        run.Process.ErrorDataReceived += (_, line) => Append(run, line.Data);
        run.Process.Start();
        run.Process.BeginErrorReadLine();
        _run?.Process.Dispose();
        _run = run;
        return run;
    }

    /// <summary>False when the server ended instead.</summary>
    private bool AwaitReady(Run run)
    {
        var clock = Stopwatch.StartNew();
        while (!run.Process.HasExited)
        {
            if (SaysReady(run.Process.Id))
            {
                return true;
            }

            Assert.That(clock.Elapsed, Is.LessThan(_limit), () => $"PostgreSQL is not ready:\n{Read(run.Log)}");
            Thread.Sleep(20);
        }

        run.OutputEnded.Task.Wait(_limit);
        return false;
    }

    // postmaster.pid: the first line is its process, the eighth its state.
    private bool SaysReady(int process)
    {
        try
        {
            var lines = File.ReadAllLines(Path.Combine(_data, "postmaster.pid"));
            return lines.Length >= 8 && lines[0] == process.ToString(CultureInfo.InvariantCulture) && lines[7].Trim() == "ready";
        }
        catch (IOException)
        {
            return false;
        }
    }

    private void Stop(int signal)
    {
        Assert.That(IsRunning, Is.True, "the server does not run");
        var run = _run!;
        var children = Processes.Children(run.Process.Id);
        Processes.Send(run.Process.Id, signal);
        // A paused server acts on no signal but -9.
        Processes.Send(run.Process.Id, KalshidProcess.SigContinue);
        children.ForEach(child => Processes.Send(child, KalshidProcess.SigContinue));
        Assert.That(run.Process.WaitForExit(_limit), Is.True, () => $"signal {signal} does not end PostgreSQL:\n{Read(run.Log)}");
        // Every child holds its end of the log: the log ends when the last of them is gone, and with it the old shared memory.
        Assert.That(run.OutputEnded.Task.Wait(_limit), Is.True, "PostgreSQL's backends outlive it");
    }

    private void SignalAll(int signal)
    {
        Assert.That(IsRunning, Is.True, "the server does not run");
        var postmaster = _run!.Process.Id;
        // The postmaster first: stopped, it starts no more children.
        Processes.Send(postmaster, signal);
        foreach (var child in Processes.Children(postmaster))
        {
            Processes.Send(child, signal);
        }
    }

    private static void Append(Run run, string? line)
    {
        if (line is null)
        {
            run.OutputEnded.TrySetResult();
            return;
        }

        lock (run.Log)
        {
            run.Log.Append(line).Append('\n');
        }
    }

    private static string Read(StringBuilder log)
    {
        lock (log)
        {
            return log.ToString();
        }
    }

    /// <summary>A database whose rows are in a folder of another disk: its DSN. At most one at a time.</summary>
    public async Task<string> CreateDatabaseInAsync(string folder)
    {
        Directory.CreateDirectory(folder);
        PostgresBinaries.Own(folder);
        await Sql.ExecuteAsync(Dsn("postgres"), $"CREATE TABLESPACE small LOCATION '{folder}'");
        await Sql.ExecuteAsync(Dsn("postgres"), "CREATE DATABASE small TABLESPACE small");
        return Dsn("small");
    }

    /// <summary>Drops it, whoever is connected, and leaves the disk.</summary>
    public async Task DropDatabaseInFolderAsync()
    {
        await Sql.ExecuteAsync(Dsn("postgres"), "DROP DATABASE IF EXISTS small WITH (FORCE)");
        await Sql.ExecuteAsync(Dsn("postgres"), "DROP TABLESPACE small");
    }
}
