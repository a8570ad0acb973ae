using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Bench.Pipeline;

/// <summary>The same fields read with System.Text.Json as one would: numbers through `decimal`, times through `DateTimeOffset`.</summary>
internal static class Rivals
{
    /// <summary>A plain `Utf8JsonReader` loop that skips `msg`.</summary>
    public static long Head(DecodeBench.Frames frames)
    {
        var sum = 0L;
        for (var i = 0; i < frames.Count; i++)
        {
            var reader = new Utf8JsonReader(frames[i]);
            var type = FrameType.Unknown;
            long sid = 0, seq = 0, id = 0;
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("type"u8))
                {
                    reader.Read();
                    type = FrameTypes.Find(reader.ValueSpan);
                }
                else if (reader.ValueTextEquals("sid"u8))
                {
                    reader.Read();
                    sid = reader.GetInt64();
                }
                else if (reader.ValueTextEquals("seq"u8))
                {
                    reader.Read();
                    seq = reader.GetInt64();
                }
                else if (reader.ValueTextEquals("id"u8))
                {
                    reader.Read();
                    id = reader.GetInt64();
                }
                else
                {
                    reader.Skip();
                }
            }

            sum = Checksum.Head(sum, (int)type, sid, seq, id);
        }

        return sum;
    }

    public static long Document(DecodeBench.Frames frames)
    {
        var sum = 0L;
        for (var i = 0; i < frames.Count; i++)
        {
            using var document = JsonDocument.Parse(frames.Memory(i));
            var frame = document.RootElement;
            var msg = frame.GetProperty("msg");
            var type = frame.GetProperty("type").GetString();
            var ticker = msg.GetProperty("market_ticker").GetString()!;
            var seq = frame.GetProperty("seq").GetInt64();
            var sid = frame.GetProperty("sid").GetInt32();
            var id = frame.TryGetProperty("id", out var number) ? number.GetInt64() : 0;
            switch (type)
            {
                case "orderbook_delta":
                    sum = Start(sum, FrameType.OrderbookDelta, sid, seq, id, ticker);
                    sum = Checksum.Delta(sum, Side(msg.GetProperty("side").GetString()), Price(msg.GetProperty("price_dollars").GetString()),
                        Quantity(msg.GetProperty("delta_fp").GetString()), Micros(msg.GetProperty("ts").GetDateTimeOffset()), msg.GetProperty("market_id").GetGuid());
                    break;
                case "orderbook_snapshot":
                    sum = Start(sum, FrameType.OrderbookSnapshot, sid, seq, id, ticker);
                    sum = Levels(Levels(sum, msg, "yes_dollars_fp"), msg, "no_dollars_fp");
                    break;
                case "trade":
                    sum = Start(sum, FrameType.Trade, sid, seq, id, ticker);
                    var tradeId = msg.GetProperty("trade_id").GetString()!;
                    sum = Checksum.Text(sum, tradeId.Length, tradeId[0], tradeId[^1]);
                    sum = Checksum.Trade(sum, Price(msg.GetProperty("yes_price_dollars").GetString()), Price(msg.GetProperty("no_price_dollars").GetString()),
                        Quantity(msg.GetProperty("count_fp").GetString()), Side(msg.GetProperty("taker_outcome_side").GetString()),
                        BookSide(msg.GetProperty("taker_book_side").GetString()), msg.GetProperty("ts_ms").GetInt64() * 1_000);
                    break;
            }
        }

        return sum;
    }

    public static long Serializer(DecodeBench.Frames frames)
    {
        var sum = 0L;
        for (var i = 0; i < frames.Count; i++)
        {
            var frame = JsonSerializer.Deserialize(frames[i], RivalContext.Default.RivalFrame)!;
            var msg = frame.Msg!;
            switch (frame.Type)
            {
                case "orderbook_delta":
                    sum = Start(sum, FrameType.OrderbookDelta, frame.Sid, frame.Seq, frame.Id, msg.MarketTicker!);
                    sum = Checksum.Delta(sum, Side(msg.Side), Price(msg.PriceDollars), Quantity(msg.DeltaFp), Micros(msg.Ts), msg.MarketId);
                    break;
                case "orderbook_snapshot":
                    sum = Start(sum, FrameType.OrderbookSnapshot, frame.Sid, frame.Seq, frame.Id, msg.MarketTicker!);
                    sum = Levels(Levels(sum, msg.YesDollarsFp), msg.NoDollarsFp);
                    break;
                case "trade":
                    sum = Start(sum, FrameType.Trade, frame.Sid, frame.Seq, frame.Id, msg.MarketTicker!);
                    sum = Checksum.Text(sum, msg.TradeId!.Length, msg.TradeId[0], msg.TradeId[^1]);
                    sum = Checksum.Trade(sum, Price(msg.YesPriceDollars), Price(msg.NoPriceDollars), Quantity(msg.CountFp), Side(msg.TakerOutcomeSide),
                        BookSide(msg.TakerBookSide), msg.TsMs * 1_000);
                    break;
            }
        }

        return sum;
    }

    private static long Start(long sum, FrameType type, int sid, long seq, long id, string ticker) =>
        Checksum.Text(Checksum.Head(sum, (int)type, sid, seq, id), ticker.Length, ticker[0], ticker[^1]);

    private static long Levels(long sum, JsonElement msg, string name)
    {
        if (msg.TryGetProperty(name, out var levels))
        {
            foreach (var level in levels.EnumerateArray())
            {
                sum = Checksum.Level(sum, Price(level[0].GetString()), Quantity(level[1].GetString()));
            }
        }

        return sum;
    }

    private static long Levels(long sum, List<List<string>>? levels)
    {
        foreach (var level in levels ?? [])
        {
            sum = Checksum.Level(sum, Price(level[0]), Quantity(level[1]));
        }

        return sum;
    }

    private static long Price(string? text) => (long)(decimal.Parse(text!, CultureInfo.InvariantCulture) * 1_000_000m);

    private static long Quantity(string? text) => (long)(decimal.Parse(text!, CultureInfo.InvariantCulture) * 100m);

    private static long Micros(DateTimeOffset time) => (time.UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    private static Side Side(string? text) => text == "yes" ? Exchange.Protocol.Side.Yes : Exchange.Protocol.Side.No;

    private static TakerBookSide BookSide(string? text) => text == "bid" ? TakerBookSide.Bid : TakerBookSide.Ask;
}

