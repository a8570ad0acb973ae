using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Kalshi.Daemon.Journal;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Export;

/// <summary>The six real recordings as journal records → export → DuckDB, against the same lines read by DuckDB's own JSON reader.</summary>
[Parallelizable(ParallelScope.Self)]
internal sealed class RecordingsTest
{
    private static readonly string Folder = Path.Combine(Repository.Root, "..", "shared", "kalshi", "recordings");

    [Test]
    public void Parquet_holds_exactly_what_was_recorded()
    {
        if (!Directory.Exists(Folder))
        {
            Assert.Ignore($"The recordings are not at {Folder}.");
        }

        using var fixture = new ExportFixture();
        using var folder = new TemporaryFolder();
        var frames = folder.File("frames.ndjson");
        Assert.That(Journal(fixture, frames), Is.EqualTo(243_717));
        var report = fixture.Export(untilNow: true);
        Assert.That(report.Published.SelectMany(hour => hour.Epochs).Sum(epoch => epoch.Rejected + epoch.Unknown), Is.Zero);

        using var duck = new DuckDb();
        duck.Execute($$"""
            CREATE VIEW recorded AS SELECT json->>'$.type' AS type, (json->>'$.sid')::INT AS sid, (json->>'$.seq')::BIGINT AS seq, json->'$.msg' AS msg
            FROM read_json('{{frames}}', format = 'newline_delimited', records = false, columns = {json: 'JSON'}, maximum_object_size = 16777216)
            """);
        Same(duck, "deltas",
            $"SELECT ticker, epoch_us(exchange_at) AS at, side, price, delta, seq FROM {fixture.Table("orderbook_deltas")}",
            """
            SELECT msg->>'$.market_ticker', epoch_us((msg->>'$.ts')::TIMESTAMPTZ), msg->>'$.side', (msg->>'$.price_dollars')::DECIMAL(7,6), (msg->>'$.delta_fp')::DECIMAL(18,2), seq
            FROM recorded WHERE type = 'orderbook_delta'
            """, 237_586);
        Same(duck, "trades",
            $"SELECT ticker, epoch_us(exchange_at) AS at, trade_id, yes_price, no_price, count, taker_side, taker_book_side, seq FROM {fixture.Table("trades")}",
            """
            SELECT msg->>'$.market_ticker', (msg->>'$.ts_ms')::BIGINT * 1000, msg->>'$.trade_id', (msg->>'$.yes_price_dollars')::DECIMAL(7,6), (msg->>'$.no_price_dollars')::DECIMAL(7,6),
                   (msg->>'$.count_fp')::DECIMAL(18,2), msg->>'$.taker_outcome_side', msg->>'$.taker_book_side', seq
            FROM recorded WHERE type = 'trade'
            """, null);
        const string levels = "[{0} FOR level IN coalesce((msg->'$.{1}_dollars_fp')::JSON[], [])]";
        var side = (string name) => string.Format(levels, "(level->>'$[0]')::DECIMAL(7,6)", name) + ", " + string.Format(levels, "(level->>'$[1]')::DECIMAL(18,2)", name);
        Same(duck, "snapshots",
            $"SELECT ticker, seq, yes_prices, yes_sizes, no_prices, no_sizes FROM {fixture.Table("orderbook_snapshots")}",
            $"SELECT msg->>'$.market_ticker', seq, {side("yes")}, {side("no")} FROM recorded WHERE type = 'orderbook_snapshot'", null);
    }

    /// <summary>Multiset equality: what is in one and not in the other, counted both ways.</summary>
    private static void Same(DuckDb duck, string what, string exported, string recorded, long? count)
    {
        Assert.That(duck.Number($"SELECT count(*) FROM ({recorded})"), count is null ? Is.Positive : Is.EqualTo(count), what);
        Assert.That(duck.Number($"SELECT count(*) FROM ({exported} EXCEPT ALL {recorded})"), Is.Zero, $"{what}: exported but not recorded");
        Assert.That(duck.Number($"SELECT count(*) FROM ({recorded} EXCEPT ALL {exported})"), Is.Zero, $"{what}: recorded but not exported");
    }

    /// <summary>Interleaves the files by time into one session, seq renumbered per sid, and writes the same frames as lines for DuckDB.</summary>
    private static int Journal(ExportFixture fixture, string frames)
    {
        var lines = Directory.GetFiles(Folder, "*.ndjson.gz").SelectMany(Lines).OrderBy(line => line.ReceivedMs).ToList();
        var seqs = new Dictionary<int, long>();
        using var copy = new StreamWriter(frames);
        var start = lines[0].ReceivedMs * 1_000;
        fixture.Append(start - 20, 0, RecordKind.ProcessStarted, """{"gatherer":"test","version":"0"}""");
        fixture.Append(start - 19, 1, RecordKind.Command, """{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],"market_tickers":["X"],"use_yes_price":false}}""");
        fixture.Append(start - 18, 1, RecordKind.Command, """{"id":2,"cmd":"subscribe","params":{"channels":["trade"]}}""");
        fixture.Append(start - 17, 1, RecordKind.Frame, """{"type":"subscribed","id":1,"msg":{"channel":"orderbook_delta","sid":1}}""");
        fixture.Append(start - 16, 1, RecordKind.Frame, """{"type":"subscribed","id":2,"msg":{"channel":"trade","sid":2}}""");
        foreach (var (receivedMs, frame) in lines)
        {
            var sid = (int)frame["sid"]!;
            frame["seq"] = seqs[sid] = seqs.GetValueOrDefault(sid) + 1;
            var text = frame.ToJsonString();
            fixture.Append(receivedMs * 1_000, 1, RecordKind.Frame, Encoding.UTF8.GetBytes(text));
            copy.WriteLine(text);
        }

        return lines.Count;
    }

    private static IEnumerable<(long ReceivedMs, JsonNode Frame)> Lines(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            var node = JsonNode.Parse(line)!;
            var frame = node["event"]!;
            node.AsObject().Remove("event");
            yield return ((long)node["recv_ms"]!, frame);
        }
    }
}
