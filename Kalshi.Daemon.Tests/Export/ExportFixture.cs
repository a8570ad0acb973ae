using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Kalshi.Daemon.Export;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Tests.Books;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kalshi.Daemon.Tests.Export;

/// <summary>A data directory with a journal in it, a target directory, and runs of the exporter between them.</summary>
internal sealed class ExportFixture : IDisposable
{
    /// <summary>2026-08-05 03:00 UTC.</summary>
    public const long Start = 1_785_898_800_000_000;

    private static readonly string Parent = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
    private readonly string _root = Path.Combine(Parent, $"kalshid-export-{Guid.NewGuid():N}");
    private JournalWriter? _writer;

    public ExportFixture() => Directory.CreateDirectory(DataDirectory);

    public string DataDirectory => Path.Combine(_root, "data");

    public string Target => Path.Combine(_root, "parquet");

    /// <summary>The exporter's wall clock; long ago, so that the last hour is open unless a test says otherwise.</summary>
    public long Now { get; set; } = Start;

    /// <summary>Appends a record stamped `at` (or the next free stamp) to the journal.</summary>
    public void Append(long at, int session, RecordKind kind, ReadOnlySpan<byte> bytes)
    {
        _writer ??= JournalWriter.Open(new JournalSettings(Path.Combine(DataDirectory, "journal"), 64 << 20, 50, 4 << 20), NullLogger.Instance);
        _writer.Append(at, session, kind, bytes);
        if (_writer.PendingBytes > 1 << 18)
        {
            _writer.Flush();
        }
    }

    public void Append(long at, int session, RecordKind kind, string text) => Append(at, session, kind, Encoding.UTF8.GetBytes(text));

    /// <summary>Appends a script's records `at` µs after <see cref="Start"/>, one µs apart.</summary>
    public void Append(Script script, long at)
    {
        foreach (var (stamp, session, kind, bytes, _) in script.Records)
        {
            Append(Start + at + stamp, session, kind, bytes);
        }
    }

    public void Close()
    {
        _writer?.Dispose();
        _writer = null;
    }

    public ExportReport Export(bool untilNow = false, string? target = null, Action<string>? step = null)
    {
        Close();
        var directory = new LocalDirectory(target ?? Target, step);
        return new Exporter(new ExportSettings(DataDirectory, "test", directory.ToString(), untilNow, () => Now), directory, NullLogger.Instance).Run();
    }

    public void ForgetState() => Directory.Delete(Path.Combine(DataDirectory, "export"), recursive: true);

    /// <summary>Name → SHA-256 of every published file.</summary>
    public SortedDictionary<string, string> Files(string? target = null)
    {
        var directory = new LocalDirectory(target ?? Target);
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in directory.List(".").Select(name => name.TrimStart('.', '/')))
        {
            using var file = directory.TryOpen(name)!;
            files[name] = Convert.ToHexStringLower(SHA256.HashData(file));
        }

        return files;
    }

    /// <summary>All files of a table, for DuckDB's FROM.</summary>
    public string Table(string name, string? target = null) => $"read_parquet('{target ?? Target}/{name}/*/*/*.parquet', hive_partitioning = false)";

    public static string TradeJson(string id, string ticker, long exchangeAt) =>
        $$"""{"trade_id":"{{id}}","ticker":"{{ticker}}","yes_price_dollars":"0.6800","no_price_dollars":"0.3200","count_fp":"46.02","taker_side":"yes","taker_outcome_side":"yes","taker_book_side":"bid","is_block_trade":false,"created_time":"{{Micros.Format(exchangeAt)}}"}""";

    public static string Decimal(decimal value) => value.ToString(CultureInfo.InvariantCulture);

    public void Dispose()
    {
        Close();
        Directory.Delete(_root, recursive: true);
    }
}
