using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Simulation;

internal enum RecordedKind : byte
{
    Delta,
    Trade,
    Snapshot,
}

/// <summary>One recorded message. `Quantity` is a delta's change, a trade's count, a snapshot's index; `Side` a trade's taker.</summary>
internal readonly record struct RecordedEntry(
    long ReceivedMs, RecordedKind Kind, Side Side, int Price, long Quantity, long ExchangeAt, Guid Id, bool? IsBlock);

/// <summary>
/// One market as recorded: `T.DATE.ndjson.gz`, lines {"recv_ms":ms,"event":{frame}}, and `E.market.json`, the REST record of
/// its event. Read with a parser of its own, so that a mistake of the decoder under test cannot hide in the simulator.
/// </summary>
internal sealed class Recording
{
    public required string Ticker { get; init; }

    public required Guid MarketId { get; init; }

    public required RecordedEntry[] Entries { get; init; }

    public required List<(Level[] Yes, Level[] No)> Snapshots { get; init; }

    /// <summary>`response` of the market file; null when there is none for this market.</summary>
    public JsonElement? Rest { get; init; }

    /// <summary>Set once added to an exchange.</summary>
    public SimulatedMarket? Market { get; private set; }

    public bool HasInitialSnapshot => Entries[0].Kind == RecordedKind.Snapshot;

    /// <summary>Every recording of the directory, by name. Throws <see cref="SetupException"/> when there is none or one is not as described.</summary>
    public static List<Recording> ReadAll(string directory)
    {
        var files = Directory.Exists(directory) ? Directory.GetFiles(directory, "*.ndjson.gz").Order(StringComparer.Ordinal).ToArray() : [];
        if (files.Length == 0)
        {
            throw new SetupException(ExitCode.Usage, $"--replay {directory}: there is no recording (*.ndjson.gz) there.");
        }

        var rest = Directory.GetFiles(directory, "*.market.json").Select(ReadRest).ToArray();
        return [.. files.Select(file => Read(file, rest))];
    }

    private static JsonElement ReadRest(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        return document.RootElement.GetProperty("response").Clone();
    }

    private static Recording Read(string file, JsonElement[] rest)
    {
        var entries = new List<RecordedEntry>();
        var snapshots = new List<(Level[] Yes, Level[] No)>();
        string? ticker = null;
        var id = Guid.Empty;
        try
        {
            using var reader = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress), Encoding.UTF8);
            while (reader.ReadLine() is { } line)
            {
                using var document = JsonDocument.Parse(line);
                var msg = document.RootElement.GetProperty("event").GetProperty("msg");
                ticker ??= msg.GetProperty("market_ticker").GetString()!;
                id = msg.TryGetProperty("market_id", out var uuid) && uuid.TryGetGuid(out var parsed) ? parsed : id;
                entries.Add(ReadEntry(document.RootElement, msg, snapshots));
            }
        }
        catch (Exception e) when (e is IOException or JsonException or KeyNotFoundException or FormatException or InvalidDataException)
        {
            throw new SetupException(ExitCode.Usage, $"{file} line {entries.Count + 1} is not a recorded message: {e.Message}");
        }

        if (ticker is null)
        {
            throw new SetupException(ExitCode.Usage, $"{file} holds no message.");
        }

        var described = Array.Find(rest, one => one.GetProperty("markets").EnumerateArray().Any(market => market.GetProperty("ticker").GetString() == ticker));
        return new Recording
        {
            Ticker = ticker,
            MarketId = id,
            Entries = [.. entries],
            Snapshots = snapshots,
            Rest = described.ValueKind == JsonValueKind.Object ? described : null,
        };
    }

    private static RecordedEntry ReadEntry(JsonElement line, JsonElement msg, List<(Level[] Yes, Level[] No)> snapshots)
    {
        var received = line.GetProperty("recv_ms").GetInt64();
        switch (line.GetProperty("event").GetProperty("type").GetString())
        {
            case "orderbook_delta":
                return new RecordedEntry(received, RecordedKind.Delta, ReadSide(msg.GetProperty("side")), ReadPrice(msg.GetProperty("price_dollars")),
                    ReadQuantity(msg.GetProperty("delta_fp")), ReadTime(msg), default, null);
            case "trade":
                return new RecordedEntry(received, RecordedKind.Trade, ReadSide(msg.GetProperty("taker_outcome_side")),
                    ReadPrice(msg.GetProperty("yes_price_dollars")), ReadQuantity(msg.GetProperty("count_fp")),
                    msg.GetProperty("ts_ms").GetInt64() * Micros.PerMillisecond, msg.GetProperty("trade_id").GetGuid(),
                    msg.TryGetProperty("is_block_trade", out var block) ? block.GetBoolean() : null);
            case "orderbook_snapshot":
                snapshots.Add((ReadLevels(msg, "yes_dollars_fp"), ReadLevels(msg, "no_dollars_fp")));
                return new RecordedEntry(received, RecordedKind.Snapshot, Side.None, 0, snapshots.Count - 1, 0, default, null);
            case var other:
                throw new FormatException($"type {other} is not one that recordings hold");
        }
    }

    private static Side ReadSide(JsonElement side) => side.GetString() == "yes" ? Side.Yes : Side.No;

    private static int ReadPrice(JsonElement price) => (int)(decimal.Parse(price.GetString()!, CultureInfo.InvariantCulture) * 1_000_000);

    private static long ReadQuantity(JsonElement quantity) => (long)(decimal.Parse(quantity.GetString()!, CultureInfo.InvariantCulture) * 100);

    private static long ReadTime(JsonElement msg) => Micros.TryParseRfc3339(Encoding.UTF8.GetBytes(msg.GetProperty("ts").GetString()!), out var at) ? at
        : throw new FormatException("ts is not a time");

    private static Level[] ReadLevels(JsonElement msg, string name) => !msg.TryGetProperty(name, out var levels) ? []
        : [.. levels.EnumerateArray().Select(level => new Level(ReadPrice(level[0]), ReadQuantity(level[1]))).OrderBy(level => level.Price)];

    /// <summary>Adds series, event and market, with the first snapshot as the book.</summary>
    public void AddTo(SimulatedExchange exchange)
    {
        var parent = RecordedEvent.Of(exchange, this);
        Market = new SimulatedMarket
        {
            Index = exchange.Markets.Count,
            Ticker = Encoding.UTF8.GetBytes(Ticker),
            Event = parent,
            Id = MarketId,
            Tick = 10_000,
            Status = MarketStatus.Active,
            Book = new SimulatedBook(),
            RecordedJson = RecordedEvent.StaticFields(this),
        };
        if (!exchange.Markets.TryAdd(Market))
        {
            throw new SetupException(ExitCode.Usage, $"Market {Ticker} is recorded twice; replay one of the recordings at a time.");
        }

        parent.MarketCount++;
        if (HasInitialSnapshot)
        {
            Fill(Market.Book!, Snapshots[0]);
        }
    }

    private static void Fill(SimulatedBook book, (Level[] Yes, Level[] No) snapshot)
    {
        foreach (var level in snapshot.Yes)
        {
            book.Append(Side.Yes, level);
        }

        foreach (var level in snapshot.No)
        {
            book.Append(Side.No, level);
        }
    }
}