internal sealed class RivalFrame
{
    public string? Type { get; set; }
    public int Sid { get; set; }
    public long Seq { get; set; }
    public long Id { get; set; }
    public RivalMsg? Msg { get; set; }
}

/// <summary>All fields of the three types in one class: one pass, no second look at `msg`.</summary>
internal sealed class RivalMsg
{
    public string? MarketTicker { get; set; }
    public Guid MarketId { get; set; }
    public string? PriceDollars { get; set; }
    public string? DeltaFp { get; set; }
    public string? Side { get; set; }
    [JsonConverter(typeof(RivalTime))]
    public DateTimeOffset Ts { get; set; }
    public long TsMs { get; set; }
    public string? TradeId { get; set; }
    public string? YesPriceDollars { get; set; }
    public string? NoPriceDollars { get; set; }
    public string? CountFp { get; set; }
    public string? TakerOutcomeSide { get; set; }
    public string? TakerBookSide { get; set; }
    public List<List<string>>? YesDollarsFp { get; set; }
    public List<List<string>>? NoDollarsFp { get; set; }
}

/// <summary>`ts`: RFC 3339 on deltas, Unix seconds on trades.</summary>
internal sealed class RivalTime : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String ? reader.GetDateTimeOffset() : DateTimeOffset.FromUnixTimeSeconds(reader.GetInt64());

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(value);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(RivalFrame))]
internal sealed partial class RivalContext : JsonSerializerContext;
