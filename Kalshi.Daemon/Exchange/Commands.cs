using System.Buffers;
using System.Text.Json;

namespace Kalshi.Daemon.Exchange;

/// <summary>The text of the commands kalshid sends (client → server), one JSON object each. Thread-safe.</summary>
internal static class Commands
{
    /// <summary>
    /// Books always ask for `use_yes_price: true`: the server's default is announced to flip and then to go, and an explicit
    /// true survives both. `skip_ticker_ack` keeps each `ok` from echoing every ticker of the sid.
    /// </summary>
    public static byte[] SubscribeBooks(long id, IReadOnlyList<string> tickers) => Write(id, "subscribe", json =>
    {
        Channels(json, "orderbook_delta");
        Tickers(json, tickers);
        json.WriteBoolean("use_yes_price"u8, true);
        json.WriteBoolean("skip_ticker_ack"u8, true);
    });

    /// <summary>A channel for all markets (trade, ticker and the lifecycle channels allow it).</summary>
    public static byte[] SubscribeAll(long id, string channel) => Write(id, "subscribe", json =>
    {
        Channels(json, channel);
        json.WriteBoolean("skip_ticker_ack"u8, true);
    });

    /// <summary>`action`: add_markets, delete_markets or get_snapshot.</summary>
    public static byte[] Update(long id, int sid, string action, IReadOnlyList<string> tickers) => Write(id, "update_subscription", json =>
    {
        Sids(json, sid);
        json.WriteString("action"u8, action);
        Tickers(json, tickers);
        json.WriteBoolean("skip_ticker_ack"u8, true);
    });

    public static byte[] Unsubscribe(long id, int sid) => Write(id, "unsubscribe", json => Sids(json, sid));

    private static byte[] Write(long id, string command, Action<Utf8JsonWriter> parameters)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteNumber("id"u8, id);
        json.WriteString("cmd"u8, command);
        json.WriteStartObject("params"u8);
        parameters(json);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void Channels(Utf8JsonWriter json, string channel)
    {
        json.WriteStartArray("channels"u8);
        json.WriteStringValue(channel);
        json.WriteEndArray();
    }

    private static void Sids(Utf8JsonWriter json, int sid)
    {
        json.WriteStartArray("sids"u8);
        json.WriteNumberValue(sid);
        json.WriteEndArray();
    }

    private static void Tickers(Utf8JsonWriter json, IReadOnlyList<string> tickers)
    {
        json.WriteStartArray("market_tickers"u8);
        foreach (var ticker in tickers)
        {
            json.WriteStringValue(ticker);
        }

        json.WriteEndArray();
    }
}