/// <summary>The REST side of a recording: its event, series, and the fields of the market that do not move.</summary>
internal static class RecordedEvent
{
    /// <summary>Fields that the simulator writes itself, because they change while the recording plays.</summary>
    private static readonly string[] Moving =
    [
        "status", "result", "settlement_value_dollars", "settlement_ts", "expiration_value", "updated_time", "last_price_dollars", "volume_fp",
        "volume_24h_fp", "open_interest_fp", "yes_bid_dollars", "yes_ask_dollars", "no_bid_dollars", "no_ask_dollars", "yes_bid_size_fp",
        "yes_ask_size_fp", "previous_yes_bid_dollars", "previous_yes_ask_dollars", "previous_price_dollars",
    ];

    public static SimulatedEvent Of(SimulatedExchange exchange, Recording recording)
    {
        var described = recording.Rest?.GetProperty("event");
        var ticker = described?.GetProperty("event_ticker").GetString() ?? recording.Ticker;
        if (exchange.Markets.Events.Find(other => other.Ticker == ticker) is { } known)
        {
            return known;
        }

        var seriesTicker = described?.GetProperty("series_ticker").GetString() ?? ticker.Split('-')[0];
        var series = exchange.Markets.Series.Find(other => other.Ticker == seriesTicker);
        if (series is null)
        {
            var category = described is { } e && e.TryGetProperty("category", out var text) ? text.GetString()! : "";
            exchange.Markets.Series.Add(series = new SimulatedSeries(seriesTicker, seriesTicker, category));
        }

        var market = recording.Rest?.GetProperty("markets").EnumerateArray().First(one => one.GetProperty("ticker").GetString() == recording.Ticker);
        var added = new SimulatedEvent
        {
            Ticker = ticker,
            Series = series,
            Title = described?.GetProperty("title").GetString() ?? ticker,
            FirstMarket = exchange.Markets.Count,
            CreatedAt = Time(market, "created_time", recording.Entries[0].ReceivedMs),
            OpenAt = Time(market, "open_time", recording.Entries[0].ReceivedMs),
            CloseAt = Time(market, "close_time", recording.Entries[^1].ReceivedMs),
        };
        exchange.Markets.Events.Add(added);
        return added;
    }

    /// <summary>`"ticker":"…","title":"…",…` without braces; null when the recording has no market file.</summary>
    public static byte[]? StaticFields(Recording recording)
    {
        if (recording.Rest is not { } rest)
        {
            return null;
        }

        var text = new WireText();
        foreach (var field in rest.GetProperty("markets").EnumerateArray().First(one => one.GetProperty("ticker").GetString() == recording.Ticker).EnumerateObject())
        {
            if (!Moving.Contains(field.Name))
            {
                (text.Length == 0 ? text : text.Raw(","u8)).Text(field.Name).Raw(":"u8).Raw(Encoding.UTF8.GetBytes(field.Value.GetRawText()));
            }
        }

        return text.Span.ToArray();
    }

    private static long Time(JsonElement? market, string name, long otherwiseMs) =>
        market is { } known && known.TryGetProperty(name, out var text) && Micros.TryParseRfc3339(Encoding.UTF8.GetBytes(text.GetString() ?? ""), out var at)
            ? at : otherwiseMs * Micros.PerMillisecond;
}
