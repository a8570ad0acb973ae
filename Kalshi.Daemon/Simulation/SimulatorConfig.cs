using System.Net;

namespace Kalshi.Daemon.Simulation;

/// <summary>
/// The configuration file for the other modes, with the private key beside it (`FILE.key.pem`, readable by the owner only).
/// It appears whole, after the server listens: its existence means ready.
/// </summary>
internal static class SimulatorConfig
{
    public static void Write(string file, IPEndPoint endpoint, ServerKey key)
    {
        var path = Path.GetFullPath(file);
        var directory = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(directory);
        var keyPath = path + ".key.pem";
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var stream = new FileStream(keyPath, options))
        {
            stream.Write(System.Text.Encoding.ASCII.GetBytes(key.PrivatePem + "\n"));
        }

        var temporary = path + ".part";
        File.WriteAllText(temporary, $"""
            # Written by kalshid simulate.
            [exchange]
            rest_url = http://{endpoint}{SimulatedServer.RestBase}
            ws_url = ws://{endpoint}{SimulatedServer.WebSocketPath}
            key_id = {key.Id}
            key_file = {keyPath}

            [gather]
            data_dir = {Path.Combine(directory, "data")}

            """);
        File.Move(temporary, path, overwrite: true);
    }
}
