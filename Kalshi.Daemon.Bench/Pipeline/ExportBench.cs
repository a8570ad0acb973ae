using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using DuckDB.NET.Data;
using Kalshi.Daemon.Bench.Storage;
using Kalshi.Daemon.Export;
using Kalshi.Daemon.Export.Parquet;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kalshi.Daemon.Bench.Pipeline;

/// <summary>
/// Journal → Parquet, on real recordings and on a seeded exchange of 20,000 markets, beside DuckDB writing the very same rows in
/// the same order with zstd on one thread. The rows are held against an independent parse of the frames before a number is printed.
/// </summary>
/// <code>
/// frames ─▶ JournalWriter │ JournalReader ─▶ Replay ─▶ tables ─▶ ParquetWriter ─▶ directory        (measured)
///    └─▶ JsonDocument ─▶ sums ══ must equal ══ sums ◀─ DuckDB ◀─┘ └─▶ DuckDB COPY … zstd             (the rival, measured)
/// </code>
internal static class ExportBench
{
    private const int Rounds = 3;
    private const int SeededFrames = 3_000_000;

    public static int Run(string recordingsDirectory)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"kalshid-export-bench-{Environment.ProcessId}");
        try
        {
            if (Directory.Exists(recordingsDirectory))
            {
                Measure("recordings", Path.Combine(folder, "recordings"), journal => JournalRecordings(journal, recordingsDirectory));
            }
            else
            {
                Console.WriteLine($"no recordings at {recordingsDirectory}: left out");
            }

            Measure("seeded, 20,000 markets", Path.Combine(folder, "seeded"), journal => SeededJournal.Fill(journal, SeededFrames));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static void Measure(string name, string folder, Action<FrameJournal> fill)
    {
        var journal = new FrameJournal(folder);
        fill(journal);
        journal.Close();
        Console.WriteLine($"{name}: {journal.Frames:N0} frames, {journal.Bytes / 1e6:N0} MB");

        var target = Path.Combine(folder, "parquet");
        var best = Enumerable.Range(0, Rounds).Select(_ => Export(folder, target)).MinBy(run => run.Cpu);
        using var duck = new Duck();
        var table = $"'{target}/orderbook_deltas/*/*/*.parquet'";
        var sums = duck.Text($"SELECT count(*) || ' ' || sum((price * 1000000)::HUGEINT) || ' ' || sum((delta * 100)::HUGEINT) || ' ' || sum(epoch_us(exchange_at)::HUGEINT) || ' ' || sum((seq * (delta * 100))::HUGEINT) FROM {table}");
        Checks.That(sums == journal.Sums(), $"Exported deltas equal those parsed independently: {sums} against {journal.Sums()}.");

        var bytes = Directory.GetFiles(Path.Combine(target, "orderbook_deltas"), "*.parquet", SearchOption.AllDirectories).Sum(path => new FileInfo(path).Length);
        var rows = (double)journal.Deltas;
        Console.WriteLine($"  journal -> Parquet      {best.Rows / best.Wall / 1e3,8:N0} k rows/s wall, {best.Rows / best.Cpu / 1e3,8:N0} k rows/s of one core ({best.Rows:N0} rows of all tables); target >= 500 k");
        var encode = Encode(target, Path.Combine(folder, "again.parquet"));
        Console.WriteLine($"  encode deltas           {encode / 1e3,8:N0} k rows/s on one core; target >= 1,000 k");

        Console.WriteLine($"  bytes by column         {duck.Text($"SELECT string_agg(column_name || ' ' || round(bytes / {journal.Deltas}, 2), ', ') FROM (SELECT path_in_schema AS column_name, sum(total_compressed_size) AS bytes FROM parquet_metadata({table}) GROUP BY ALL ORDER BY bytes DESC)")}");
        duck.Execute($"CREATE TABLE d AS SELECT * FROM {table} ORDER BY ticker, received_at");
        var zstd = duck.Copy("COMPRESSION zstd", Path.Combine(folder, "duck.parquet"));
        var version2 = duck.Copy("COMPRESSION zstd, PARQUET_VERSION v2", Path.Combine(folder, "duck.parquet"));
        Console.WriteLine($"  DuckDB zstd             {rows / zstd.Seconds / 1e3,8:N0} k rows/s; kalshid / DuckDB {encode / (rows / zstd.Seconds):F2}");
        Console.WriteLine($"  bytes a delta row       {bytes / rows,8:F2} kalshid; DuckDB zstd {zstd.Bytes / rows:F2} (ratio {bytes / (double)zstd.Bytes:F2}, target <= 0.85), zstd with delta encoding {version2.Bytes / rows:F2} (ratio {bytes / (double)version2.Bytes:F2})");
    }

    private static (double Wall, double Cpu, long Rows) Export(string folder, string target)
    {
        foreach (var old in new[] { target, Path.Combine(folder, "export") }.Where(Directory.Exists))
        {
            Directory.Delete(old, recursive: true);
        }

        GC.Collect();
        var cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        var directory = new LocalDirectory(target);
        var report = new Exporter(new ExportSettings(folder, "bench", target, UntilNow: true, () => 0), directory, NullLogger.Instance).Run();
        return (clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds, report.Published.Sum(hour => hour.Rows.Values.Sum()));
    }

    /// <summary>The exported deltas back in memory, then written again as one file: the encoder alone, rows a second of CPU.</summary>
    private static double Encode(string target, string file)
    {
        var (columns, schema, order) = Load(Directory.GetFiles(Path.Combine(target, "orderbook_deltas"), "*.parquet", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
        using var encoder = new ChunkEncoder(HourWriter.ZstdLevel);
        var best = double.MaxValue;
        for (var round = 0; round < Rounds; round++)
        {
            var cpu = Environment.CpuUsage.TotalTime;
            using (var stream = File.Create(file))
            {
                var writer = new ParquetWriter(stream, schema, encoder);
                for (var at = 0; at < order.Length; at += ParquetWriter.RowGroupRowsMax)
                {
                    writer.WriteRowGroup(columns, order.AsSpan(at, Math.Min(ParquetWriter.RowGroupRowsMax, order.Length - at)));
                }

                writer.Finish(2, 0);
            }

            best = Math.Min(best, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
        }

        return order.Length / best;
    }

    private static (Column[] Columns, ColumnSchema[] Schema, int[] Order) Load(IEnumerable<string> files)
    {
        var symbols = new Symbols();
        ColumnSchema[] schema = [.. new Kalshi.Daemon.Export.Tables.Deltas(symbols).Columns.Select(column => column.Schema)];
        Column[] columns = [.. schema.Select(column => column.Kind == ColumnKind.Symbol ? (Column)new SymbolColumn(column, symbols) : new IntegerColumn(column))];
        foreach (var file in files)
        {
            using var reader = new ParquetReader(File.OpenRead(file));
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                foreach (var column in columns)
                {
                    Append(reader, group, column);
                }
            }
        }

        return (columns, schema, [.. Enumerable.Range(0, columns[0].Count)]);
    }

    private static void Append(ParquetReader reader, int group, Column column)
    {
        if (column is SymbolColumn texts)
        {
            var values = reader.Texts(group, column.Schema.Name);
            for (var row = 0; row < values.Codes.Length; row++)
            {
                texts.Append(values[row]);
            }

            return;
        }

        foreach (var value in reader.Integers(group, column.Schema.Name))
        {
            ((IntegerColumn)column).Append(value);
        }
    }

    /// <summary>All recordings interleaved by time into one session, seq renumbered per sid.</summary>
    private static void JournalRecordings(FrameJournal journal, string directory)
    {
        var lines = Directory.GetFiles(directory, "*.ndjson.gz").SelectMany(Lines).OrderBy(line => line.ReceivedAt);
        var seqs = new Dictionary<int, long>();
        foreach (var (receivedAt, frame) in lines)
        {
            using var document = JsonDocument.Parse(frame);
            var sid = document.RootElement.GetProperty("sid").GetInt32();
            var old = document.RootElement.GetProperty("seq").GetInt64();
            var seq = seqs[sid] = seqs.GetValueOrDefault(sid) + 1;
            var text = frame.Replace($"\"seq\":{old.ToString(CultureInfo.InvariantCulture)}", $"\"seq\":{seq.ToString(CultureInfo.InvariantCulture)}", StringComparison.Ordinal);
            journal.Append(receivedAt, 1, Encoding.UTF8.GetBytes(text));
        }
    }

    private static IEnumerable<(long ReceivedAt, string Frame)> Lines(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            const string before = "\"event\":";
            var at = line.IndexOf(before, StringComparison.Ordinal) + before.Length;
            using var document = JsonDocument.Parse(line);
            yield return (document.RootElement.GetProperty("recv_ms").GetInt64() * Micros.PerMillisecond, line[at..^1]);
        }
    }

    private sealed class Duck : IDisposable
    {
        private readonly DuckDBConnection _connection = new("Data Source=:memory:");

        public Duck()
        {
            _connection.Open();
            Execute("SET threads=1");
        }

        public void Execute(string sql)
        {
            using var command = _connection.CreateCommand();
            command.CommandText = sql;
            command.ExecuteNonQuery();
        }

        public string Text(string sql)
        {
            using var command = _connection.CreateCommand();
            command.CommandText = sql;
            return Convert.ToString(command.ExecuteScalar(), CultureInfo.InvariantCulture)!;
        }

        public (double Seconds, long Bytes) Copy(string options, string file)
        {
            var best = double.MaxValue;
            for (var round = 0; round < Rounds; round++)
            {
                var cpu = Environment.CpuUsage.TotalTime;
                Execute($"COPY d TO '{file}' (FORMAT parquet, {options})");
                best = Math.Min(best, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
            }

            return (best, new FileInfo(file).Length);
        }

        public void Dispose() => _connection.Dispose();
    }
}
