using System.Diagnostics;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Kalshi.Daemon.Bench.Storage;

/// <summary>From a frame's receive stamp to its row's being visible to another connection, at a steady rate.</summary>
internal static class LatencyBench
{
    private const int Seconds = 15;
    private const int WarmUpSeconds = 3;

    /// <summary>Frames of the seeded journal in `folder`, stamped anew as they are paced.</summary>
    public static async Task RunAsync(string folder, string dsn, int rate)
    {
        await using var own = await BenchDatabase.CreateAsync(dsn, "off", Migrations.Gatherer);
        var live = Path.Combine(folder, $"live-{rate}", "journal");
        using var journal = JournalWriter.Open(new JournalSettings(live, 256 << 20, 50, 4 << 20), NullLogger.Instance);
        using var database = new StoreDatabase(own.Dsn, TimeSpan.FromMinutes(1));
        var settings = new LoaderSettings("bench", live, "off", false, new Options().StoreBatchRowsMax, TimeSpan.FromMilliseconds(250), Writers: 1, TimeSpan.FromMinutes(1));
        using var loader = new Loader(database, settings, () => journal.Durable, NullLogger.Instance);
        loader.Start();

        using var stop = new CancellationTokenSource();
        var polling = Task.Run(() => PollAsync(own.Dsn, stop.Token));
        var cpu = Environment.CpuUsage.TotalTime;
        var stamps = Pace(Path.Combine(folder, "journal"), journal, rate);
        var used = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds / Seconds;
        journal.Dispose();
        Checks.That(loader.Stop(TimeSpan.FromMinutes(1)), $"The loader reaches the journal's end: {loader.Counters.State}");
        await Task.Delay(50);
        await stop.CancelAsync();
        var delays = Delays(stamps, await polling);
        Console.WriteLine(
            $"  {rate,6:N0} msg/s: p50 {delays[delays.Length / 2] / 1e3:N0} ms, p99 {delays[delays.Length * 99 / 100] / 1e3:N0} ms, worst {delays[^1] / 1e3:N0} ms (target p99 <= 500); "
            + $"journal and loader {used * 100:N1} % of a core, pacing and polling included");
    }

    /// <summary>Returns the stamps given after the warm-up.</summary>
    private static List<long> Pace(string source, JournalWriter journal, int rate)
    {
        using var reader = new JournalReader(source);
        var stamps = new List<long>(rate * Seconds);
        var clock = Stopwatch.StartNew();
        long appended = 0;
        while (clock.Elapsed.TotalSeconds < Seconds)
        {
            for (var due = (long)(clock.Elapsed.TotalSeconds * rate); appended < due && reader.TryRead(out var record); appended++)
            {
                var stamp = journal.Append(Micros.Now(), record.Session, record.Kind, record.Bytes);
                if (clock.Elapsed.TotalSeconds > WarmUpSeconds)
                {
                    stamps.Add(stamp);
                }
            }

            journal.Flush();
            Thread.Sleep(1);
        }

        return stamps;
    }

    /// <summary>When the cursor was first seen at which position.</summary>
    private static async Task<List<(long Position, long SeenAt)>> PollAsync(string dsn, CancellationToken stop)
    {
        var seen = new List<(long, long)>();
        await using var connection = new NpgsqlConnection(dsn + ";Pooling=false");
        await connection.OpenAsync(CancellationToken.None);
        await using var command = new NpgsqlCommand("select (extract(epoch from position) * 1000000)::int8 from kalshid.cursors where name = 'loader'", connection);
        while (!stop.IsCancellationRequested)
        {
            if (await command.ExecuteScalarAsync(CancellationToken.None) is long position && (seen.Count == 0 || seen[^1].Item1 < position))
            {
                seen.Add((position, Micros.Now()));
            }

            await Task.Delay(2, CancellationToken.None);
        }

        return seen;
    }

    private static long[] Delays(List<long> stamps, List<(long Position, long SeenAt)> seen)
    {
        var delays = new long[stamps.Count];
        var next = 0;
        for (var i = 0; i < stamps.Count; i++)
        {
            while (seen[next].Position < stamps[i])
            {
                next++;
            }

            delays[i] = seen[next].SeenAt - stamps[i];
        }

        Array.Sort(delays);
        return delays;
    }
}
