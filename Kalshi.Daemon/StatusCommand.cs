using System.Text.Json;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon;

/// <summary>`kalshid status`: what the gatherer of this data directory last said of itself. Exit 0 while it runs and misses nothing now.</summary>
internal static class StatusCommand
{
    public static readonly CommandOption[] Options = [new("json", null, "the status file as it is")];

    private const long StaleUs = 5 * Micros.PerSecond;

    public static Task<int> RunAsync(CommandLine line)
    {
        var options = Kalshi.Daemon.Options.Load(line);
        var path = Path.Combine(options.DataDir, "status.json");
        if (!File.Exists(path))
        {
            throw new SetupException(ExitCode.Unavailable, $"There is no {path}: no kalshid gather has run with this gather.data_dir.");
        }

        var bytes = File.ReadAllBytes(path);
        var status = Parse(bytes, path);
        var age = Micros.Now() - status.At;
        var running = status.Exit.Length == 0 && age < StaleUs;
        Console.WriteLine(line.Has("json") ? System.Text.Encoding.UTF8.GetString(bytes) : Text(status, age, running));
        return Task.FromResult(running && status.FlushesRefused == 0 ? ExitCode.Ok : ExitCode.Failed);
    }

    private static GatherStatus Parse(byte[] bytes, string path)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, GatherStatusJson.Default.GatherStatus)!;
        }
        catch (JsonException e)
        {
            throw new SetupException(ExitCode.Unavailable, $"{path} is not a status file of this version: {e.Message}");
        }
    }

    private static string Text(GatherStatus status, long age, bool running)
    {
        var state = running ? $"running (pid {status.Pid})"
            : status.Exit.Length > 0 ? $"stopped: {status.Exit}" : $"not running: the last word is {age / Micros.PerSecond} s old and no clean stop was said";
        return $"""
            {status.Gatherer}: {state}, kalshid {status.Version}
              markets    {status.Markets:N0} known, {status.Subscribed:N0} streamed of {status.Wanted:N0} wanted, {status.Dormant:N0} swept by REST
              sockets    {status.Sockets}
              frames     {status.Frames:N0} ({status.FramesPerSecond:N0}/s): {status.Deltas:N0} deltas, {status.Snapshots:N0} snapshots, {status.Trades:N0} trades, {status.Tickers:N0} tickers, {status.Unknown:N0} unknown
              gaps       {status.Gaps:N0}{(status.BackfillPending ? ", a trade backfill is pending" : "")}
              delay      exchange to receive {status.ExchangeAge / 1000.0:N1} ms, socket to journal {status.WriteDelay / 1000.0:N1} ms
              journal    {status.JournalBytes:N0} bytes, written to {Micros.Format(status.Written)}, durable to {Micros.Format(status.Durable)}
              store      {status.Store?.Text ?? "none configured"}
              process    {status.ResidentBytes / 1048576.0:N0} MiB resident, {status.CpuMs / 1000.0:N1} s CPU
            """;
    }
}
