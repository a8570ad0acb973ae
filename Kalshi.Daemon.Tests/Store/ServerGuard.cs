using System.Diagnostics;

namespace Kalshi.Daemon.Tests.Store;

/// <summary>
/// A small shell that waits for this process to end or to dispose it, then ends the PostgreSQL in a data directory and removes its
/// folder. It waits on a pipe, so it also notices a kill -9 of the tests.
/// </summary>
internal sealed class ServerGuard : IDisposable
{
    // The file may be left from a server that was killed, and its number be another process by now: PostgreSQL works in its data directory.
    // "Immediate" instead of -9, so that it frees its shared memory; continued, because a paused server does not act on a signal.
    private const string Script = """
        trap '' INT TERM HUP
        cat >/dev/null
        if read -r pid <"$2/postmaster.pid" && [ "/proc/$pid/cwd" -ef "$2" ]; then
            kill -QUIT "$pid"
            for stat in /proc/[0-9]*/stat; do
                read -r child name state parent rest <"$stat" && [ "$parent" = "$pid" ] && kill -CONT "$child"
            done
            kill -CONT "$pid"
            waited=0
            while kill -0 "$pid" && [ "$waited" -lt 100 ]; do
                sleep 0.1
                waited=$((waited + 1))
            done
            kill -KILL "$pid"
        fi
        rm -rf "$1"
        """;

    private readonly Process _process;

    public ServerGuard(string root, string data)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", Script, "guard", root, data])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        _process = Process.Start(start)!;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
