using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using DuckDB.NET.Data;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.EndToEnd;

/// <summary>
/// Six recorded markets of the real exchange, played at full speed through real sockets, captured, exported, and compared with
/// the recordings by readers that share no code with kalshid: System.Text.Json for the recordings, DuckDB for the Parquet.
/// </summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class ReplayTest
{
    private const int RecordedMessages = 243_717;

    private static readonly string Recordings = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "kalshi", "recordings"));

    private Rehearsal _rehearsal = null!;

    [SetUp]
    public void SetUp() => _rehearsal = new Rehearsal();

    [TearDown]
    public void TearDown() => _rehearsal.Dispose();

    [Test]
    public void Parquet_holds_exactly_what_was_recorded()
    {
        if (!Directory.Exists(Recordings))
        {
            Assert.Ignore("The recordings are not beside this repository.");
        }

        _rehearsal.StartExchange("--replay", Recordings, "--speed", "max", "--linger", "5m", "--key", "ed25519");
        var gather = _rehearsal.StartGather("--set", "gather.markets_per_connection=4", "--until-idle", "4s");
        Assert.That(gather.WaitForExit(TimeSpan.FromMinutes(2)), Is.EqualTo(ExitCode.Ok));

        var report = _rehearsal.VerifySound("--truth", _rehearsal.Truth);
        foreach (var key in (string[])["negative_levels", "snapshot_mismatches", "lost", "in_reported_gaps", "rejected"])
        {
            Assert.That(report.GetProperty(key).GetInt64(), Is.Zero, key);
        }

        var exported = _rehearsal.Run("export", "--until", "now", "--target", _rehearsal.Parquet);
        Assert.That(exported.ExitCode, Is.EqualTo(ExitCode.Ok), exported.Error);
        _rehearsal.VerifySound("--parquet", _rehearsal.Parquet, "--truth", _rehearsal.Truth);

        using var duck = new DuckDBConnection("DataSource=:memory:");
        duck.Open();
        Execute(duck, "CREATE TABLE recorded (kind VARCHAR, line VARCHAR)");
        Assert.That(Load(duck), Is.EqualTo(RecordedMessages));
        Execute(duck, $"""
            CREATE TABLE exported AS
            SELECT 'delta' AS kind, concat_ws(' ', ticker, epoch_us(exchange_at), side, price, delta) AS line FROM {Table("orderbook_deltas")}
            UNION ALL SELECT 'trade', concat_ws(' ', ticker, epoch_us(exchange_at), trade_id, yes_price, no_price, count, taker_side) FROM {Table("trades")}
            UNION ALL SELECT 'snapshot', concat_ws(' ', ticker, yes_prices, yes_sizes, no_prices, no_sizes) FROM {Table("orderbook_snapshots")}
            """);
        Assert.Multiple(() =>
        {
            Assert.That(Examples(duck, "recorded", "exported"), Is.Empty, "recorded, but not in the Parquet");
            Assert.That(Examples(duck, "exported", "recorded"), Is.Empty, "in the Parquet, but not recorded");
        });
    }

    private string Table(string name) => $"read_parquet('{_rehearsal.Parquet}/{name}/**/*.parquet')";

    private static int Load(DuckDBConnection duck)
    {
        var count = 0;
        using var appender = duck.CreateAppender("recorded");
        foreach (var file in Directory.GetFiles(Recordings, "*.ndjson.gz"))
        {
            using var reader = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
            while (reader.ReadLine() is { } text)
            {
                using var json = JsonDocument.Parse(text);
                var (kind, line) = Describe(json.RootElement.GetProperty("event"));
                appender.CreateRow().AppendValue(kind).AppendValue(line).EndRow();
                count++;
            }
        }

        return count;
    }

    private static (string Kind, string Line) Describe(JsonElement frame)
    {
        var msg = frame.GetProperty("msg");
        string Value(string name) => msg.GetProperty(name).GetString()!;
        var ticker = Value("market_ticker");
        return frame.GetProperty("type").GetString() switch
        {
            "orderbook_delta" => ("delta", $"{ticker} {MicrosOf(Value("ts"))} {Value("side")} {Price(Value("price_dollars"))} {Size(Value("delta_fp"))}"),
            "trade" => ("trade", $"{ticker} {msg.GetProperty("ts_ms").GetInt64() * 1000} {Value("trade_id")} {Price(Value("yes_price_dollars"))} "
                + $"{Price(Value("no_price_dollars"))} {Size(Value("count_fp"))} {Value("taker_outcome_side")}"),
            _ => ("snapshot", $"{ticker} {Levels(msg, "yes_dollars_fp")} {Levels(msg, "no_dollars_fp")}"),
        };
    }

    /// <summary>Two lists as DuckDB prints them, ascending by price; a missing key is an empty side.</summary>
    private static string Levels(JsonElement msg, string name)
    {
        var levels = msg.TryGetProperty(name, out var array) ? array.EnumerateArray().ToArray() : [];
        var sorted = levels.Select(level => (Price: Price(level[0].GetString()!), Size: Size(level[1].GetString()!))).OrderBy(level => level.Price, StringComparer.Ordinal).ToArray();
        return $"[{string.Join(", ", sorted.Select(level => level.Price))}] [{string.Join(", ", sorted.Select(level => level.Size))}]";
    }

    private static string Price(string text) => decimal.Parse(text, CultureInfo.InvariantCulture).ToString("0.000000", CultureInfo.InvariantCulture);

    private static string Size(string text) => decimal.Parse(text, CultureInfo.InvariantCulture).ToString("0.00", CultureInfo.InvariantCulture);

    private static long MicrosOf(string time) =>
        (DateTime.Parse(time, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal) - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private static void Execute(DuckDBConnection duck, string sql)
    {
        using var command = duck.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    /// <summary>Up to five rows of `one` that `other` does not hold as often.</summary>
    private static List<string> Examples(DuckDBConnection duck, string one, string other)
    {
        using var command = duck.CreateCommand();
        command.CommandText = $"SELECT kind, line FROM {one} EXCEPT ALL SELECT kind, line FROM {other} LIMIT 5";
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read())
        {
            rows.Add($"{reader.GetString(0)} {reader.GetString(1)}");
        }

        return rows;
    }
}
