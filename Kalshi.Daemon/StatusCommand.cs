using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon;

/// <summary>
/// `kalshid status`: what the gatherer or the dedup of this data directory last said of itself, both when both have run. Exit 0 while they run and miss nothing
/// now.
/// </summary>
internal static class StatusCommand
{
    public static readonly CommandOption[] Options = [new("json", null, "the status file as it is; dedup's when there is one")];

    private const long StaleUs = 5 * Micros.PerSecond;

    public static Task<int> RunAsync(CommandLine line)
    {
        var options = Kalshi.Daemon.Options.Load(line);
        var gather = Read(Path.Combine(options.DataDir, "status.json"), GatherStatusJson.Default.GatherStatus);
        var dedup = Read(Path.Combine(options.DataDir, DedupReporter.FileName), DedupStatusJson.Default.DedupStatus);
        if (gather is null && dedup is null)
        {
            throw new SetupException(ExitCode.Unavailable, $"There is neither status.json nor {DedupReporter.FileName} in {options.DataDir}: no kalshid gather or dedup has run with this gather.data_dir.");
        }

        var isWell = true;
        if (gather is { } g)
        {
            var state = RunState.Of(g.Status.At, g.Status.Exit, g.Status.Pid);
            isWell &= state.IsRunning && g.Status.FlushesRefused == 0;
            Print(line, g.Bytes, dedup is null, () => Text(g.Status, state));
        }

        if (dedup is { } d)
        {
            var state = RunState.Of(d.Status.At, d.Status.Exit, d.Status.Pid);
            isWell &= state.IsRunning && d.Status.Gatherers.All(gatherer => gatherer.IsPresent);
            Print(line, d.Bytes, true, () => Text(d.Status, state));
        }

        return Task.FromResult(isWell ? ExitCode.Ok : ExitCode.Failed);
    }

    private static void Print(CommandLine line, byte[] bytes, bool isTheOne, Func<string> text)
    {
        if (!line.Has("json"))
        {
            Console.WriteLine(text());
        }
        else if (isTheOne)
        {
            Console.WriteLine(Encoding.UTF8.GetString(bytes));
        }
    }

    private static (T Status, byte[] Bytes)? Read<T>(string path, JsonTypeInfo<T> type)
        where T : class
    {
        if (!File.Exists(path))
        {
            return null;
        }

        var bytes = File.ReadAllBytes(path);
        try
        {
            return (JsonSerializer.Deserialize(bytes, type)!, bytes);
        }
        catch (JsonException e)
        {
            throw new SetupException(ExitCode.Unavailable, $"{path} is not a status file of this version: {e.Message}");
        }
    }

    /// <summary>Whether what was said last is being said still.</summary>
    private readonly record struct RunState(bool IsRunning, string Text)
    {
        public static RunState Of(long at, string exit, int pid)
        {
            var age = Micros.Now() - at;
            var isRunning = exit.Length == 0 && age < StaleUs;
            return new RunState(isRunning, isRunning ? $"running (pid {pid})"
                : exit.Length > 0 ? $"stopped: {exit}" : $"not running: the last word is {age / Micros.PerSecond} s old and no clean stop was said");
        }
    }

    private static string Text(GatherStatus status, RunState state) =>
        $"""
        {status.Gatherer}: {state.Text}, kalshid {status.Version}
          markets    {status.Markets:N0} known, {status.Subscribed:N0} streamed of {status.Wanted:N0} wanted, {status.Dormant:N0} swept by REST
          sockets    {status.Sockets}
          frames     {status.Frames:N0} ({status.FramesPerSecond:N0}/s): {status.Deltas:N0} deltas, {status.Snapshots:N0} snapshots, {status.Trades:N0} trades, {status.Tickers:N0} tickers, {status.Unknown:N0} unknown
          gaps       {status.Gaps:N0}{(status.BackfillPending ? ", a trade backfill is pending" : "")}
          delay      exchange to receive {status.ExchangeAge / 1000.0:N1} ms, socket to journal {status.WriteDelay / 1000.0:N1} ms
          journal    {status.JournalBytes:N0} bytes, written to {Micros.Format(status.Written)}, durable to {Micros.Format(status.Durable)}
          store      {status.Store?.Text ?? "none configured"}
          process    {status.ResidentBytes / 1048576.0:N0} MiB resident, {status.CpuMs / 1000.0:N1} s CPU
        """;

    private static string Text(DedupStatus status, RunState state)
    {
        var text = new StringBuilder(
            $"""
            dedup: {state.Text}, kalshid {status.Version}
              production     {status.Production}, {status.State}
              merged         {(status.Watermark == 0 ? "nothing yet" : $"up to {Micros.Format(status.Watermark)}, {status.Lag / 1000.0:N0} ms behind the clock, in {status.Turn:N0} turns")}
              rows           {status.RowsIn:N0} in ({status.RowsInPerSecond:N0}/s), {status.RowsOut:N0} out ({status.RowsOutPerSecond:N0}/s)
              all agree      {status.Changes:N0} changes, {status.Confirmed:N0} times confirmed by another gatherer; {status.SnapshotsChecked:N0} snapshots fit, {status.SnapshotMismatches:N0} do not
              taken over     {status.TakenOver:N0} times another gatherer went on where one had ended
              disagreements  {status.Disagreements:N0}, of which {status.Settled:N0} settled
              gaps           {status.Gaps:N0} that nobody vouched for, {status.GapsEven:N0} with equal books on both sides, {status.GapsRepaired:N0} repaired afterwards
              process        {status.ResidentBytes / 1048576.0:N0} MiB resident, {status.CpuMs / 1000.0:N1} s CPU
            """);
        foreach (var gatherer in status.Gatherers)
        {
            text.AppendLine().Append(
                $"  {gatherer.Name,-14} {(gatherer.IsPresent ? "present" : "not waited for")}{(gatherer.IsFailing ? ", does not answer" : "")}, {gatherer.Behind / 1000.0:N0} ms of its store to merge, {gatherer.Rows:N0} rows"
                + $"{(gatherer.Missing > 0 ? $", {gatherer.Missing:N0} times rows were missing" : "")}{(gatherer.LostMicros > 0 ? $", {gatherer.LostMicros / Micros.PerSecond:N0} s dropped before they were merged" : "")}");
        }

        return text.ToString();
    }
}
