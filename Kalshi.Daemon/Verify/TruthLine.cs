using System.Text.Json;
using Kalshi.Daemon.Exchange.Protocol;

namespace Kalshi.Daemon.Verify;

internal enum TruthKind : byte
{
    None,
    Delta,
    Trade,
    Ticker,
    Lifecycle,
    Snapshot,
}

/// <summary>One line of a truth file. Reused; keys in any order, unknown keys passed over.</summary>
internal sealed class TruthLine
{
    private TextBuffer _ticker, _tradeId, _type, _eventType;

    public TruthKind Kind;
    public long ExchangeAt;
    public Side Side;
    public int Price;
    public long Delta;
    public TradeValues Trade;

    /// <summary>In the order of <see cref="RowHash.Ticker"/>.</summary>
    public readonly long[] Values = new long[10];

    /// <summary>The ticker, or for events the event ticker.</summary>
    public ReadOnlySpan<byte> Ticker => _ticker.Span;

    public ReadOnlySpan<byte> TradeId => _tradeId.Span;

    public ReadOnlySpan<byte> Type => _type.Span;

    public ReadOnlySpan<byte> EventType => _eventType.Span;

    /// <summary>Throws JsonException, FormatException or InvalidOperationException for what is no truth line.</summary>
    public void Read(ReadOnlySpan<byte> text, List<Level> yes, List<Level> no)
    {
        Kind = TruthKind.None;
        Trade = default;
        _ticker.Clear();
        _tradeId.Clear();
        _type.Clear();
        _eventType.Clear();
        var reader = new Utf8JsonReader(text);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.ValueSpan;
            reader.Read();
            ReadField(name, ref reader, yes, no);
        }
    }

    private void ReadField(ReadOnlySpan<byte> name, ref Utf8JsonReader reader, List<Level> yes, List<Level> no)
    {
        switch (name)
        {
            case var _ when name.SequenceEqual("kind"u8): Kind = KindOf(reader.ValueSpan); break;
            case var _ when name.SequenceEqual("ticker"u8) || name.SequenceEqual("event_ticker"u8): SetText(ref _ticker, ref reader); break;
            case var _ when name.SequenceEqual("exchange_at"u8): ExchangeAt = reader.GetInt64(); break;
            case var _ when name.SequenceEqual("side"u8): Side = SideOf(reader.ValueSpan); break;
            case var _ when name.SequenceEqual("price"u8): Price = reader.GetInt32(); break;
            case var _ when name.SequenceEqual("delta"u8): Delta = reader.GetInt64(); break;
            case var _ when name.SequenceEqual("yes"u8): ReadLevels(ref reader, yes); break;
            case var _ when name.SequenceEqual("no"u8): ReadLevels(ref reader, no); break;
            case var _ when name.SequenceEqual("type"u8): SetText(ref _type, ref reader); break;
            case var _ when name.SequenceEqual("event_type"u8): SetText(ref _eventType, ref reader); break;
            default: ReadRareField(name, ref reader); break;
        }
    }

    private void ReadRareField(ReadOnlySpan<byte> name, ref Utf8JsonReader reader)
    {
        switch (name)
        {
            case var _ when name.SequenceEqual("trade_id"u8): SetText(ref _tradeId, ref reader); break;
            case var _ when name.SequenceEqual("yes_price"u8): Trade = Trade with { YesPrice = reader.GetInt32() }; break;
            case var _ when name.SequenceEqual("no_price"u8): Trade = Trade with { NoPrice = reader.GetInt32() }; break;
            case var _ when name.SequenceEqual("count"u8): Trade = Trade with { Count = reader.GetInt64() }; break;
            case var _ when name.SequenceEqual("taker_side"u8): Trade = Trade with { TakerSide = SideOf(reader.ValueSpan) }; break;
            case var _ when name.SequenceEqual("taker_book_side"u8):
                Trade = Trade with { TakerBookSide = reader.ValueTextEquals("bid"u8) ? TakerBookSide.Bid : TakerBookSide.Ask };
                break;
            case var _ when name.SequenceEqual("is_block_trade"u8): Trade = Trade with { IsBlockTrade = reader.TokenType == JsonTokenType.True }; break;
            default:
                if (TickerField(name) is var field and >= 0)
                {
                    Values[field] = reader.GetInt64();
                }
                else
                {
                    reader.Skip();
                }

                break;
        }
    }

    private static int TickerField(ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < TickerFields.Length; i++)
        {
            if (name.SequenceEqual(TickerFields[i]))
            {
                return i;
            }
        }

        return -1;
    }

    private static readonly byte[][] TickerFields =
    [
        [.. "last_price"u8], [.. "yes_bid"u8], [.. "yes_ask"u8], [.. "yes_bid_size"u8], [.. "yes_ask_size"u8],
        [.. "last_trade_size"u8], [.. "volume"u8], [.. "open_interest"u8], [.. "dollar_volume"u8], [.. "dollar_open_interest"u8],
    ];

    private static TruthKind KindOf(ReadOnlySpan<byte> kind) => kind switch
    {
        _ when kind.SequenceEqual("delta"u8) => TruthKind.Delta,
        _ when kind.SequenceEqual("trade"u8) => TruthKind.Trade,
        _ when kind.SequenceEqual("ticker"u8) => TruthKind.Ticker,
        _ when kind.SequenceEqual("lifecycle"u8) => TruthKind.Lifecycle,
        _ when kind.SequenceEqual("snapshot"u8) => TruthKind.Snapshot,
        _ => TruthKind.None,
    };

    private static Side SideOf(ReadOnlySpan<byte> side) => side.SequenceEqual("yes"u8) ? Side.Yes : side.SequenceEqual("no"u8) ? Side.No : Side.None;

    private static void SetText(ref TextBuffer buffer, ref Utf8JsonReader reader)
    {
        if (reader.ValueIsEscaped)
        {
            buffer.Set(System.Text.Encoding.UTF8.GetBytes(reader.GetString()!));
        }
        else
        {
            buffer.Set(reader.ValueSpan);
        }
    }

    private static void ReadLevels(ref Utf8JsonReader reader, List<Level> levels)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.StartArray)
        {
            reader.Read();
            var price = reader.GetInt32();
            reader.Read();
            levels.Add(new Level(price, reader.GetInt64()));
            reader.Read();
        }
    }
}
